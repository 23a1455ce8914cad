//! What a configuration says.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use super::error::ConfigError;
use super::loader::ConfigLoader;
use super::place::ConfigPlace;
use super::reader::Reader;
use crate::client::{Client, Prepare};
use crate::driver::NotifierConfig;
use crate::error::Error;
use crate::server::{Server, ServerBuilder};
use crate::target::Target;
use crate::transport::{Registry, SharedTransport};

/// The configuration of a program that calls or serves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The exchange, which keeps deployments apart on one broker. Default: [`Target::DEFAULT_EXCHANGE`].
    pub exchange: String,
    /// Which broker.
    pub transport: TransportConfig,
    /// How calls are made.
    pub client: ClientConfig,
    /// How requests are served.
    pub server: ServerConfig,
    /// How events are emitted, for [`Notifier::from_config`](crate::Notifier::from_config).
    pub notifier: NotifierConfig,
}

/// Which broker. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransportConfig {
    url: Option<(String, ConfigPlace)>,
    options: Vec<(String, String)>,
}

/// How calls are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// How long a call waits whose method says nothing, and a cast for the broker. Default: [`Client::DEFAULT_TIMEOUT`].
    pub timeout: Duration,
    /// How long a call bears no sign of life. Default: none, and it waits until its deadline.
    pub call_monitor: Option<Duration>,
    /// Whether a call fails at once when nobody takes from the queue. Default: off, since a server may be restarting.
    pub fail_fast_no_consumers: bool,
}

/// How requests are served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The server's name. Default: none, and then nobody can address it alone.
    pub name: Option<String>,
    /// How many requests run at a time. Default: [`ServerBuilder::DEFAULT_WORKERS`].
    pub workers: u16,
    /// How often a cast or an idempotent call is started. Default: [`ServerBuilder::DEFAULT_DELIVERY_LIMIT`].
    pub delivery_limit: u32,
    /// How long, and how many, requests that have ended are remembered. Default: [`ServerBuilder::DEFAULT_DEDUPE_WINDOW`].
    pub dedupe_window: (Duration, usize),
    /// Whether it answers questions about itself. Default: what the transport says.
    pub introspection: Option<bool>,
    /// How long what runs may take at a [`shutdown`](Server::shutdown). Default: 30 s.
    pub shutdown_grace: Duration,
}

impl Config {
    /// What the file says, if there is one, and the environment. Blocks the thread; for the start of a program.
    ///
    /// # Errors
    ///
    /// The first value that is not understood, with its place.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let loader = ConfigLoader::new();
        let loader = match file {
            Some(file) => loader.file(file)?,
            None => loader,
        };
        loader.variables(std::env::vars_os())?.load()
    }

    /// A topic in the exchange.
    #[must_use]
    pub fn target(&self, topic: impl Into<String>) -> Target {
        Target::topic(topic).exchange(&self.exchange)
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self, ConfigError> {
        let exchange = reader.text("rpc.exchange")?;
        let exchange = exchange.map_or_else(|| Target::DEFAULT_EXCHANGE.to_owned(), |(exchange, _)| exchange);
        Ok(Self {
            transport: TransportConfig::read(reader)?,
            client: ClientConfig::read(reader)?,
            server: ServerConfig::read(reader)?,
            notifier: NotifierConfig { exchange: exchange.clone(), ..notifier(reader)? },
            exchange,
        })
    }
}

impl TransportConfig {
    /// Whether a URL was given.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.url.is_some()
    }

    /// The URL with its options, those being left out that it has itself. It may hold a password.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let (url, _) = self.url.as_ref()?;
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
        let options = self.options.iter().filter(|(key, _)| !has(key));
        let options = options.map(|(key, value)| format!("{key}={}", encoded(value)));
        let pairs: Vec<_> =
            Some(query.to_owned()).into_iter().filter(|query| !query.is_empty()).chain(options).collect();
        Some(if pairs.is_empty() { place.to_owned() } else { format!("{place}?{}", pairs.join("&")) })
    }

    /// Opens the transport, among those of `registry`. Without a URL it is `memory://`.
    ///
    /// # Errors
    ///
    /// What [`Registry::connect`] says, with where the URL stands when a retry cannot help: a URL that is none, a login that is
    /// refused.
    pub async fn connect(&self, registry: &Registry) -> Result<SharedTransport, Error> {
        let url = self.url().unwrap_or_else(|| "memory://".to_owned());
        registry.connect(&url).await.map_err(|error| match &self.url {
            // What a retry may mend is not the URL's fault.
            Some((_, place)) if !error.is_retryable() => error.within(place),
            _ => error,
        })
    }

    fn read(reader: &mut Reader) -> Result<Self, ConfigError> {
        let (url, file) = (reader.text("rpc.transport.url")?, reader.text("rpc.transport.url_file")?);
        let url = match (url, file) {
            (Some((_, other)), Some((_, place))) => return Err(ConfigError::Twice { place, other }),
            (None, Some((path, place))) => {
                let failed = |source| ConfigError::File {
                    path: path.clone().into(),
                    place: Some(place.clone()),
                    source,
                };
                let url = std::fs::read_to_string(&path).map_err(failed)?;
                Some((url.trim().to_owned(), ConfigPlace::File { path: path.into(), line: 1 }))
            }
            (url, None) => url,
        };
        Ok(Self { url, options: reader.all_below("rpc.transport.options.")? })
    }
}

