//! Makes one request, and writes down what became of it.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{CallError, Error, Notifier, Target};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{ChaosClient, Words, Work, filler, new_id, one_word, sum};
use crate::checker::Kind;
use crate::ledger::Ledger;

/// What to ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Demand {
    /// The operation.
    pub kind: Kind,
    /// What its handler does.
    pub work: Work,
    /// How many bytes it carries.
    pub size: usize,
    /// How long its caller waits.
    pub deadline: Duration,
    /// For how long the caller of a call bears no sign of life; zero for ever.
    pub monitor: Duration,
    /// Goes to a topic that nobody serves.
    pub nowhere: bool,
}

/// The payload of a notification.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fact {
    /// The id of the request.
    pub id: String,
    /// What else it carries.
    pub filler: ByteBuf,
}

/// Makes requests to one topic. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Requester {
    client: ChaosClient,
    nobody: ChaosClient,
    notifier: Notifier,
    ledger: Arc<Ledger>,
}

/// Writes that a request was given up, unless it was resolved.
struct Pending<'a> {
    ledger: &'a Ledger,
    id: &'a str,
    resolved: bool,
}

impl Demand {
    /// A request that carries little and has 10 s.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let (work, deadline, monitor) = (Work::default(), Duration::from_secs(10), Duration::ZERO);
        Self { kind, work, size: 0, deadline, monitor, nowhere: false }
    }

    /// What `words` say: `kind`, `sleep`, `block`, `deadline` and `monitor` in milliseconds, `held`, `panic`, `nested`,
    /// `nowhere`, `size` in bytes.
    ///
    /// # Panics
    ///
    /// When a word makes no sense.
    #[must_use]
    pub fn parse(words: &Words) -> Self {
        let is_set = |name| words.number(name) > 0;
        let work = Work {
            sleep: words.number("sleep"),
            block: words.number("block"),
            held: is_set("held"),
            panic: is_set("panic"),
            nested: is_set("nested"),
        };
        let deadline = words.get("deadline").map_or(10_000, |_| words.number("deadline"));
        Self {
            kind: words.get("kind").map_or(Kind::Call, |kind| kind.parse().expect("a kind")),
            work,
            size: usize::try_from(words.number("size")).expect("a size fits"),
            deadline: Duration::from_millis(deadline),
            monitor: Duration::from_millis(words.number("monitor")),
            nowhere: is_set("nowhere"),
        }
    }
}

impl Requester {
    /// Requests to `topic` of `exchange`, and notifications to `topic`, written to `ledger`.
    #[must_use]
    pub fn new(transport: &AmqpTransport, exchange: &str, topic: &str, ledger: Arc<Ledger>) -> Self {
        let to = |topic: &str| ChaosClient::new(transport, Target::topic(topic).exchange(exchange));
        Self {
            client: to(topic),
            nobody: to("nobody"),
            notifier: Notifier::new(transport, "chaos").exchange(exchange).topics([topic]),
            ledger,
        }
    }

    /// Makes one request and waits for its end. Dropping the future gives it up.
    pub async fn request(&self, demand: Demand) {
        let (id, filler) = (new_id(), filler(demand.size));
        let sum = sum(&id, &filler);
        self.ledger.write_with(
            "invoked",
            &id,
            &[
                ("kind", &demand.kind),
                ("deadline", &demand.deadline.as_millis()),
                ("nowhere", &demand.nowhere),
                ("sum", &format_args!("{sum:016x}")),
            ],
        );
        let mut pending = Pending { ledger: &self.ledger, id: &id, resolved: false };
        let outcome = self.perform(demand, id.clone(), ByteBuf::from(filler)).await;
        pending.resolved = true;
        match outcome {
            Ok(Some(answer)) => self.ledger.write_with(
                "resolved",
                &id,
                &[("outcome", &"ok"), ("executed", &"executed"), ("answer", &format_args!("{answer:016x}"))],
            ),
            Ok(None) => {
                self.ledger.write_with("resolved", &id, &[("outcome", &"ok"), ("executed", &"unknown")]);
            }
            Err(error) => self.ledger.write_with(
                "resolved",
                &id,
                &[
                    ("outcome", &error.code()),
                    ("executed", &error.executed().as_str()),
                    ("text", &one_word(error.message())),
                    ("length", &error.message().len()),
                ],
            ),
        }
    }

    /// The answer, for calls.
    async fn perform(&self, demand: Demand, id: String, filler: ByteBuf) -> Result<Option<u64>, Error> {
        let Demand { kind, work, deadline, monitor, .. } = demand;
        let client = if demand.nowhere { &self.nobody } else { &self.client };
        let rpc = |error: CallError| Error::from(error);
        match kind {
            Kind::Call => {
                let call = client.check(id, work, filler).timeout(deadline).call_monitor(monitor);
                call.await.map(Some).map_err(rpc)
            }
            Kind::Idempotent => {
                let call = client.check_again(id, work, filler).timeout(deadline).call_monitor(monitor);
                call.await.map(Some).map_err(rpc)
            }
            Kind::Cast => client.record(id, work, filler).timeout(deadline).await.map(|()| None),
            Kind::Fanout => client.announce(id, filler).timeout(deadline).await.map(|()| None),
            Kind::Notification => {
                let notifier = self.notifier.clone().timeout(deadline);
                notifier.info("chaos.fact", &Fact { id, filler }).await.map(|()| None)
            }
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.resolved {
            self.ledger.write("dropped", self.id);
        }
    }
}
