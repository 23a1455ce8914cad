//! What happens to a request after it ran.

use super::{Ended, Handler};
use crate::error::{Code, Executed};
use crate::message::{Failure, Outcome, Request};
use crate::server::duplicates::Running;
use crate::transport::Acknowledger;

/// An outcome that somebody waits for.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// The request, if it was not settled yet.
    pub(super) acknowledger: Option<Acknowledger>,
    running: Option<Running>,
}

impl Answer {
    /// Settles what was not settled before, and tells other copies.
    pub(super) fn settle(self, sent: Result<(), Code>) {
        let Self { outcome, acknowledger, running } = self;
        let Some(acknowledger) = acknowledger else {
            // Copies that came meanwhile are settled: it is the answer, whatever became of it.
            return tell(running, Some(outcome), true);
        };
        if matches!(sent, Err(Code::Unavailable | Code::Overloaded)) {
            // Not answered, though somebody waits and it can work: so the request has to come again.
            tell(running, Some(outcome), false);
            drop(acknowledger.requeue());
        } else {
            // Answered, or nobody waits any more, or it would fail the same way for ever.
            drop(acknowledger.ack());
            tell(running, Some(outcome), true);
        }
    }
}

impl Handler {
    /// Settles what nobody waits for; otherwise says what has to be answered.
    pub(super) fn conclude(
        &self,
        request: &Request,
        ended: Ended,
        acknowledger: Option<Acknowledger>,
        running: Option<Running>,
    ) -> Option<Answer> {
        let outcome = match ended {
            Ended::With(outcome) => outcome,
            Ended::AtDeadline => {
                // The caller has stopped waiting: a reply would find nobody.
                tracing::debug!(method = %request.method, request_id = %request.context.request_id, "cancelled at its deadline");
                forget(acknowledger, running);
                return None;
            }
            Ended::Cancelled => {
                tracing::debug!(method = %request.method, request_id = %request.context.request_id, "cancelled by its caller");
                forget(acknowledger, running);
                return None;
            }
            // What may run again goes back to its queue by dropping its acknowledger.
            Ended::Killed if acknowledger.is_some() => return None,
            Ended::Killed => {
                let message = "the server stopped while the method was running";
                Outcome::Failure(Failure {
                    executed: Executed::Unknown,
                    ..Failure::new(Code::Unavailable, message)
                })
            }
        };
        match (&request.reply_to, outcome, acknowledger) {
            (Some(_), outcome, acknowledger) => {
                let outcome = self.responder.ready(request, outcome);
                return Some(Answer { outcome, acknowledger, running });
            }
            (None, Outcome::Success(_), acknowledger) => forget(acknowledger, running),
            // Not told: another copy may run, and do better.
            (None, Outcome::Failure(failure), Some(acknowledger)) => {
                self.responder.dead_letter(acknowledger, failure.code, &failure.message);
            }
            (None, Outcome::Failure(failure), None) => {
                tracing::warn!(method = %request.method, code = %failure.code, "a fanout failed");
            }
        }
        None
    }
}

/// Settles what nobody waits for any more. A copy that comes later finds that it ran, without a result.
pub(super) fn forget(acknowledger: Option<Acknowledger>, running: Option<Running>) {
    drop(acknowledger.map(Acknowledger::ack));
    tell(running, None, true);
}

fn tell(running: Option<Running>, outcome: Option<Outcome>, settled: bool) {
    if let Some(running) = running {
        running.ended(outcome, settled);
    }
}