impl ClientConfig {
    /// Sets on a client what is configured, for its `prepare`.
    pub fn apply(&self, settings: Prepare) -> Prepare {
        let settings = settings.timeout(self.timeout).fail_fast_no_consumers(self.fail_fast_no_consumers);
        self.call_monitor.into_iter().fold(settings, Prepare::call_monitor)
    }

    fn read(reader: &mut Reader) -> Result<Self, ConfigError> {
        let something = Duration::from_millis(1);
        Ok(Self {
            timeout: reader.time("rpc.client.timeout", something)?.unwrap_or(Client::DEFAULT_TIMEOUT),
            call_monitor: reader.time("rpc.client.call_monitor", something)?,
            fail_fast_no_consumers: reader.flag("rpc.client.fail_fast_no_consumers")?.unwrap_or(false),
        })
    }
}

impl ServerConfig {
    /// A server of `target`, named and limited as is configured.
    pub fn builder(&self, transport: &impl AsRef<SharedTransport>, target: Target) -> ServerBuilder {
        let target = self.name.iter().fold(target, |target, name| target.server(name.as_str()));
        let (time, most) = self.dedupe_window;
        let builder = Server::builder(transport, target)
            .workers(self.workers)
            .delivery_limit(self.delivery_limit)
            .dedupe_window(time, most);
        self.introspection.into_iter().fold(builder, ServerBuilder::introspection)
    }

    fn read(reader: &mut Reader) -> Result<Self, ConfigError> {
        let (time, most) = ServerBuilder::DEFAULT_DEDUPE_WINDOW;
        let workers = "a whole number from 1 to 65535";
        let limit = "a whole number from 1 to 4294967295";
        let count = "a whole number";
        Ok(Self {
            name: reader.text("rpc.server.name")?.map(|(name, _)| name),
            workers: reader
                .number("rpc.server.workers", workers, |workers| *workers > 0_u16)?
                .unwrap_or(ServerBuilder::DEFAULT_WORKERS),
            delivery_limit: reader
                .number("rpc.server.delivery_limit", limit, |limit| *limit > 0_u32)?
                .unwrap_or(ServerBuilder::DEFAULT_DELIVERY_LIMIT),
            dedupe_window: (
                reader.time("rpc.server.dedupe_time", Duration::ZERO)?.unwrap_or(time),
                reader.number("rpc.server.dedupe_count", count, |_| true)?.unwrap_or(most),
            ),
            introspection: reader.flag("rpc.server.introspection")?,
            shutdown_grace: reader
                .time("rpc.server.shutdown_grace", Duration::ZERO)?
                .unwrap_or(Duration::from_secs(30)),
        })
    }
}

fn notifier(reader: &mut Reader) -> Result<NotifierConfig, ConfigError> {
    let default = NotifierConfig::default();
    let timeout = reader.time("rpc.notifier.timeout", Duration::from_secs(1))?;
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let attempts = "a whole number from 1 to 4294967295";
    Ok(NotifierConfig {
        drivers: reader.list("rpc.notifier.drivers")?.unwrap_or(default.drivers),
        exchange: default.exchange,
        topics: reader.list("rpc.notifier.topics")?.unwrap_or(default.topics),
        timeout_seconds: timeout.map_or(default.timeout_seconds, seconds),
        content_type: reader.text("rpc.notifier.content_type")?.map(|(content_type, _)| content_type),
        attempts: reader
            .number("rpc.notifier.attempts", attempts, |attempts| *attempts > 0_u32)?
            .unwrap_or(default.attempts),
        context_fields: reader.list("rpc.notifier.context_fields")?.unwrap_or(default.context_fields),
        routing_rules: reader.text("rpc.notifier.routing_rules")?.map(|(path, _)| path.into()),
    })
}

/// Percent-encoded, all but letters, digits and what has no meaning in a URL.
fn encoded(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    value
        .bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Where it is configured, and nothing of what.
impl fmt::Debug for TransportConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.as_ref().map(|(_, place)| place);
        let options: Vec<_> = self.options.iter().map(|(key, _)| key).collect();
        formatter
            .debug_struct("TransportConfig")
            .field("url", &place.map(|_| "***"))
            .field("place", &place)
            .field("options", &options)
            .finish()
    }
}
