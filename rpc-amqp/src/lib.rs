//! RabbitMQ transport of rpc-core: calls, casts, fanouts and notifications over AMQP 0-9-1, RabbitMQ 3.10 to 4.3.
//!
//! [`AmqpTransport::builder`] takes a URL, and [`connect`](AmqpTransportBuilder::connect) says within 3 s whether it
//! works:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use rpc_amqp::{AmqpTransport, QueueType};
//!
//! let builder = AmqpTransport::builder("amqp://ann:secret@127.0.0.1:1,[::1]:1/cell-1?heartbeat=5")
//!     .service_name("conductor")
//!     .queue_type(QueueType::Quorum);
//! let error = builder.connect().await.unwrap_err();        // nobody listens at port 1
//! let text = error.to_string();
//! assert!(text.contains("ann@127.0.0.1:1") && text.contains("ann@[::1]:1") && text.contains("cell-1"));
//! assert!(!text.contains("secret"));
//! # }
//! ```
//!
//! # Guarantees
//!
//! - A publish that is `Ok` was routed to a queue and confirmed by the broker (a fanout was confirmed only). One that
//!   failed says whether the message may still arrive. What nobody takes fails within a round trip.
//! - A link that is lost comes back by itself, for ever, with a random pause of at most 2.5 s between attempts, and
//!   30 s after a refusal that only a person can change. Consumers
//!   go on where they were; what was unsettled is delivered again.
//! - No future waits longer than its deadline, or than 5 s for a single answer of the broker. A broker that is silent
//!   for longer is taken for dead.
//! - What the broker refuses harms no other message: an exchange that it does not accept costs nobody's outcome but that
//!   of the message that met it, and is refused here for the next 5 s. A queue that confirms nothing does not stop the
//!   others. While the broker is blocked, what is not sent yet waits for `blocked_timeout` at the longest and is then
//!   not sent.
//! - Passwords appear in no error, no log and no `Debug`; payloads in none either.
//!
//! # How it works
//!
//! Two connections, one to publish and one to consume, on a thread of their own: a handler that blocks the user's
//! runtime does not cost the link, and a broker that blocks publishers still takes acknowledgements. Every queue of a
//! topic lives under a stable name; which exchanges and queues there are, and what messages look like, is written down in
//! `WIRE.md` beside this crate, with an example for other languages. With [`Wire::Oslo`] they are those of Python's
//! oslo.messaging, as `OSLO.md` says.
//!
//! [`AmqpTransportBuilder::plan`] says what that is without a broker, and [`AmqpTransport::compare`] whether a broker has it.
//!
//! A queue cannot change its arguments. One that exists with others than this transport wants is refused when a consumer
//! starts, with what was wanted and what the broker says. A queue that is replaced by such a one later is asked for
//! every 30 s, and everything else goes on. With [`Topology::Verify`] nothing that processes share is made at all.
//!
//! # Features
//!
//! `tls` adds `amqps://` through rustls, which builds C code. Verification cannot be switched off.

#[cfg(feature = "benching")]
#[doc(hidden)]
pub mod benching;
mod builder;
mod connection;
mod connector;
mod consumer;
mod dead_letters;
mod declare;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod inspector;
mod library;
mod link;
mod process;
mod publisher;
mod queue_manager;
mod random;
mod secret;
mod settings;
#[cfg(test)]
mod simulation;
#[cfg(feature = "tls")]
mod tls;
mod topology;
mod topology_plan;
mod transport;
mod url;
mod wire;

pub use self::builder::AmqpTransportBuilder;
pub use self::connector::{AmqpConnector, SCHEMES};
pub use self::settings::{OsloCompression, OsloOptions, QueueType, RequestRouting, Topology, Wire};
pub use self::topology::{Entity, EntityKind};
pub use self::topology_plan::{EntityState, TopologyPlan};
pub use self::transport::AmqpTransport;
pub use self::url::UrlError;
pub use self::wire::{PythonException, PythonExceptions};
