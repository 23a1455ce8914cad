//! Quorum queues without a leader, as the channels see them that do not know one yet.

use super::super::frame::Request;
use super::{Broker, Output, Task};

/// How long a channel waits for a leader that does not answer, in milliseconds.
pub(crate) const STUCK: u64 = 7_000;

impl Broker {
    /// The leaders of quorum queues are gone, or there are others. Channels that have used a queue know where it is.
    pub(crate) const fn set_leaderless(&mut self, leaderless: bool) {
        self.leaderless = leaderless;
    }

    /// Whether the channel does not come to `request` for now; then it is kept.
    pub(super) fn keeps_waiting(&mut self, (connection, channel): (u64, u16), request: &Request) -> bool {
        let place = (connection, channel);
        if let Some(held) = &mut self.channel(place).held {
            held.push(request.clone());
            return true;
        }
        let queues = match request {
            Request::Publish { message, .. } => self.route(message).unwrap_or_default(),
            Request::Consume { queue, .. } => self.names.get(queue).copied().into_iter().collect(),
            _ => return false,
        };
        let leaderless = self.leaderless;
        let is_quorum = |number: &u64| self.queues.get(number).is_some_and(|queue| queue.quorum);
        let quorum: Vec<_> = queues.into_iter().filter(is_quorum).collect();
        let known = self.channel(place);
        let is_stuck = leaderless && quorum.iter().any(|number| !known.used.contains(number));
        known.used.extend(quorum);
        if is_stuck {
            known.held = Some(vec![request.clone()]);
            self.output.push(Output::Later { after: STUCK, task: Task::GoOn { connection, channel } });
        }
        is_stuck
    }

    /// The channel has given up on the leader that it knew, and does what was asked meanwhile.
    pub(super) fn go_on(&mut self, now: u64, connection: u64, channel: u16) {
        let known = self.connections.get_mut(&connection).and_then(|known| known.channels.get_mut(&channel));
        let Some(held) = known.and_then(|known| known.held.take()) else { return };
        for request in held {
            self.read(now, connection, channel, request);
        }
    }
}
