//! Who a node is among other nodes.

use std::sync::atomic::{AtomicU32, Ordering};

use super::ports;

/// A node alone, or one of several that know each other.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Unique on this machine.
    pub(super) name: String,
    /// What nodes and `rabbitmqctl` have to share.
    pub(super) cookie: String,
    /// Whether it brings the server along by which nodes find each other, and takes it down at its end.
    pub(super) brings_name_server: bool,
    /// Arguments of the Erlang emulator.
    pub(super) emulator: &'static str,
}

impl Member {
    /// A node that knows no other.
    pub(super) fn alone() -> Self {
        // Two schedulers, however many cores there are: threads of a test broker should not crowd out tests.
        Self::new(random_cookie(), true, "+S 2:2")
    }

    /// Nodes of one cluster. The first one brings the name server.
    pub(super) fn group<const COUNT: usize>() -> [Self; COUNT] {
        let cookie = random_cookie();
        // One scheduler each, which sleeps when there is nothing to do.
        let emulator = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none";
        std::array::from_fn(|number| Self::new(cookie.clone(), number == 0, emulator))
    }

    /// The name of the Erlang node.
    pub(super) fn node(&self) -> String {
        format!("{}@localhost", self.name)
    }

    fn new(cookie: String, brings_name_server: bool, emulator: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rpc-tests-{}-{count}", std::process::id());
        Self { name, cookie, brings_name_server, emulator }
    }
}

fn random_cookie() -> String {
    format!("{:016x}{:016x}", ports::random(), ports::random())
}
