//! What can be wrong with a configuration.

use std::path::PathBuf;

use super::place::ConfigPlace;

/// What is wrong with a configuration, and where.
///
/// The text of a URL and of its options is never repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file that is named cannot be read.
    #[error("{}{}: {source}", .path.display(), named(.place.as_ref()))]
    File {
        /// The file.
        path: PathBuf,
        /// Where it is named, if not by the program.
        place: Option<ConfigPlace>,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where reading stopped.
        place: ConfigPlace,
        /// What is wrong there.
        message: String,
    },
    /// A name that is not known.
    #[error("{place}: there is no {key}; there are {}", .known.join(", "))]
    Unknown {
        /// Where it stands.
        place: ConfigPlace,
        /// The name.
        key: String,
        /// Those that are known beside it.
        known: Vec<&'static str>,
    },
    /// A value that its name does not take.
    #[error("{place}: {key} has to be {expected}{}", shown(.given.as_deref()))]
    Value {
        /// Where it stands.
        place: ConfigPlace,
        /// The name.
        key: String,
        /// What is taken.
        expected: &'static str,
        /// The value; `None` for one that may be a secret, or cannot be shown.
        given: Option<String>,
    },
    /// Two values of which one is enough.
    #[error(
        "{place}: rpc.transport.url_file says what rpc.transport.url says already, at {other}: leave one of them away"
    )]
    Twice {
        /// Where the one stands.
        place: ConfigPlace,
        /// Where the other stands.
        other: ConfigPlace,
    },
}

fn named(place: Option<&ConfigPlace>) -> String {
    place.map(|place| format!(", which {place} names")).unwrap_or_default()
}

fn shown(given: Option<&str>) -> String {
    const MOST: usize = 60;
    given
        .map(|given| format!(", and is {:?}", given.chars().take(MOST).collect::<String>()))
        .unwrap_or_default()
}
