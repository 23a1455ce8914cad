//! Which server answers.

use serde::{Deserialize, Serialize};

use crate::identity::random_hex;
use crate::target::Target;

/// Which server answers.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct ServerIdentity {
    /// The exchange of its target.
    pub exchange: String,
    /// The topic that it serves.
    pub topic: String,
    /// Its name; a random one if it was not given any.
    pub server: String,
    /// 32 random hex digits, new with every start: tells a server from another of its name, and from itself before a
    /// restart.
    pub instance: String,
}

impl ServerIdentity {
    /// That of a new server of `target`.
    pub(crate) fn new(target: &Target) -> Self {
        Self {
            exchange: target.exchange_name().to_owned(),
            topic: target.topic_name().to_owned(),
            server: target.server_name().unwrap_or_default().to_owned(),
            instance: random_hex(),
        }
    }
}
