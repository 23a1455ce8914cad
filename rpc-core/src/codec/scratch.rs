//! Where values are encoded before their size is known.

use std::cell::Cell;

use bytes::Bytes;

/// What is longer is handed over as it is, instead of copied; in bytes.
const LONGEST_COPY: usize = 16 * 1_024;

thread_local! {
    /// Empty while it is in use, and of no more than [`LONGEST_COPY`] in between.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `write` writes, with one allocation if it is short: a buffer that grows with the value has several.
pub(super) fn written<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    // Whoever encodes something while it is encoded finds an empty one. A thread that ends has none any more.
    let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    write(&mut buffer)?;
    if buffer.len() > LONGEST_COPY {
        return Ok(Bytes::from(buffer));
    }
    let bytes = Bytes::copy_from_slice(&buffer);
    buffer.shrink_to(LONGEST_COPY);
    let _ = SCRATCH.try_with(|scratch| scratch.set(buffer));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn write(bytes: &[u8]) -> Bytes {
        let copied: Result<_, Infallible> = written(|buffer| {
            buffer.extend_from_slice(bytes);
            Ok(())
        });
        copied.unwrap()
    }

    #[test]
    fn nothing_of_one_value_gets_into_the_next() {
        for length in [3, 0, LONGEST_COPY, LONGEST_COPY + 1, 2] {
            assert_eq!(write(&vec![length as u8; length]), vec![length as u8; length]);
        }
        assert!(
            written(|buffer| {
                buffer.push(1);
                Err(())
            })
            .is_err()
        );
        assert_eq!(write(b"ab"), "ab");
    }

    #[test]
    fn one_value_may_be_written_while_another_is() {
        let outer: Result<_, Infallible> = written(|buffer| {
            buffer.extend_from_slice(b"<");
            buffer.extend_from_slice(&write(b"inner"));
            buffer.extend_from_slice(b">");
            Ok(())
        });
        assert_eq!(outer.unwrap(), "<inner>");
    }
}
