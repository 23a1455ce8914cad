//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value of a configuration came from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigPlace {
    /// A file.
    File {
        /// Its path, or how the program calls it.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The program, which calls it so: an option of its command line, perhaps.
    Program(String),
}

/// `service.toml:3`, `the variable RPC_SERVER_WORKERS`, or what the program says.
impl fmt::Display for ConfigPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => write!(formatter, "the variable {name}"),
            Self::Program(name) => formatter.write_str(name),
        }
    }
}
