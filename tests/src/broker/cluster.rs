//! Three private nodes that form a cluster.

use std::time::Instant;

use super::builder::retried;
use super::installation::Installation;
use super::member::Member;
use super::ports::Ports;
use super::{Broker, START_LIMIT, blocking, listing};

/// What makes nodes a cluster; the names of the nodes are added.
///
/// A partition is noticed after 5 to 6.25 s without a word between two nodes. The smaller part then closes its
/// connections and listeners until it is over.
const SETTINGS: &[&str] = &[
    "cluster_formation.peer_discovery_backend = classic_config",
    // All start at once: one holds the lock and finds nobody, and the others join it. These say how long it looks
    // around (ten times), and how often the others ask for the lock.
    "cluster_formation.discovery_retry_interval = 100",
    "cluster_formation.internal_lock_retries = 30",
    "cluster_partition_handling = pause_minority",
    "net_ticktime = 5",
];

/// A running cluster of three RabbitMQ nodes of our own, all on 127.0.0.1.
///
/// Each node is a [`Broker`]: it has its own port, and can be killed, stopped, paused and started again alone.
/// Dropping the cluster kills all and removes their data.
///
/// A node that was paused for longer than five seconds may stay apart after [`Broker::resume`], though it runs:
/// RabbitMQ 3.10 sometimes finds its connections back before it has acted on their loss, and then the partition
/// lasts. Seen in one of three runs on a busy machine. Killing that node and starting it again joins it.
#[derive(Debug)]
pub struct Cluster {
    nodes: [Broker; 3],
}

impl Cluster {
    /// Starts three nodes, and returns when they have formed a cluster and accept clients.
    ///
    /// It takes 16 to 25 s on two busy cores.
    ///
    /// # Panics
    ///
    /// As [`Builder::start`](super::Builder::start), and when they form no cluster.
    #[must_use]
    pub fn start() -> Self {
        let installation = Installation::find();
        let cluster = retried(|| {
            let cluster = Self { nodes: prepare(&installation) };
            cluster.try_start().map(|()| cluster)
        });
        let limit = Instant::now() + START_LIMIT;
        while cluster.running() < 3 {
            assert!(Instant::now() < limit, "no cluster of three:\n{}", cluster.nodes[0].log());
        }
        cluster
    }

    /// The nodes, whether they run or not.
    #[must_use]
    pub const fn nodes(&self) -> &[Broker; 3] {
        &self.nodes
    }

    /// The URL with all three nodes, for user `guest` and vhost `/`.
    #[must_use]
    pub fn url(&self) -> String {
        let [one, two, three] = &self.nodes;
        format!("{},127.0.0.1:{},127.0.0.1:{}", one.url(), two.port(), three.port())
    }

    /// How many nodes run and see each other, in the view of the first node that answers.
    #[must_use]
    pub fn running(&self) -> usize {
        let status = self.ask("rabbitmqctl", &["cluster_status", "--formatter=json"]);
        listing::running_nodes(&status).len()
    }

    /// The node that leads a quorum queue of vhost `/`. `None` when there is no such queue, and while the queue has
    /// no leader, or one that does not run.
    #[must_use]
    pub fn leader(&self, queue: &str) -> Option<&Broker> {
        let queues = self.ask("rabbitmqctl", &["list_queues", "--formatter=json", "name", "leader"]);
        let leader = listing::leader(&queues, queue)?;
        self.nodes.iter().find(|node| node.node() == leader && node.is_running())
    }

    /// Spreads the leaders of quorum queues over the nodes.
    pub fn rebalance(&self) {
        self.ask("rabbitmq-queues", &["rebalance", "quorum"]);
    }

    /// Asks the nodes that run, until one answers: one in the smaller part of a cluster does not.
    fn ask(&self, tool: &str, arguments: &[&str]) -> String {
        let mut complaints = Vec::new();
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            match node.tool(tool, arguments) {
                Ok(answer) => return answer,
                Err(complaint) => complaints.push(complaint),
            }
        }
        panic!("no node answers: {complaints:?}");
    }

    fn try_start(&self) -> Result<(), String> {
        blocking(|| {
            std::thread::scope(|scope| {
                let started = self.nodes.each_ref().map(|node| scope.spawn(|| node.try_start()));
                started.into_iter().try_for_each(|it| it.join().expect("starting a node does not panic"))
            })
        })
    }
}

fn prepare(installation: &Installation) -> [Broker; 3] {
    let members: [Member; 3] = Member::group();
    let builder = SETTINGS.iter().fold(Broker::builder(), |builder, line| builder.setting(line));
    let builder = (1..).zip(&members).fold(builder, |builder, (number, member)| {
        let node = member.node();
        builder.setting(&format!("cluster_formation.classic_config.nodes.{number} = {node}"))
    });
    let ports = Ports::choose();
    members.map(|member| {
        let ports = if member.brings_name_server { ports } else { ports.beside() };
        builder.prepare(installation, &member, ports)
    })
}
