//! What every server says about itself: that it is there, what it serves, how much it does, and how it is.
//!
//! Every server answers the interface [`Introspection`], unless [`ServerBuilder::introspection`] has switched it off, or the
//! broker is shared with programs of another framework and it was not switched on. It
//! takes these questions from a queue of its own and answers them beside its workers, so they never wait behind requests of
//! the service, and it answers them while it drains, too.
//!
//! All servers of an exchange hear every question, since all listen to the fanouts of [`TOPIC`]. A question may name a
//! topic, a server or both; who is not meant stays silent. So one asks without knowing who is there, and nothing has to
//! be registered anywhere.
//!
//! ```
//! use rpc_core::introspection::{self, IntrospectionClient};
//! # use rpc_core::{MemoryTransport, Server, Target, service};
//! # #[service]
//! # trait Conductor { #[call] async fn name(&self) -> String; }
//! # struct Manager;
//! # impl Conductor for Manager { async fn name(&self) -> String { "m".to_owned() } }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let transport = MemoryTransport::new();
//! # let target = Target::topic("conductor").server("cell-1");
//! # let server = Server::builder(&transport, target).endpoint(Manager.into_endpoint()).start().await?;
//! let client = IntrospectionClient::new(&transport, introspection::target());
//! let mut answers = client.info(Some("conductor".to_owned()), None).expected(1).await?;
//! let info = answers.next().await.expect("a conductor is there").result?;
//! assert_eq!(info.server.server, "cell-1");
//! assert_eq!(info.interfaces[0].methods[0].name, "name");
//! # Ok(()) }
//! ```
//!
//! An [access policy](crate::AccessPolicy) is asked about these methods as about all others.
//!
//! [`ServerBuilder::introspection`]: crate::ServerBuilder::introspection

mod description;
mod identity;
mod schema;
mod stats;

pub use self::description::{
    ArgumentDescription, HealthReport, Info, InterfaceDescription, MethodDescription, TypeDescription,
};
pub use self::identity::ServerIdentity;
#[cfg(test)]
pub(crate) use self::schema::of as schema_of;
pub use self::stats::{Distribution, MethodStats, Stats};
use crate::interface::MethodKind;
use crate::target::Target;

/// The topic that every server listens to, besides its own.
pub const TOPIC: &str = "rpc.introspection";

/// The target of questions to the servers of [`Target::DEFAULT_EXCHANGE`].
#[must_use]
pub fn target() -> Target {
    Target::topic(TOPIC)
}

/// What every server answers. A question with a `topic` is for the servers of that topic, one with a `server` for the
/// servers of that name.
#[rpc_macros::service(namespace = "rpc.introspection", version = "1.0")]
pub trait Introspection {
    /// Says who is there.
    #[fanout(timeout = "1s")]
    async fn ping(&self, topic: Option<String>, server: Option<String>) -> ServerIdentity;
    /// Says what is served, by which program.
    #[fanout(timeout = "1s")]
    async fn info(&self, topic: Option<String>, server: Option<String>) -> Info;
    /// Says how much was done, and how long it took.
    #[fanout(timeout = "1s")]
    async fn stats(&self, topic: Option<String>, server: Option<String>) -> Stats;
    /// Says whether the server does its work.
    #[fanout(timeout = "1s")]
    async fn health(&self, topic: Option<String>, server: Option<String>) -> HealthReport;
}

/// Whom a question is for.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Selection {
    topic: Option<String>,
    server: Option<String>,
}

impl Selection {
    pub(crate) fn means(&self, identity: &ServerIdentity) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == identity.topic)
            && self.server.as_ref().is_none_or(|server| *server == identity.server)
    }
}

const fn kind_word(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Call => "call",
        MethodKind::Cast => "cast",
        MethodKind::Fanout => "fanout",
    }
}
