//! Free ports on 127.0.0.1.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// The ports of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) tls: u16,
    /// Between Erlang nodes; `rabbitmqctl` comes here.
    pub(super) distribution: u16,
    pub(super) name_server: u16,
}

impl Ports {
    /// Four ports that are free now.
    pub(super) fn choose() -> Self {
        let reserved = [free(), free(), free(), free()];
        let [client, tls, distribution, name_server] = reserved.each_ref().map(|(port, _)| *port);
        Self { client, tls, distribution, name_server }
    }

    /// Those of another node that finds others by the same name server.
    pub(super) fn beside(self) -> Self {
        Self { name_server: self.name_server, ..Self::choose() }
    }
}

/// A port that is free now, and a listener that keeps it so.
///
/// Port 0 would give a port of the range that the kernel also takes for outgoing connections. While nobody listens
/// such a port can go to any client, and a client that keeps trying to reconnect to it may be connected to itself.
/// So it comes from below that range (32768 on Linux). No port is given twice by one process: whoever got it may listen
/// there only later, or again.
pub(crate) fn free() -> (u16, TcpListener) {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = 10_000 + u16::try_from(random() % 20_000).expect("below 20,000");
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            && GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port)
        {
            return (port, listener);
        }
    }
}

/// The standard library's random source: the keys of its hash maps.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
