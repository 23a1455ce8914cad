//! Where values are encoded before their size is known.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// What is longer is handed over as it is, instead of copied; in bytes.
const LONGEST_COPY: usize = 16 * 1_024;
/// What is shorter has an allocation together with others, so that neither it nor a clone of it costs one; in bytes.
const SHORT: usize = 240;
/// What one of them keeps from being freed at most, in bytes. Less than 1 KiB, from which on the allocator has more to do.
const TOGETHER: usize = 960;

thread_local! {
    /// Empty while it is in use, and of no more than [`LONGEST_COPY`] in between.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Where short values lie one behind the other. Empty when there is none.
    static SHARED: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// What `write` writes, with one allocation at most unless it is long: a buffer that grows with the value has several.
pub(super) fn written<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    // Whoever encodes something while it is encoded finds an empty one. A thread that ends has none any more.
    let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    write(&mut buffer)?;
    if buffer.len() > LONGEST_COPY {
        return Ok(Bytes::from(buffer));
    }
    let bytes = if buffer.len() <= SHORT { together(&buffer) } else { Bytes::copy_from_slice(&buffer) };
    buffer.shrink_to(LONGEST_COPY);
    let _ = SCRATCH.try_with(|scratch| scratch.set(buffer));
    Ok(bytes)
}

/// A copy of something short.
fn together(short: &[u8]) -> Bytes {
    let mut shared = SHARED.try_with(Cell::take).ok().flatten().unwrap_or_default();
    if shared.capacity() < short.len() {
        // The same memory again, once nobody has any of it.
        shared.reserve(TOGETHER);
    }
    shared.extend_from_slice(short);
    let bytes = shared.split().freeze();
    let _ = SHARED.try_with(|place| place.set(Some(shared)));
    bytes
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
    fn short_values_share_their_memory_and_nothing_else() {
        let values: Vec<_> = (0..200_usize).map(|length| write(&vec![length as u8; length])).collect();
        for (length, value) in values.iter().enumerate() {
            assert_eq!(*value, vec![length as u8; length]);
        }
        let (first, second) = (write(b"first"), write(b"second"));
        assert_eq!(first.as_ptr_range().end, second.as_ptr_range().start);
        assert_eq!((first, second), (Bytes::from_static(b"first"), Bytes::from_static(b"second")));
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
