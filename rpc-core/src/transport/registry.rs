//! Transports by URL.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::SharedTransport;
use crate::error::{Code, Error, Executed, Phase};

/// Opens transports of one URL scheme.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Opens the transport that `url` names. The URL can hold a password: it never enters an error or a log.
    async fn connect(&self, url: &str) -> Result<SharedTransport, Error>;
}

/// What is wrong with a URL before any broker is asked. The source of the error that says so.
///
/// A scheme that is no word may hold a password, so it is shown as `…`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportUrlError {
    /// There is no `scheme://`.
    #[error("a transport URL starts with a scheme, such as {known}")]
    NoScheme {
        /// The schemes that the program knows, with commas between.
        known: String,
    },
    /// The program has no transport of this scheme.
    #[error("unknown transport {scheme}://; this program knows {known}")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// Those that the program knows, with commas between.
        known: String,
    },
    /// The name of an in-memory broker has other characters.
    #[error("a memory URL is memory:// and a name of letters, digits, '-', '_' and '.', or none")]
    MemoryName,
}

/// The transports that a program links, by URL scheme.
///
/// ```
/// # use rpc_core::{MemoryConnector, transport::Registry};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let registry = Registry::new().with(["memory"], MemoryConnector::default());
/// let transport = registry.connect("memory://").await?;
/// let error = registry.connect("carrier-pigeon://coop").await.unwrap_err();
/// assert!(error.to_string().contains("carrier-pigeon") && error.to_string().contains("memory"));
/// # drop(transport); Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    connectors: BTreeMap<&'static str, Arc<dyn Connector>>,
}

impl Registry {
    /// A registry that knows no scheme.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a connector for `schemes`, replacing what they had.
    #[must_use]
    pub fn with<const N: usize>(mut self, schemes: [&'static str; N], connector: impl Connector) -> Self {
        let connector: Arc<dyn Connector> = Arc::new(connector);
        self.connectors.extend(schemes.map(|scheme| (scheme, Arc::clone(&connector))));
        self
    }

    /// Opens the transport that `url` names.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`] for a URL without a scheme or with an unknown one, listing the known (the source is a
    /// [`TransportUrlError`] then); otherwise what the transport says.
    pub async fn connect(&self, url: &str) -> Result<SharedTransport, Error> {
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(TransportUrlError::NoScheme { known: self.known() }.into());
        };
        let Some(connector) = self.connectors.get(scheme.to_ascii_lowercase().as_str()) else {
            return Err(TransportUrlError::UnknownScheme {
                scheme: shown(scheme).to_owned(),
                known: self.known(),
            }
            .into());
        };
        connector.connect(url).await
    }

    fn known(&self) -> String {
        let schemes: Vec<_> = self.connectors.keys().map(|scheme| format!("{scheme}://")).collect();
        schemes.join(", ")
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Registry").field(&self.known()).finish()
    }
}

/// A scheme that is no word may hold a password: that of a URL whose scheme was forgotten.
fn shown(scheme: &str) -> &str {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if scheme.len() <= 32 && scheme.bytes().all(is_word) { scheme } else { "…" }
}

impl From<TransportUrlError> for Error {
    fn from(error: TransportUrlError) -> Self {
        Self::new(Code::Unavailable, error.to_string())
            .with_executed(Executed::NotSent)
            .with_retryable(false)
            .with_phase(Phase::Connect)
            .with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ur_21_25_26_a_url_says_which_transport_it_means() {
        let registry = Registry::new().with(["memory"], crate::memory::MemoryConnector::default());
        assert!(registry.connect("memory://").await.is_ok() && registry.connect("MEMORY://x").await.is_ok());
        for (url, named) in [
            ("", "starts with a scheme"),
            ("memory", "starts with a scheme"),
            ("//host", "starts with a scheme"),
            ("carrier-pigeon://coop", "carrier-pigeon://"),
        ] {
            let error = registry.connect(url).await.unwrap_err();
            assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false), "{url}");
            assert!(error.message().contains(named) && error.message().contains("memory://"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_password_before_the_slashes_is_not_shown() {
        for url in ["ann:hunter2@rabbit://", "amqp:ann:hunter2://@rabbit", "hunter2 \u{1b}://"] {
            let error = Registry::new().connect(url).await.unwrap_err().to_string();
            assert!(error.contains("unknown transport …://") && !error.contains("hunter2"), "{error}");
        }
    }
}
