//! The right of one process to a name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use rpc_core::{Code, Error, Executed, Phase};

/// The highest number. That many processes of one program on one machine are a mistake.
const HIGHEST: u32 = 1_000;

/// The right of one process to a name: a lock on a file of that name. The file is empty, and stays: whoever opens it before
/// it is removed would hold a lock that nobody else sees.
#[derive(Debug)]
pub(crate) struct Claim {
    /// `<host>:<process>:<number>`.
    name: String,
    /// Closed with the process, and only then; a program that this one starts does not inherit it.
    _locked: File,
}

impl Claim {
    /// The lowest number behind `program` under which nobody has a queue `<base><program>:<number>`.
    pub(super) fn lowest(folder: &Path, base: &str, program: &str) -> Result<Self, Error> {
        for number in 1..=HIGHEST {
            let name = format!("{program}:{number}");
            let path = folder.join(format!("{}.lock", file_name(&format!("{base}{name}"))));
            match lock(&path) {
                Ok(Some(locked)) => return Ok(Self { name, _locked: locked }),
                Ok(None) => {}
                Err(error) => {
                    return Err(refused(format!(
                        "use_queue_manager needs a lock for each name of a queue, and cannot have {}: {error}",
                        path.display()
                    )));
                }
            }
        }
        Err(refused(format!("all names {base}{program}:1 to {HIGHEST} are taken: set another processname")))
    }

    /// What stands behind the base.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

/// `None` when somebody else has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
        Ok(file) => file,
        // Of another user, who may or may not run.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && path.exists() => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A name of a queue as that of a file.
fn file_name(queue: &str) -> String {
    queue.chars().fold("rpc-".to_owned(), |mut name, character| {
        match character {
            '/' => name.push_str("%2f"),
            '%' => name.push_str("%25"),
            '\0' => name.push_str("%00"),
            _ => name.push(character),
        }
        name
    })
}

fn refused(message: String) -> Error {
    Error::new(Code::Unavailable, message)
        .with_executed(Executed::NotSent)
        .with_retryable(false)
        .with_phase(Phase::Connect)
}
