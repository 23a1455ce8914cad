//! A check that fails a build.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::change::Change;
use super::compare::compare;
use crate::introspection::InterfaceDescription;

/// The variable that makes the file be written, and its value for that.
const VARIABLE: &str = "RPC_CONTRACT";
const WRITE: &str = "write";

/// Why an interface does not keep to what was released.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// There is no file to compare with.
    #[error("{}: there is no such file: run this once with RPC_CONTRACT=write, and keep the file beside the code", .path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not the description of an interface.
    #[error("{}: this is no description of an interface: {source}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Others break, and the major version does not say so.
    #[error(
        "{} {new_version} breaks who has {old_version} of {}:{}\nTake it back, raise `since` where only servers break, or raise the major version",
        .name, .path.display(), listed(.changes)
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The name of the trait.
        name: String,
        /// The version in the file.
        old_version: String,
        /// The version in the code.
        new_version: String,
        /// What breaks somebody.
        changes: Vec<Change>,
    },
}

/// Compares `description` with what was released, which is in the file at `path`. Relative paths of tests begin at the folder of
/// the package. Blocks the thread; for tests.
///
/// With `RPC_CONTRACT=write` in the environment the file is written instead, and nothing is compared: whoever looks at the
/// change of the file decides.
///
/// # Errors
///
/// [`ContractError::Broken`] when somebody would break without a new major version, with every change that does; and
/// the others when there is nothing to compare with.
pub fn check(description: &InterfaceDescription, path: impl AsRef<Path>) -> Result<(), ContractError> {
    let path = path.as_ref();
    let is_written = std::env::var_os(VARIABLE).is_some_and(|value| value == WRITE);
    if is_written { write(description, path) } else { compare_with(description, path) }
}

fn write(description: &InterfaceDescription, path: &Path) -> Result<(), ContractError> {
    let malformed = |source| ContractError::Malformed { path: path.to_owned(), source };
    let text = serde_json::to_string_pretty(description).map_err(malformed)?;
    std::fs::write(path, text + "\n").map_err(|source| ContractError::File { path: path.to_owned(), source })
}

fn compare_with(description: &InterfaceDescription, path: &Path) -> Result<(), ContractError> {
    let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ContractError::Absent { path: path.to_owned() },
        _ => ContractError::File { path: path.to_owned(), source },
    })?;
    let released: InterfaceDescription = serde_json::from_str(&text)
        .map_err(|source| ContractError::Malformed { path: path.to_owned(), source })?;
    let comparison = compare(&released, description);
    if comparison.is_allowed() {
        return Ok(());
    }
    Err(ContractError::Broken {
        path: path.to_owned(),
        name: description.name.clone(),
        old_version: comparison.old_version.clone(),
        new_version: comparison.new_version.clone(),
        changes: comparison.changes().iter().filter(|change| change.breaks.anybody()).cloned().collect(),
    })
}

fn listed(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("\n  {change} (breaks {})", change.breaks)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::{Argument, Interface, Method, MethodKind};
    use crate::version::Version;

    const BY_NAME: [Method; 1] =
        [Method::new("boot", MethodKind::Call).with_arguments(&[Argument::new("name", "String")])];
    const BY_NUMBER: [Method; 1] =
        [Method::new("boot", MethodKind::Call).with_arguments(&[Argument::new("name", "u8")])];

    fn description(methods: &'static [Method], version: Version) -> InterfaceDescription {
        InterfaceDescription::new(&Interface::new("Compute").with_version(version).with_methods(methods))
    }

    #[test]
    fn a_file_is_compared_with() {
        let path = std::env::temp_dir().join(format!("rpc-contract-{}.json", std::process::id()));
        let old = description(&BY_NAME, Version::new(1, 0));
        assert!(matches!(check(&old, &path), Err(ContractError::Absent { .. })));
        write(&old, &path).unwrap();
        assert!(check(&old, &path).is_ok());
        let new = description(&BY_NUMBER, Version::new(1, 1));
        let error = check(&new, &path).unwrap_err().to_string();
        assert!(error.contains("Compute 1.1 breaks who has 1.0"), "{error}");
        assert!(
            error.contains("\n  boot(name): the type was String and is u8 (breaks callers and servers)"),
            "{error}"
        );
        let new = description(&BY_NUMBER, Version::new(2, 0));
        assert!(check(&new, &path).is_ok(), "a new major version says so");
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(check(&old, &path), Err(ContractError::Malformed { .. })));
        std::fs::remove_file(&path).unwrap();
    }
}
