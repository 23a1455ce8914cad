//! Where rows run one after the other.

use tests::broker::{Broker, Builder, Cluster};

/// What the programs log in as. The password is looked for in every log.
pub(crate) const USER: &str = "chaos";
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

/// A lane, with the broker that its rows share.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    broker: Option<Broker>,
    cluster: Option<Cluster>,
}

impl Lane {
    /// The broker of the lane, started when the first row asks for it. Where there is a cluster, a node of it that runs.
    pub(crate) fn broker(&mut self) -> &Broker {
        match &self.cluster {
            Some(cluster) => running_node(cluster),
            None => self.broker.get_or_insert_with(start_broker),
        }
    }

    /// Three nodes, started when the first row asks for them.
    pub(crate) fn cluster(&mut self) -> &Cluster {
        self.cluster.get_or_insert_with(start_cluster)
    }

    /// The broker, if one was asked for.
    pub(crate) fn running(&self) -> Option<&Broker> {
        self.cluster.as_ref().map(running_node).or(self.broker.as_ref())
    }

    /// Gives the lane another broker.
    pub(crate) fn replace(&mut self, broker: Broker) {
        self.broker = Some(broker);
    }

    /// Gives the broker up: the next row gets a new one.
    pub(crate) fn spoil(&mut self) {
        self.broker = None;
        self.cluster = None;
    }
}

fn running_node(cluster: &Cluster) -> &Broker {
    cluster.nodes().iter().find(|node| node.is_running()).expect("a node runs")
}

fn start_cluster() -> Cluster {
    let cluster = Cluster::start();
    let node = running_node(&cluster);
    node.ctl(&["add_user", USER, PASSWORD]);
    node.ctl(&["set_permissions", USER, ".*", ".*", ".*"]);
    cluster
}

/// A node where [`USER`] may do all, from its first moment: also after its data was removed.
fn start_broker() -> Broker {
    broker().start()
}

/// The same, not started yet.
pub(crate) fn broker() -> Builder {
    Broker::builder()
        .setting(&format!("default_user = {USER}"))
        .setting(&format!("default_pass = {PASSWORD}"))
}
