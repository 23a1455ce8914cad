//! What the servers of the fault suite serve.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::{Context, service};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::sync::watch;

use super::{Requester, sum};
use crate::checker::Kind;
use crate::ledger::Ledger;

/// What a handler does before it answers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Work {
    /// Sleeps so long, in milliseconds.
    pub sleep: u64,
    /// Blocks its thread so long, in milliseconds.
    pub block: u64,
    /// Waits until its server is told `release`.
    pub held: bool,
    /// Panics in the end.
    pub panic: bool,
    /// Makes a call of its own to any server of its topic, and waits for the answer.
    pub nested: bool,
}

/// The service: every method writes into the ledger that it started, works, and writes that it ended.
#[service(namespace = "chaos", version = "1.0")]
pub trait Chaos {
    /// Answers with [`sum`].
    #[call(timeout = "10s")]
    async fn check(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf) -> u64;
    /// The same, and may run again.
    #[call(timeout = "10s", idempotent)]
    async fn check_again(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf) -> u64;
    /// Nobody waits for it.
    #[cast]
    async fn record(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf);
    /// Tells all.
    #[fanout]
    async fn announce(&self, ctx: &Context, id: String, filler: ByteBuf);
}

/// The service of one process.
#[derive(Debug)]
pub struct Served {
    ledger: Arc<Ledger>,
    requester: Requester,
    released: watch::Receiver<bool>,
}

/// Writes the end of an execution, also when its future is dropped.
struct Execution<'a> {
    ledger: &'a Ledger,
    id: &'a str,
    how: &'static str,
}

impl Served {
    /// A service that writes to `ledger`, makes calls of its own with `requester`, and lets go what is held when
    /// `released` says so.
    #[must_use]
    pub const fn new(ledger: Arc<Ledger>, requester: Requester, released: watch::Receiver<bool>) -> Self {
        Self { ledger, requester, released }
    }

    async fn run(&self, method: &str, context: &Context, (id, work, filler): (&str, Work, &[u8])) -> u64 {
        let sum = sum(id, filler);
        let message = context.message_id.as_ref().map_or("none", |id| id.as_str());
        self.ledger.write_with(
            "started",
            id,
            &[
                ("method", &method),
                ("sum", &format_args!("{sum:016x}")),
                ("attempt", &context.attempt),
                ("message", &message),
            ],
        );
        let mut execution = Execution { ledger: &self.ledger, id, how: "dropped" };
        if work.block > 0 {
            std::thread::sleep(Duration::from_millis(work.block));
        }
        if work.sleep > 0 {
            tokio::time::sleep(Duration::from_millis(work.sleep)).await;
        }
        if work.held {
            let _ = self.released.clone().wait_for(|released| *released).await;
        }
        if work.nested {
            let left = context.deadline.map_or(Duration::from_secs(10), rpc_core::Deadline::remaining);
            let demand = super::Demand { deadline: left, ..super::Demand::new(Kind::Call) };
            self.requester.request(demand).await;
        }
        assert!(!work.panic, "asked to");
        execution.how = "done";
        sum
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        self.ledger.write_with("ended", self.id, &[("how", &self.how)]);
    }
}

impl Chaos for Served {
    async fn check(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf) -> u64 {
        self.run("check", ctx, (&id, work, &filler)).await
    }

    async fn check_again(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf) -> u64 {
        self.run("check_again", ctx, (&id, work, &filler)).await
    }

    async fn record(&self, ctx: &Context, id: String, work: Work, filler: ByteBuf) {
        self.run("record", ctx, (&id, work, &filler)).await;
    }

    async fn announce(&self, ctx: &Context, id: String, filler: ByteBuf) {
        self.run("announce", ctx, (&id, Work::default(), &filler)).await;
    }
}
