//! Tells servers of calls that were given up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use foldhash::fast::FixedState;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::cancellation;
use crate::deadline::Deadline;
use crate::error::{Code, Error};
use crate::message::Message;
use crate::target::Target;
use crate::transport::{Destination, Transport};

/// Calls that were given up, for a task that tells their servers. To give a call up costs an entry here, so it can be done in
/// `drop`, on any thread, and thousands at a time.
#[derive(Debug)]
pub(super) struct GivenUp {
    /// Whether there is anybody who would hear of them.
    is_heard: bool,
    calls: Mutex<Calls>,
    any: Notify,
}

/// Calls that were given up and that nobody was told of, by their target. At most so many; what is beyond that runs on.
#[derive(Debug)]
struct Calls {
    by_target: HashMap<Target, Group, FixedState>,
    count: usize,
    most: usize,
    /// Until when nobody can be told, and nothing is gathered.
    silent_until: Option<Deadline>,
}

#[derive(Debug, Eq, PartialEq)]
struct Group {
    calls: Vec<u128>,
    /// When the last of them would have ended anyway.
    until: Deadline,
}

impl GivenUp {
    /// How many wait to be told.
    const MOST: usize = 65_536;
    /// How many are told by one message.
    const MOST_AT_ONCE: usize = 1_000;
    /// How long more are gathered after one message, or a few, before the next: who gives calls up all the time costs each
    /// server a hundred messages a second.
    const PAUSE: Duration = Duration::from_millis(10);
    /// How long a message may take to reach the broker.
    const LIMIT: Duration = Duration::from_secs(10);
    /// How long nothing is sent after the broker has refused one: a refusal can cost a channel with all that is on it, and what
    /// is forbidden is so until a person changes it.
    const SILENCE: Duration = Duration::from_secs(600);

    /// Over a transport whose servers are told, or not.
    pub(super) fn new(is_heard: bool) -> Self {
        Self { is_heard, calls: Mutex::new(Calls::new(Self::MOST)), any: Notify::new() }
    }

    /// The call to `target` was given up. Nothing is done about one that has nearly ended anyway.
    pub(super) fn add(&self, target: &Target, key: u128, until: Deadline) {
        if self.is_heard && !until.has_passed() && self.calls().add(target, key, until) {
            self.any.notify_one();
        }
    }

    /// Tells servers of what is given up, for as long as somebody has the transport: this does not keep it.
    pub(super) async fn run(&self, transport: Weak<dyn Transport>) {
        loop {
            self.any.notified().await;
            let Some(transport) = transport.upgrade() else { return };
            self.tell(&*transport).await;
            drop(transport);
            sleep(Self::PAUSE).await;
        }
    }

    /// Tells servers of what was given up until now. A message that does not reach the broker is not sent again: its calls end
    /// at their deadlines.
    pub(super) async fn tell(&self, transport: &dyn Transport) {
        let groups = self.calls().take();
        let content_type = transport.capabilities().content_type;
        for (target, Group { calls, until }) in groups {
            let destination = Destination::Request(cancellation::destination(&target));
            for calls in calls.chunks(Self::MOST_AT_ONCE) {
                let limit = Deadline::after(Self::LIMIT).earlier(Some(until));
                let sent = match cancellation::request(&target, calls, until, content_type) {
                    Ok(request) => transport.publish(&destination, Message::from(request), limit).await,
                    Err(error) => Err(error),
                };
                match sent {
                    Ok(()) => tracing::trace!(%target, calls = calls.len(), "cancelled"),
                    Err(error) if is_refusal(&error) => {
                        tracing::info!(%target, %error, "servers cannot be told of calls that are given up");
                        self.calls().silent_until = Some(Deadline::after(Self::SILENCE));
                        return;
                    }
                    Err(error) => {
                        tracing::debug!(%target, calls = calls.len(), %error, "calls that were given up run on");
                    }
                }
            }
        }
    }

    /// Nothing that runs under this lock can panic or wait.
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the broker would refuse the next one, too.
fn is_refusal(error: &Error) -> bool {
    !matches!(error.code(), Code::DeadlineExceeded | Code::Overloaded | Code::Unavailable)
}

impl Calls {
    fn new(most: usize) -> Self {
        Self { by_target: HashMap::default(), count: 0, most, silent_until: None }
    }

    /// `false` when there is no room for it, or nobody can be told.
    fn add(&mut self, target: &Target, key: u128, until: Deadline) -> bool {
        self.silent_until = self.silent_until.filter(|until| !until.has_passed());
        if self.count == self.most || self.silent_until.is_some() {
            return false;
        }
        self.count += 1;
        match self.by_target.get_mut(target) {
            Some(group) => {
                group.calls.push(key);
                group.until = group.until.max(until);
            }
            None => {
                self.by_target.insert(target.clone(), Group { calls: vec![key], until });
            }
        }
        true
    }

    fn take(&mut self) -> HashMap<Target, Group, FixedState> {
        self.count = 0;
        std::mem::take(&mut self.by_target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_gathered_by_target_and_bounded() {
        let (one, other) = (Target::topic("a"), Target::topic("a").server("s"));
        let [near, far] = [1, 2].map(|seconds| Deadline::after(Duration::from_secs(seconds)));
        let mut calls = Calls::new(4);
        assert!(calls.add(&one, 1, far) && calls.add(&other, 2, near) && calls.add(&one, 3, near));
        assert!(calls.add(&other, 4, near));
        assert!(!calls.add(&other, 5, near), "there is no room");
        let mut taken = calls.take();
        assert_eq!(taken.remove(&one), Some(Group { calls: vec![1, 3], until: far }));
        assert_eq!(taken.remove(&other), Some(Group { calls: vec![2, 4], until: near }));
        assert!(taken.is_empty() && calls.take().is_empty());
        assert!(calls.add(&one, 6, near), "there is room again");
        calls.silent_until = Some(near);
        assert!(!calls.add(&one, 7, far));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(calls.add(&one, 8, far));
    }
}
