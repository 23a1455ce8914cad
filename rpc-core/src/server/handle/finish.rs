//! What happens to a request after it ran.

use super::{Ended, Handler};
use crate::error::{Code, Executed};
use crate::message::{Failure, Outcome, Request};
use crate::server::duplicates::Running;
use crate::server::worker::Worker;
use crate::transport::Acknowledger;

impl Handler {
    /// Replies, settles what was not settled before the start, and tells other copies.
    pub(super) async fn finish(
        &self,
        request: &Request,
        ended: Ended,
        acknowledger: Option<Acknowledger>,
        running: Option<Running>,
        worker: &mut Worker,
    ) {
        let outcome = match ended {
            Ended::With(outcome) => outcome,
            Ended::AtDeadline => {
                // The caller has stopped waiting: a reply would find nobody.
                tracing::debug!(method = %request.method, request_id = %request.context.request_id, "cancelled at its deadline");
                drop(acknowledger.map(Acknowledger::ack));
                tell(running, None, true);
                return;
            }
            // What may run again goes back to its queue by dropping its acknowledger.
            Ended::Killed if acknowledger.is_some() => return,
            Ended::Killed => {
                let message = "the server stopped while the method was running";
                Outcome::Failure(Failure {
                    executed: Executed::Unknown,
                    ..Failure::new(Code::Unavailable, message)
                })
            }
        };
        match (&request.reply_to, outcome, acknowledger) {
            (Some(_), outcome, None) => {
                let outcome = self.responder.ready(request, outcome);
                // Copies that come meanwhile are settled: it is the answer, whatever becomes of it.
                let _ = self.responder.reply(request, &outcome, worker, false).await;
                tell(running, Some(outcome), true);
            }
            (Some(_), outcome, Some(acknowledger)) => {
                let outcome = self.responder.ready(request, outcome);
                let sent = self.responder.reply(request, &outcome, worker, true).await;
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
            (None, Outcome::Success(_), acknowledger) => {
                drop(acknowledger.map(Acknowledger::ack));
                tell(running, None, true);
            }
            // Not told: another copy may run, and do better.
            (None, Outcome::Failure(failure), Some(acknowledger)) => {
                self.responder.dead_letter(acknowledger, failure.code, &failure.message);
            }
            (None, Outcome::Failure(failure), None) => {
                tracing::warn!(method = %request.method, code = %failure.code, "a fanout failed");
            }
        }
    }
}

fn tell(running: Option<Running>, outcome: Option<Outcome>, settled: bool) {
    if let Some(running) = running {
        running.ended(outcome, settled);
    }
}
