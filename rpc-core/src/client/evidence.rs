//! What the queue of a target looked like, for those who want to know why nobody answered.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::call_monitor::Unanswered;
use crate::deadline::Deadline;
use crate::error::{Code, Error};
use crate::target::Target;
use crate::transport::{Destination, SharedTransport};

/// How long a call that is too late waits for a look at its queue. The promise to callers is 250 ms.
const LIMIT: Duration = Duration::from_millis(100);
/// Calls that look at a time. When thousands are too late together, the rest say nothing about the queue.
const MOST_LOOKING: usize = 64;
/// How long a look serves further calls to the same target.
const FRESH: Duration = Duration::from_secs(1);
/// How long a call may look for consumers before it is sent. A broker that takes longer is not asked.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// Looks at queues for the calls of one transport.
#[derive(Debug)]
pub(crate) struct Evidence {
    places: Semaphore,
    last: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    target: Target,
    text: String,
    at: Instant,
}

impl Evidence {
    pub(crate) const fn new() -> Self {
        Self { places: Semaphore::const_new(MOST_LOOKING), last: Mutex::new(None) }
    }

    /// The error of a call that was given up, with what its queue looks like, 100 ms later at the latest.
    pub(super) async fn unanswered(
        &self,
        transport: &SharedTransport,
        destination: &Destination,
        why: Unanswered,
    ) -> Error {
        let (code, message) = match why {
            Unanswered::AtDeadline => (Code::DeadlineExceeded, "no reply before the deadline".to_owned()),
            Unanswered::InSilence(silence) => (Code::Unresponsive, unresponsive(transport, silence)),
        };
        match self.text(transport, destination).await {
            Some(text) => Error::new(code, format!("{message}: {text}")),
            None => Error::new(code, message),
        }
    }

    async fn text(&self, transport: &SharedTransport, destination: &Destination) -> Option<String> {
        let Destination::Request(target) = destination else { return None };
        if let Some(text) = self.fresh(target) {
            return Some(text);
        }
        let _place = self.places.try_acquire().ok()?;
        let looked = tokio::time::timeout(LIMIT, transport.transport().inspect(target)).await.ok()?;
        let text = match looked {
            Ok(Some(depth)) => depth.to_string(),
            Err(error) if error.is_unroutable() => "its queue is gone".to_owned(),
            Ok(None) | Err(_) => return None,
        };
        let seen = Seen { target: target.clone(), text: text.clone(), at: Instant::now() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Some(text)
    }

    fn fresh(&self, target: &Target) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = last.as_ref().filter(|seen| seen.target == *target && seen.at.elapsed() < FRESH)?;
        Some(seen.text.clone())
    }
}

/// What is the matter when a call heard nothing for so long.
fn unresponsive(transport: &SharedTransport, silence: Duration) -> String {
    match transport.replies().lack() {
        Some(lack) => format!("no sign of life for {silence:?}, and none could come here: {lack}"),
        None => format!(
            "no sign of life for {silence:?}: the server has died or hangs, has lost the broker, or was too busy to start; \
             look after it, or raise call_monitor"
        ),
    }
}

/// Refuses what nobody would take now, before it is sent. When the transport cannot tell, nothing is refused.
pub(super) async fn require_consumers(
    transport: &SharedTransport,
    destination: &Destination,
    deadline: Deadline,
) -> Result<(), Error> {
    let Destination::Request(target) = destination else { return Ok(()) };
    let limit = LOOK_LIMIT.min(deadline.remaining());
    match tokio::time::timeout(limit, transport.transport().inspect(target)).await {
        Ok(Ok(Some(depth))) if depth.consumers == 0 => {
            Err(Error::new(Code::Unroutable, format!("nobody serves {target} now: {depth}")))
        }
        Ok(Err(error)) if error.is_unroutable() => Err(error),
        _ => Ok(()),
    }
}
