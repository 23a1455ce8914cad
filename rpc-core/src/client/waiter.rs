//! Who waits for replies, as the reply table holds them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::call_monitor::Heard;
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
    sender: oneshot::Sender<Received>,
    /// What came, or may come, before the last reply. Most calls have none.
    before: Option<Box<Before>>,
}

#[derive(Debug, Default)]
struct Before {
    /// When something came, for a call that listens for signs of life.
    heard: Option<Arc<Heard>>,
    /// A result that came before the last reply, as old servers of oslo.messaging send it. One at most.
    kept: Option<Arc<Reply>>,
}

impl Waiter {
    /// A call that waits, and where its answer will come.
    pub(super) fn call() -> (Self, oneshot::Receiver<Received>) {
        let (sender, answer) = oneshot::channel();
        (Self::Call(WaitingCall { sender, before: None }), answer)
    }

    /// From now on signs of life are heard.
    pub(super) fn listen(&mut self) -> Arc<Heard> {
        let heard = Arc::new(Heard::now());
        if let Self::Call(call) = self {
            call.before.get_or_insert_default().heard = Some(Arc::clone(&heard));
        }
        heard
    }

    /// A reply came that is not the last one.
    pub(super) fn hear(&mut self, reply: Arc<Reply>) {
        if let Self::Call(call) = self {
            call.hear(reply);
        }
    }

    /// Tells the last that there is. One that was dropped in this moment needs no answer.
    pub(super) fn end(self, last: Received) {
        match self {
            Self::Call(call) => call.end(last),
            Self::Gathering(answers) => drop(answers.try_send(last)),
        }
    }
}

impl WaitingCall {
    fn hear(&mut self, reply: Arc<Reply>) {
        if let Some(heard) = self.before.as_ref().and_then(|before| before.heard.as_ref()) {
            heard.again();
        }
        if !says_nothing(&reply) {
            self.before.get_or_insert_default().kept = Some(reply);
        }
    }

    /// The wait is over. A last reply that says nothing stands for the one before it.
    fn end(self, answer: Received) {
        let kept = self.before.and_then(|before| before.kept);
        let answer = match (answer, kept) {
            (Ok(last), Some(kept)) if says_nothing(&last) => Ok(kept),
            (answer, _) => answer,
        };
        let _ = self.sender.send(answer);
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
        let (mut waiter, mut answer) = Waiter::call();
        for reply in before {
            waiter.hear(Arc::clone(reply));
        }
        waiter.end(Ok(last));
        answer.try_recv().unwrap().unwrap().outcome.clone()
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
