//! Who waits for replies, as the reply table holds them.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::mpsc;

use super::call_monitor::Heard;
use super::listener::Inbox;
use crate::error::Error;
use crate::message::{Outcome, Reply};
use crate::payload::{ContentType, Payload};

/// What comes for one that waits: a reply, or why there is none.
pub(super) type Received = Result<Arc<Reply>, Error>;

/// Who waits for replies of one correlation id.
#[derive(Debug)]
pub(super) enum Waiter {
    /// A call, for the last one.
    Call(WaitingCall),
    /// A gathering, for as many as there is room for. One too many is lost.
    Gathering(mpsc::Sender<Received>),
}

#[derive(Debug)]
pub(super) struct WaitingCall {
    last: Last,
    /// What came, or may come, before the last reply. Most calls have none.
    before: Option<Box<Before>>,
}

/// The last reply, which is left here for the call to fetch.
#[derive(Debug)]
enum Last {
    /// Has not come. Whoever asked for it is woken then.
    Awaited(Option<Waker>),
    Here(Received),
    Fetched,
}

/// What became of a reply that was handed to a waiter.
#[derive(Debug)]
pub(super) struct Handed {
    /// Whether it was wanted.
    pub(super) is_taken: bool,
    /// Who is to be woken, outside the lock under which the waiter was found: that can end a task, with the waiter in it.
    pub(super) wakes: Option<Waker>,
}

#[derive(Debug, Default)]
struct Before {
    /// When something came, for a call that listens for signs of life.
    heard: Option<Arc<Heard>>,
    /// Where progress goes, for a call that listens for it.
    progress: Option<Inbox>,
    /// A result that came before the last reply, as old servers of oslo.messaging send it. One at most.
    kept: Option<Arc<Reply>>,
}

impl Waiter {
    /// A call that waits.
    pub(super) const fn call() -> Self {
        Self::Call(WaitingCall { last: Last::Awaited(None), before: None })
    }

    /// The last reply of a call, which is fetched once.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Received> {
        match self {
            Self::Call(call) => call.poll(context),
            Self::Gathering(_) => Poll::Pending,
        }
    }

    /// The last reply of a call, if it is here.
    pub(super) fn fetch(&mut self) -> Option<Received> {
        match self {
            Self::Call(call) => call.fetch(),
            Self::Gathering(_) => None,
        }
    }

    /// Whether the last reply of a call has come.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self, Self::Call(WaitingCall { last: Last::Here(_) | Last::Fetched, .. }))
    }

    /// Takes the replies of many from now on, unless there is none any more: then the last one says why.
    pub(super) fn gather(&mut self, replies: mpsc::Sender<Received>) -> Result<(), Received> {
        if let Some(last) = self.fetch() {
            return Err(last);
        }
        *self = Self::Gathering(replies);
        Ok(())
    }

    /// From now on signs of life are heard.
    pub(super) fn listen(&mut self) -> Arc<Heard> {
        let heard = Arc::new(Heard::now());
        if let Self::Call(call) = self {
            call.before.get_or_insert_default().heard = Some(Arc::clone(&heard));
        }
        heard
    }

    /// From now on progress goes to `inbox`.
    pub(super) fn listen_for_progress(&mut self, inbox: Inbox) {
        if let Self::Call(call) = self {
            call.before.get_or_insert_default().progress = Some(inbox);
        }
    }

    /// A reply came that is not the last one.
    pub(super) fn hear(&mut self, reply: Arc<Reply>) {
        if let Self::Call(call) = self {
            call.hear(reply);
        }
    }

    /// Tells the last reply to a call, or one of many.
    pub(super) fn hand(&mut self, reply: Received) -> Handed {
        match self {
            Self::Call(call) => call.end(reply),
            Self::Gathering(replies) => Handed { is_taken: replies.try_send(reply).is_ok(), wakes: None },
        }
    }
}

