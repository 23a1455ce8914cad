//! What holds for every command, wherever it was said.

use std::time::Duration;

use rpc_core::config::{ConfigError, ConfigLoader, TransportConfig};

use crate::arguments::{GlobalOptions, OutputForm};

/// Where the broker is when nobody says so.
const DEFAULT_URL: &str = "amqp://guest:guest@localhost:5672";

/// What holds for every command.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) transport: TransportConfig,
    pub(crate) exchange: String,
    pub(crate) output: OutputForm,
    pub(crate) timeout: Option<Duration>,
}

impl Options {
    /// Out of the file, the environment and the command line, each winning over those before.
    pub(crate) fn resolve(given: GlobalOptions) -> Result<Self, ConfigError> {
        let GlobalOptions { transport_url, exchange, config, output, timeout } = given;
        let loader = ConfigLoader::new().set("transport.url", DEFAULT_URL, "the default URL");
        let loader = match config {
            Some(file) => loader.file(file)?,
            None => loader,
        };
        let loader = loader.variables(std::env::vars_os())?;
        let said =
            [("transport.url", transport_url, "--transport-url"), ("exchange", exchange, "--exchange")];
        let loader = said.into_iter().fold(loader, |loader, (key, value, name)| {
            value.into_iter().fold(loader, |loader, value| loader.set(key, value, name))
        });
        let config = loader.load()?;
        Ok(Self { transport: config.transport, exchange: config.exchange, output, timeout })
    }

    /// The URL of the broker, which may hold a password.
    pub(crate) fn url(&self) -> String {
        self.transport.url().unwrap_or_else(|| DEFAULT_URL.to_owned())
    }
}
