//! One size of a thing that grows.

use std::time::Duration;

use rpc_core::{Client, Server, SharedTransport, Target};
use tokio::task::JoinSet;

use super::endpoint::{Arguments, Echo, Hang, method_name};
use super::place::Place;

/// A client, servers, and what stands around them.
pub(crate) struct Stage {
    /// Take turns.
    clients: Vec<Client>,
    /// Take turns.
    methods: Vec<String>,
    arguments: Arguments,
    next: usize,
    /// Goes before the servers do, whose end would be an answer.
    _pending: JoinSet<()>,
    _servers: Vec<Server>,
}

/// The sizes of everything; all but one are as small as can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Calls that wait, the measured one included.
    pub(crate) pending: usize,
    pub(crate) methods: usize,
    pub(crate) servers: usize,
    pub(crate) queues: usize,
    /// Of the text, in bytes.
    pub(crate) body: usize,
}

/// A server takes two channels, and RabbitMQ allows 2047 on a connection.
const SERVERS_PER_TRANSPORT: usize = 200;

impl Stage {
    /// `name` keeps stages on one broker apart.
    pub(crate) async fn start(place: &Place, name: &str, scale: usize, sizes: Scale) -> Self {
        let endpoint = Echo::with_methods(sizes.methods);
        let mut transports = vec![place.connect().await];
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for queue in 0..sizes.queues {
            let topic = format!("{name}-{scale}-{queue}");
            for _ in 0..sizes.servers {
                // In memory one connection has room for all, and another one would have another broker.
                let is_full = servers.len() / SERVERS_PER_TRANSPORT >= transports.len();
                if is_full && !matches!(place, Place::Memory) {
                    transports.push(place.connect().await);
                }
                let transport = &transports[transports.len() - 1];
                let server = Server::builder(transport, Target::topic(&*topic)).endpoint(endpoint);
                servers.push(server.start().await.unwrap());
            }
            clients.push(Client::new(&transports[0], Target::topic(topic)));
        }
        let (mut pending, mut others) = (JoinSet::new(), sizes.pending - 1);
        for queue in 0..others.div_ceil(CALLS_PER_QUEUE) {
            let count = others.min(CALLS_PER_QUEUE);
            let topic = format!("{name}-{scale}-hang-{queue}");
            servers.push(hang(&transports[0], &topic, count, &mut pending).await);
            others -= count;
        }
        Self {
            clients,
            methods: (0..sizes.methods).map(method_name).collect(),
            arguments: Arguments { text: "x".repeat(sizes.body) },
            next: 0,
            _pending: pending,
            _servers: servers,
        }
    }

    pub(crate) async fn call(&mut self) {
        // Strides without a common factor with the counts, so that neighbours are not called in a row.
        self.next = self.next.wrapping_add(7_919);
        let client = &self.clients[self.next % self.clients.len()];
        let method = &self.methods[self.next % self.methods.len()];
        drop(client.call(method, &self.arguments).await.unwrap());
    }
}

/// A queue in memory takes 65,536 messages.
const CALLS_PER_QUEUE: usize = 10_000;

/// Makes so many calls that are never answered. One of them runs, the others wait in the queue.
async fn hang(transport: &SharedTransport, topic: &str, count: usize, pending: &mut JoinSet<()>) -> Server {
    let server = Server::builder(transport, Target::topic(topic)).workers(1).endpoint(Hang);
    let server = server.start().await.unwrap();
    let client = Client::new(transport, Target::topic(topic));
    let wanted = transport.pending_calls() + count;
    for _ in 0..count {
        let call = client.call(Hang::METHOD, &()).timeout(Duration::from_secs(3_600));
        pending.spawn(async { panic!("a call was to wait and ended with {:?}", call.await) });
    }
    let all_wait = async {
        while transport.pending_calls() < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_wait).await.expect("all calls wait within a minute");
    server
}
