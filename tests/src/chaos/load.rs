//! Makes requests without end, until it is told to stop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Demand, Requester, Words, Work};
use crate::checker::Kind;

/// How much to ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    /// Callers that each make one default call after the other.
    pub calls: u64,
    /// Callers that each make one idempotent call after the other.
    pub idempotent: u64,
    /// How long a caller waits between two calls.
    pub pause: Duration,
    /// What handlers of calls do.
    pub work: Work,
    /// How many bytes a request carries.
    pub size: usize,
    /// How long a request may take.
    pub deadline: Duration,
    /// One of so many calls of each caller goes to a topic that nobody serves; 0 for none.
    pub nowhere: u64,
    /// Default calls per second, whatever became of earlier ones.
    pub call_rate: u64,
    /// Idempotent calls per second, likewise.
    pub idempotent_rate: u64,
    /// Casts per second.
    pub casts: u64,
    /// Fanouts per second.
    pub fanouts: u64,
    /// Notifications per second.
    pub notifications: u64,
}

/// The load that runs.
#[derive(Debug)]
pub struct Loads {
    requester: Requester,
    stop: CancellationToken,
    running: TaskTracker,
}

impl Load {
    /// What `words` say, by the names of the fields and of [`Demand::parse`].
    #[must_use]
    pub fn parse(words: &Words) -> Self {
        let Demand { work, size, deadline, .. } = Demand::parse(words);
        Self {
            calls: words.number("calls"),
            idempotent: words.number("idempotent"),
            pause: Duration::from_millis(words.number("pause")),
            work,
            size,
            deadline,
            nowhere: words.number("nowhere"),
            call_rate: words.number("call-rate"),
            idempotent_rate: words.number("idempotent-rate"),
            casts: words.number("casts"),
            fanouts: words.number("fanouts"),
            notifications: words.number("notifications"),
        }
    }
}

impl Loads {
    /// None yet.
    #[must_use]
    pub fn new(requester: Requester) -> Self {
        Self { requester, stop: CancellationToken::new(), running: TaskTracker::new() }
    }

    /// Starts more.
    pub fn start(&self, load: Load) {
        let Load { work, size, deadline, .. } = load;
        let demand = |kind| Demand { work, size, deadline, ..Demand::new(kind) };
        for (kind, callers) in [(Kind::Call, load.calls), (Kind::Idempotent, load.idempotent)] {
            for caller in 0..callers {
                // Spread over one pause, so that callers do not march in step.
                let offset = load.pause.mul_f64(ratio(caller, callers));
                self.running.spawn(call_again_and_again(
                    self.requester.clone(),
                    demand(kind),
                    (offset, load.pause, load.nowhere),
                    self.stop.clone(),
                ));
            }
        }
        let rates = [
            (Kind::Call, load.call_rate),
            (Kind::Idempotent, load.idempotent_rate),
            (Kind::Cast, load.casts),
            (Kind::Fanout, load.fanouts),
            (Kind::Notification, load.notifications),
        ];
        for (kind, rate) in rates.into_iter().filter(|(_, rate)| *rate > 0) {
            let is_call = matches!(kind, Kind::Call | Kind::Idempotent);
            let demand = Demand { work: if is_call { work } else { Work::default() }, ..demand(kind) };
            let sender =
                at_a_rate(self.requester.clone(), demand, rate, self.stop.clone(), self.running.clone());
            self.running.spawn(sender);
        }
    }

    /// Makes `count` requests at once.
    pub fn burst(&self, count: u64, demand: Demand) {
        for _ in 0..count {
            let requester = self.requester.clone();
            self.running.spawn(async move { requester.request(demand).await });
        }
    }

    /// Makes `count` calls at once and drops each at a moment of its own, spread evenly over `within`.
    pub fn drop_in_between(&self, count: u64, demand: Demand, within: Duration) {
        for number in 0..count {
            let requester = self.requester.clone();
            // Multiplied by a prime, so that neighbours in time are none in order.
            let moment = within.mul_f64(ratio(number.wrapping_mul(7_919) % count, count));
            self.running.spawn(async move {
                let _ = tokio::time::timeout(moment, requester.request(demand)).await;
            });
        }
    }

    /// Starts nothing more, and waits for the end of what was started.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
        self.running.reopen();
        self.stop = CancellationToken::new();
    }
}

async fn call_again_and_again(
    requester: Requester,
    demand: Demand,
    (offset, pause, nowhere): (Duration, Duration, u64),
    stop: CancellationToken,
) {
    let (mut wait, mut number) = (offset, 0_u64);
    while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        number += 1;
        let nowhere = nowhere > 0 && number.is_multiple_of(nowhere);
        requester.request(Demand { nowhere, ..demand }).await;
        wait = pause;
    }
}

async fn at_a_rate(
    requester: Requester,
    demand: Demand,
    rate: u64,
    stop: CancellationToken,
    running: TaskTracker,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(1).div_f64(ratio(rate, 1)));
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let requester = requester.clone();
        running.spawn(async move { requester.request(demand).await });
    }
}

/// Counts here are far below 2³².
fn ratio(number: u64, of: u64) -> f64 {
    let exact = |number: u64| f64::from(u32::try_from(number).expect("a count of the fault suite"));
    exact(number) / exact(of)
}
