//! Moving a delivery to another place: published there first, and only then forgotten here.

use std::time::Duration;

use rpc_core::{Code, Deadline, Error, Executed};

use super::settler::Original;
use super::{Resources, dead_letter, retry};
use crate::publisher::{Outgoing, Publisher};
use crate::topology::PlannedQueue;
use crate::wire::attempt_headers;

/// How long the message at its new place may take to be confirmed.
pub(crate) const MOVE_LIMIT: Duration = Duration::from_secs(5);
/// How long a message stays here that could not be moved, before it goes back to its queue: without a pause a broker that
/// does not take it would be asked in a circle.
const PAUSE: Duration = Duration::from_secs(1);

/// A delivery that was to be moved.
pub(super) struct Moved {
    pub(super) tag: u64,
    pub(super) outcome: Outcome,
}

/// What became of it.
pub(super) enum Outcome {
    /// It is safe at its new place.
    Done,
    /// There is no other place, and what is wrong with it was said.
    Discarded,
    /// It goes back to its queue.
    Failed(Error),
    /// Its queue is full, so that a copy finds no place before the original has left; or the broker is blocked, and takes
    /// no copy for as long as it is. It is handled here as the attempt that it is, since going back would only bring it
    /// again, uncounted.
    NoRoom(Box<Original>),
}

/// Moves a message to the dead letters of its topic.
pub(super) fn reject(
    resources: &Resources,
    queue: &PlannedQueue,
    original: Original,
    code: Code,
    reason: &str,
) -> impl Future<Output = Outcome> + Send + use<> {
    let outgoing = resources
        .profile
        .dead_letters()
        .map(|queue_type| dead_letter::outgoing(original, queue, code, reason, queue_type));
    let publisher = resources.publisher.clone();
    async move {
        match outgoing {
            Some(outgoing) => ended(bury(&publisher, outgoing).await).await,
            None => Outcome::Discarded,
        }
    }
}

/// Moves a message to the end of its queue, counted.
pub(super) fn put_last(
    resources: &Resources,
    queue: &PlannedQueue,
    original: Original,
    attempt: u32,
) -> impl Future<Output = Outcome> + Send + use<> {
    let (resources, queue) = (resources.clone(), queue.clone());
    async move {
        let here = |original: Original| Outcome::NoRoom(Box::new(counted(original, attempt)));
        if resources.publisher.is_blocked() {
            // As long as it stays away otherwise: it may have been given back to be handled later.
            tokio::time::sleep(PAUSE).await;
            return here(original);
        }
        let outgoing = retry::outgoing(original.clone(), &queue, attempt);
        let until = Deadline::after(MOVE_LIMIT);
        match resources.publisher.publish(outgoing, until).await {
            Err(error) if error.code() == Code::Overloaded => here(original),
            Err(error) if error.executed() == Executed::NotSent && resources.publisher.is_blocked() => {
                here(original)
            }
            // It came in, but does not go out: uncounted, it could end one process after the other.
            Err(error) if error.code() == Code::InvalidArguments => {
                let reason = format!("delivered again, and cannot be counted: {}", error.message());
                reject(&resources, &queue, original, Code::Malformed, &reason).await
            }
            published => ended(published).await,
        }
    }
}

/// The message as one that says its attempt.
fn counted(mut original: Original, attempt: u32) -> Original {
    let headers = attempt_headers(original.properties.headers().as_ref(), attempt);
    original.properties = original.properties.with_headers(headers);
    original
}

async fn bury(publisher: &Publisher, outgoing: Result<Outgoing, Error>) -> Result<(), Error> {
    let outgoing = outgoing?;
    let until = Deadline::after(MOVE_LIMIT);
    let again = Outgoing { doubt: true, ..outgoing.clone() };
    match publisher.publish(outgoing, until).await {
        // The queue has been deleted since it was declared in this epoch.
        Err(error) if error.is_unroutable() => publisher.publish(again, until).await,
        published => published,
    }
}

async fn ended(published: Result<(), Error>) -> Outcome {
    match published {
        Ok(()) => Outcome::Done,
        Err(error) => {
            tokio::time::sleep(PAUSE).await;
            Outcome::Failed(error)
        }
    }
}
