//! The password for a login.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::refusal::{Refusal, RefusalKind};
use crate::secret::Secret;

/// The longest password in bytes. A file that is longer is another file.
const LONGEST: u64 = 64 * 1_024;

/// The password in the file at `path`, read on a thread that may block.
pub(super) async fn from_file(path: &Path) -> Result<Secret, Refusal> {
    let name = path.display().to_string();
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    read.map_err(io::Error::other).flatten().map_err(|error| Refusal {
        kind: RefusalKind::NoPassword,
        text: format!("cannot read the password in {name}: {error}"),
    })
}

fn read(path: &Path) -> io::Result<Secret> {
    let mut password = String::new();
    // One more than is allowed, to see whether there is more.
    let length = File::open(path)?.take(LONGEST + 1).read_to_string(&mut password)?;
    if length as u64 > LONGEST {
        return Err(io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    password.truncate(password.trim_end().len());
    if password.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    Ok(Secret::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_file_but_the_end_of_the_line() {
        let path = std::env::temp_dir().join(format!("rpc-password-{}", std::process::id()));
        let from = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).map(|secret| secret.reveal().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(from(" a b\r\n").as_deref(), Ok(" a b"));
        assert_eq!(from("\n").unwrap_err(), "it is empty");
        assert_eq!(from(&"x".repeat(65_537)).unwrap_err(), "it has more than 65536 bytes");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
