//! Keeping two connections to the broker up: one to publish, one to consume.
//!
//! Two, because a broker that runs out of memory or disk stops reading from whoever publishes: acknowledgements and
//! cancellations have to get through even then.
//!
//! An **epoch** ([`Session`]) is the life of one connection. Channels, consumers, delivery tags, confirms and exclusive
//! names belong to one epoch and die with it. Nothing below recovers by itself, which would hide the epoch.

mod backoff;
mod complaints;
mod dial;
mod guard;
mod limit;
mod login;
mod machine;
mod password;
mod purpose;
mod refusal;
mod resolver;
mod session;
mod socket;
mod status;
mod supervisor;
#[cfg(feature = "tls")]
mod tls_failure;
mod traffic;
mod view;
mod worker;

pub(crate) use self::backoff::Backoff;
pub(crate) use self::dial::Dialler;
pub(crate) use self::guard::Changes;
#[cfg(fuzzing)]
pub(crate) use self::guard::fuzzing;
pub(crate) use self::limit::limited;
pub(crate) use self::purpose::Purpose;
pub(crate) use self::refusal::{Refusal, RefusalKind};
pub(crate) use self::session::Session;
pub(crate) use self::status::report;
pub(crate) use self::supervisor::Link;
pub(crate) use self::view::View;
pub(crate) use self::worker::Worker;
