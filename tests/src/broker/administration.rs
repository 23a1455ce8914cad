//! What an administrator asks of a node.

use std::process::Command;

use super::listing::{self, Connection, Queue};
use super::{Broker, blocking};

impl Broker {
    /// The output of `rabbitmqctl` with these arguments.
    ///
    /// # Panics
    ///
    /// When it fails, with what it says.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        self.tool("rabbitmqctl", arguments).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// All queues of vhost `/`, by name.
    #[must_use]
    pub fn queues(&self) -> Vec<Queue> {
        listing::queues(&self.ctl(Queue::COMMAND))
    }

    /// One queue of vhost `/`.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<Queue> {
        self.queues().into_iter().find(|queue| queue.name == name)
    }

    /// Deletes a queue of vhost `/`, whatever is in it.
    pub fn delete_queue(&self, name: &str) {
        self.ctl(&["delete_queue", name]);
    }

    /// All connections of clients.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        listing::connections(&self.ctl(Connection::COMMAND))
    }

    /// Closes all connections of clients, in a cluster those to other nodes too: clients see 320
    /// `CONNECTION_FORCED` with this reason.
    pub fn close_all_connections(&self, reason: &str) {
        self.ctl(&["close_all_connections", "--global", reason]);
    }

    /// Waits until what was declared is on disk.
    ///
    /// RabbitMQ 3.10 confirms a message when it is on disk, but a queue that was declared shortly before a
    /// [`Broker::kill`] may be forgotten, with its messages. Seen in two of some thirty runs on a busy machine,
    /// and in none after this.
    pub fn write_down(&self) {
        let written = "case whereis(mnesia_tm) of undefined -> ok; _ -> mnesia:dump_log() end.";
        self.ctl(&["eval", written]);
    }

    /// The output of one of RabbitMQ's tools, or what it complains about.
    pub(super) fn tool(&self, tool: &str, arguments: &[&str]) -> Result<String, String> {
        blocking(|| {
            let output = Command::new(self.installation.scripts.join(tool))
                .arg("--quiet")
                .args(["--node", &self.folder.node])
                .args(arguments)
                .envs(self.environment.iter().map(|(name, value)| (name, value)))
                .output()
                .expect("RabbitMQ's tools start");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() {
                return Ok(text);
            }
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(format!("{tool} {}: {complaint}{text}", arguments.join(" ")))
        })
    }
}
