//! From names of hosts to addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::url::Node;

type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Asks the system for addresses, which blocks a thread, for as long as the system likes.
///
/// Whoever asks can give up at any time; the thread cannot. So there is one for each node at most: who asks for a node
/// whose name is still being looked up waits for that thread, however many have given up meanwhile.
pub(super) struct Resolver {
    lookup: Lookup,
    nodes: Vec<Arc<Semaphore>>,
}

impl Resolver {
    pub(super) fn new(nodes: usize) -> Self {
        Self::with(nodes, Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())))
    }

    fn with(nodes: usize, lookup: Lookup) -> Self {
        Self { lookup, nodes: (0..nodes).map(|_| Arc::new(Semaphore::new(1))).collect() }
    }

    /// The addresses of `node`, which has this index. Dropping the future leaves at most one thread behind.
    pub(super) async fn resolve(&self, index: usize, node: &Node) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = node.host.parse::<IpAddr>() {
            return Ok(vec![(address, node.port).into()]);
        }
        let permit = Arc::clone(&self.nodes[index]).acquire_owned().await.map_err(io::Error::other)?;
        let (lookup, host, port) = (Arc::clone(&self.lookup), node.host.clone(), node.port);
        let looking = tokio::task::spawn_blocking(move || {
            // Given back by the thread, and not by whoever waits for it.
            let _permit = permit;
            lookup(&host, port)
        });
        looking.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::secret::Secret;

    fn node(host: &str) -> Node {
        Node { host: host.to_owned(), port: 7, user: String::new(), password: Secret::default() }
    }

    #[test]
    fn a_lookup_that_hangs_costs_one_thread_and_holds_nobody_up() {
        let (release, released) = mpsc::channel::<()>();
        let (released, lookups) = (Mutex::new(released), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&lookups);
        let lookup: Lookup = Arc::new(move |host, port| {
            counter.fetch_add(1, Ordering::Relaxed);
            if host == "hangs" {
                // Longer than the test takes, and not for ever if it fails.
                let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(10));
            }
            Ok(vec![([127, 0, 0, 1], port).into()])
        });
        let resolver = Resolver::with(3, lookup);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let within = async |resolver: &Resolver, index, host| {
                let (node, limit) = (node(host), Duration::from_millis(20));
                tokio::time::timeout(limit, resolver.resolve(index, &node)).await
            };
            for _ in 0..20 {
                assert!(within(&resolver, 0, "hangs").await.is_err());
            }
            assert_eq!(lookups.load(Ordering::Relaxed), 1);
            let other =
                tokio::time::timeout(Duration::from_secs(5), resolver.resolve(1, &node("other"))).await;
            assert_eq!(other.unwrap().unwrap(), [SocketAddr::from(([127, 0, 0, 1], 7))]);
            // An address is none to look up.
            assert_eq!(within(&resolver, 2, "::1").await.unwrap().unwrap().len(), 1);
            assert_eq!(lookups.load(Ordering::Relaxed), 2);
        });
        let started = Instant::now();
        runtime.shutdown_timeout(Duration::from_millis(100));
        assert!(started.elapsed() < Duration::from_secs(2));
        drop(release);
    }
}