impl WaitingCall {
    fn hear(&mut self, reply: Arc<Reply>) {
        if let Some(heard) = self.before.as_ref().and_then(|before| before.heard.as_ref()) {
            heard.again();
        }
        if reply.is_progress {
            if let Some(inbox) = self.before.as_ref().and_then(|before| before.progress.as_ref()) {
                inbox.put(reply.payload().clone());
            }
        } else if !says_nothing(&reply) {
            self.before.get_or_insert_default().kept = Some(reply);
        }
    }

    /// The wait is over. A last reply that says nothing stands for the one before it, and a second one comes too late.
    fn end(&mut self, last: Received) -> Handed {
        let Last::Awaited(waker) = &mut self.last else { return Handed { is_taken: false, wakes: None } };
        let wakes = waker.take();
        let kept = self.before.take().and_then(|before| before.kept);
        self.last = Last::Here(match (last, kept) {
            (Ok(last), Some(kept)) if says_nothing(&last) => Ok(kept),
            (last, _) => last,
        });
        Handed { is_taken: true, wakes }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Received> {
        if let Last::Awaited(waker) = &mut self.last {
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
        }
        self.fetch().map_or(Poll::Pending, Poll::Ready)
    }

    /// The last reply, if it is here.
    fn fetch(&mut self) -> Option<Received> {
        if !matches!(self.last, Last::Here(_)) {
            return None;
        }
        match std::mem::replace(&mut self.last, Last::Fetched) {
            Last::Here(last) => Some(last),
            Last::Awaited(_) | Last::Fetched => None,
        }
    }
}

fn says_nothing(reply: &Reply) -> bool {
    let is_null =
        |payload: &Payload| payload.content_type == ContentType::Json && &*payload.body == b"null".as_slice();
    matches!(&reply.outcome, Outcome::Success(payload) if payload.body.is_empty() || is_null(payload))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::identity::CorrelationId;
    use crate::message::Failure;

    fn reply(result: &'static str) -> Arc<Reply> {
        let payload = Payload::new(ContentType::Json, Bytes::from_static(result.as_bytes()));
        outcome(Outcome::Success(payload))
    }

    fn outcome(outcome: Outcome) -> Arc<Reply> {
        Arc::new(Reply::new(CorrelationId::from_key(1), outcome))
    }

    /// What a call gets that hears these, the last of them at the end.
    fn answer(before: &[Arc<Reply>], last: Arc<Reply>) -> Outcome {
        let mut waiter = Waiter::call();
        for reply in before {
            waiter.hear(Arc::clone(reply));
        }
        assert!(waiter.hand(Ok(Arc::clone(&last))).is_taken);
        assert!(!waiter.hand(Ok(last)).is_taken, "a second one comes too late");
        let Poll::Ready(answer) = waiter.poll(&Context::from_waker(Waker::noop())) else {
            panic!("it is here")
        };
        answer.unwrap().outcome.clone()
    }

    fn text(outcome: &Outcome) -> &str {
        let Outcome::Success(payload) = outcome else { return "failure" };
        std::str::from_utf8(&payload.body).unwrap()
    }

    #[test]
    fn dv_09_a_result_before_the_last_reply_is_kept_until_that() {
        let running = Arc::new(Reply::running(CorrelationId::from_key(1)));
        let beats = [Arc::clone(&running), running];
        assert_eq!(text(&answer(&beats, reply("7"))), "7");
        assert_eq!(text(&answer(&beats, reply("null"))), "null");
        let kept = [&beats[..], &[reply("1"), reply("2")], &beats].concat();
        assert_eq!(text(&answer(&kept, reply("null"))), "2");
        assert_eq!(text(&answer(&kept, outcome(Outcome::Success(Payload::default())))), "2");
        assert_eq!(text(&answer(&kept, reply("7"))), "7", "the last one says something itself");
        let failure = outcome(Outcome::Failure(Failure::new(crate::Code::Panicked, "x")));
        assert_eq!(text(&answer(&kept, failure)), "failure");
    }
}
