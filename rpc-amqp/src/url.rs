//! Where a broker is and who we are there, as text.
//!
//! `amqp://user:password@host:5672,other:5672/vhost?heartbeat=10`. A parser of our own, because the one below us
//! reads one host only, turns IPv6 addresses into the default host, reads a trailing slash as the empty vhost, and
//! ignores what it does not know.

mod error;
mod host;
mod oslo;
mod parse;
mod percent;
mod python;
mod query;
#[cfg(test)]
mod render;
#[cfg(test)]
mod rows;
mod value;

use std::fmt;
use std::net::IpAddr;

pub use self::error::UrlError;
pub(crate) use self::query::{AuthMechanism, Query};
use crate::secret::Secret;

/// A parsed URL: at least one node, one vhost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BrokerUrl {
    pub(crate) scheme: Scheme,
    pub(crate) nodes: Vec<Node>,
    pub(crate) vhost: String,
    pub(crate) query: Query,
}

/// Whether the link is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheme {
    /// `amqp`, and `rabbit`, which means the same.
    Plain,
    /// `amqps`.
    Tls,
}

/// One broker node and the login for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Node {
    /// A name or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Empty when a certificate says who we are.
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl BrokerUrl {
    /// Under which name messages are published: the user's, when all nodes know us by the same, and the broker has it
    /// from us. A certificate or a token may give us another.
    pub(crate) fn user_id(&self) -> Option<&str> {
        let user = self.nodes.first().map(|node| node.user.as_str())?;
        let is_shared = self.nodes.iter().all(|node| node.user == user);
        (is_shared && !user.is_empty() && self.query.user_id.unwrap_or(true)).then_some(user)
    }
}

impl Scheme {
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Plain => 5_672,
            Self::Tls => 5_671,
        }
    }
}

impl Node {
    /// Whether what is sent to it stays on this machine, as far as the name of the host tells.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `user@host:port`, or `host:port` when a certificate says who we are; never the password.
impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.user.is_empty() {
            return formatter.write_str(&self.address());
        }
        write!(formatter, "{}@{}", self.user, self.address())
    }
}
