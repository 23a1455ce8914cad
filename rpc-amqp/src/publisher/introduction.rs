//! The first message for an exchange, on a channel of its own.
//!
//! A refused declaration or publish closes its channel, and everything in flight there is lost from sight. So what the
//! broker has not accepted in this epoch is tried where nothing else is in flight: what the message needs is declared,
//! the message is published, and a question on the same channel shows that the broker has accepted it, because it
//! reads a channel in order. From then on the exchange is known and its messages take the shared channel. A
//! user without write permission, an exchange of another type, a queue with other arguments: none of them ever harms
//! the messages of others, nor do others wait for them; and what the broker says belongs to exactly one message.
//!
//! An introduction that the broker does not come to soon, though it answers elsewhere (see [`Asking::reads`]), leaves its
//! message on its channel, and those who wait try with the next.
//!
//! The alternative is to publish at once and to rebuild the shared channel after a refusal. It saves a round trip for
//! the first message of an exchange, and costs everybody the outcome of what is in flight, again after each quarantine.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::Error;
use tokio::time::Instant;

use super::asking::Asking;
use super::caller::{Caller, Outcome};
use super::confirm_channel::outcome;
use super::confirms::Verdict;
use super::message::{Ready, refused};
use super::renewal::KEPT;
use super::slot::Slot;
use super::unknown;
use crate::library::{Channel, Confirmation, Place};
use crate::link::{Refusal, RefusalKind, limited};
use crate::topology::Declaration;

/// How long a channel may be silent over its first message before others are tried.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is not known to be accepted by the broker.
pub(super) struct Unknown {
    /// What is tried; what needs the same waits for it.
    pub(super) name: String,
    pub(super) exchange: String,
    /// To be declared first.
    pub(super) missing: Vec<Vec<Declaration>>,
}

/// How an introduction ended.
pub(super) struct Introduced {
    pub(super) name: String,
    /// What exists now.
    pub(super) declared: Vec<String>,
    pub(super) verdict: Result<Accepted, Refused>,
}

/// The broker has refused nothing.
pub(super) struct Accepted {
    /// The exchange, if it is known to have taken a message.
    pub(super) exchange: Option<String>,
    /// The end of it.
    pub(super) rest: Rest,
}

pub(super) struct Refused {
    /// The exchange or the queue that was refused.
    pub(super) what: String,
    pub(super) refusal: Refusal,
}

/// The message to introduce, until it is handed over. Whoever owns the introduction takes it back when that ends early.
pub(super) type First = Arc<Mutex<Option<Slot>>>;

/// Waits for the confirm, and gives the channel back when it can be used again.
pub(super) type Rest = Pin<Box<dyn Future<Output = Option<Channel>> + Send>>;

/// Sends the message of `slot` by way of a channel on which nothing else is in flight.
pub(super) async fn introduce(
    asking: Asking,
    channel: Option<Channel>,
    Unknown { name, exchange, missing }: Unknown,
    first: First,
) -> Introduced {
    let mut declared = Vec::new();
    let channel = match prepare(&asking, channel, &missing, &mut declared).await {
        Ok(channel) => channel,
        Err(refusal) => {
            let verdict = Err(Refused { what: name.clone(), refusal });
            return Introduced { name, declared, verdict };
        }
    };
    // Not before, since the caller may give up while the broker declares.
    let slot = first.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(ready) = slot.and_then(|slot| slot.take(Instant::now())).and_then(Ready::new) else {
        let rest: Rest = Box::pin(std::future::ready(Some(channel)));
        return Introduced { name, declared, verdict: Ok(Accepted { exchange: None, rest }) };
    };
    let verdict = match publish(&asking, channel, ready).await {
        Ok((is_read, rest)) => Ok(Accepted { exchange: is_read.then_some(exchange), rest }),
        Err(refusal) => Err(Refused { what: exchange, refusal }),
    };
    Introduced { name, declared, verdict }
}

async fn prepare(
    asking: &Asking,
    channel: Option<Channel>,
    missing: &[Vec<Declaration>],
    declared: &mut Vec<String>,
) -> Result<Channel, Refusal> {
    let channel = match channel {
        Some(channel) => channel,
        None => asking.confirm_channel().await?,
    };
    for needs in missing {
        asking.declare(&channel, needs).await?;
        declared.extend(needs.last().map(|last| last.name().to_owned()));
    }
    Ok(channel)
}

