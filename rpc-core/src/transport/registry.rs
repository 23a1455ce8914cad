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
    /// [`Code::Unavailable`] for a URL without a scheme or with an unknown one, listing the known; otherwise
    /// what the transport says.
    pub async fn connect(&self, url: &str) -> Result<SharedTransport, Error> {
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(refused(format!("a transport URL starts with a scheme, such as {}", self.known())));
        };
        let Some(connector) = self.connectors.get(scheme.to_ascii_lowercase().as_str()) else {
            let shown: String = scheme.chars().take(32).collect();
            return Err(refused(format!(
                "unknown transport {shown}://; this program knows {}",
                self.known()
            )));
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

fn refused(message: String) -> Error {
    Error::new(Code::Unavailable, message)
        .with_executed(Executed::NotSent)
        .with_retryable(false)
        .with_phase(Phase::Connect)
}
