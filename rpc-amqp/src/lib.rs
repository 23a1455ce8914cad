//! RabbitMQ transport of rpc-core.

mod secret;
mod settings;
mod topology;
mod url;
mod wire;

pub use self::settings::QueueType;
pub use self::url::UrlError;