/// Says whether the broker has read the message, which it may not have come to though it works.
async fn publish(asking: &Asking, channel: Channel, ready: Ready) -> Result<(bool, Rest), Refusal> {
    let Ready { exchange, key, mandatory, properties, body, until, caller, .. } = ready;
    let mut owed = Owed { caller: Some(caller), until, asking: asking.clone() };
    let to = Place { exchange: &exchange, key: &key, mandatory };
    let queued = match channel.publish(to, &properties, &body) {
        Ok(queued) => queued,
        Err(error) => return Err(owed.refuse(Refusal::from_answer(&error))),
    };
    let written = tokio::select! {
        biased;
        written = channel.written(queued.position) => written,
        // Not written and too late, it would be written all the same when the broker reads again.
        () = asking.blocked_after(until) => {
            asking.give_up();
            return Err(Refusal::lost("the broker was blocked until the deadline"));
        }
    };
    if let Err(error) = written {
        return Err(owed.refuse(Refusal::from_answer(&error)));
    }
    match asking.reads(&channel, PATIENCE).await {
        Ok(true) => {}
        Ok(false) => {
            let rest = tokio::time::timeout(KEPT, rest(channel, owed, (exchange, key)));
            return Ok((false, Box::pin(async move { rest.await.ok().flatten() })));
        }
        // Blocked meanwhile: the answer comes with the confirm.
        Err(refusal) if refusal.kind == RefusalKind::Lost && asking.is_open() && channel.is_usable() => {}
        // The broker has closed the channel before it was asked, and the confirm says why.
        Err(refusal) if refusal.kind == RefusalKind::Lost => {
            let confirmed = limited("confirm", channel.confirmed()).await;
            return Err(owed.refuse(confirmed.err().unwrap_or(refusal)));
        }
        Err(refusal) => return Err(owed.refuse(refusal)),
    }
    Ok((true, Box::pin(rest(channel, owed, (exchange, key)))))
}

async fn rest(channel: Channel, mut owed: Owed, (exchange, key): (String, String)) -> Option<Channel> {
    let confirmed = tokio::select! {
        biased;
        confirmed = channel.confirmed() => confirmed,
        // Nobody waits for it any more. The channel goes, since its confirm may still come.
        () = owed.abandoned() => return None,
    };
    let verdict = match confirmed.map(|confirmed| confirmed.into_iter().next()) {
        // Whose return it is cannot be in doubt: nothing else was published here.
        Ok(Some(Confirmation { returned: Some(_), .. })) => Verdict::Returned,
        Ok(Some(Confirmation { acknowledged: true, .. })) => Verdict::Confirmed,
        Ok(Some(_)) => Verdict::Refused,
        // There is always one.
        Ok(None) => return None,
        Err(error) => {
            owed.refuse(Refusal::from_answer(&error));
            return None;
        }
    };
    owed.settle(outcome(verdict, &exchange, &key));
    Some(channel)
}

/// The outcome that a caller is owed. Unknown, when this is dropped.
struct Owed {
    caller: Option<Caller>,
    /// Until when it waits.
    until: Instant,
    asking: Asking,
}

impl Owed {
    fn settle(&mut self, outcome: Outcome) {
        if let Some(caller) = self.caller.take() {
            caller.tell(outcome);
        }
    }

    /// The broker says no to this very message, or the link is gone.
    fn refuse(&mut self, refusal: Refusal) -> Refusal {
        if matches!(refusal.kind, RefusalKind::Forbidden | RefusalKind::Absent | RefusalKind::Mismatch) {
            self.settle(Err(refused("the broker refused the message", &refusal)));
        } else {
            self.settle(Err(lost(&refusal.text)));
        }
        refusal
    }

    async fn abandoned(&mut self) {
        match &mut self.caller {
            Some(caller) => caller.gone(self.until).await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let cause = self.asking.cause();
        self.settle(Err(lost(&cause)));
    }
}

fn lost(cause: &str) -> Error {
    unknown(format!("the link was lost before the broker confirmed the message: {cause}"))
}
