//! Several that an event goes to at once.

use std::panic::AssertUnwindSafe;

use futures_util::future::{FutureExt, join_all};

use super::{Driver, Emission};
use crate::error::{Code, Error, Executed};

/// Hands an event to several drivers at once, and waits for all.
pub(super) async fn notify_all<'a>(
    drivers: impl IntoIterator<Item = &'a dyn Driver>,
    emission: &Emission,
) -> Result<(), Error> {
    let drivers: Vec<_> = drivers.into_iter().collect();
    let outcomes = join_all(drivers.iter().map(|driver| notify(*driver, emission))).await;
    // A driver that does nothing with events has none.
    let told = drivers.iter().zip(outcomes).filter(|(driver, outcome)| outcome.is_err() || !driver.is_noop());
    summed_up("driver", told.map(|(driver, outcome)| (driver.name(), outcome)), emission)
}

/// Hands an event to a driver. It may be anybody's: one that panics costs its event, and not the task that it runs in.
pub(super) async fn notify(driver: &dyn Driver, emission: &Emission) -> Result<(), Error> {
    let notified = AssertUnwindSafe(async { driver.notify(emission).await }).catch_unwind().await;
    notified.unwrap_or_else(|_| {
        let message = format!("the notification driver {} panicked; the log has the details", driver.name());
        Err(emission.blame(Error::new(Code::Panicked, message).with_executed(Executed::Unknown)))
    })
}

/// What is told of several outcomes: the first error. The others are in the log, since nobody else learns of them.
///
/// What one has or may have, its listeners will see, so with that no error says that the event was not sent.
pub(super) fn summed_up<'a>(
    kind: &str,
    outcomes: impl Iterator<Item = (&'a str, Result<(), Error>)>,
    emission: &Emission,
) -> Result<(), Error> {
    let (mut first, mut in_doubt) = (None, false);
    for (name, outcome) in outcomes {
        in_doubt |= outcome.as_ref().map_or_else(|error| error.executed() != Executed::NotSent, |()| true);
        match (outcome, &first) {
            (Ok(()), _) => {}
            (Err(error), None) => first = Some(error),
            (Err(error), Some(_)) => {
                let event_type = &emission.message().event_type;
                tracing::warn!(kind, name, %event_type, %error, "an event failed in more than one place");
            }
        }
    }
    match first {
        None => Ok(()),
        Some(error) if in_doubt => Err(error.with_executed(Executed::Unknown)),
        Some(error) => Err(error),
    }
}
