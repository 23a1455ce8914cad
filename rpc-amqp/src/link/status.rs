//! One status out of two connections.

use std::sync::Arc;

use rpc_core::transport::{LinkState, Status, StatusReporter};
use tokio::sync::watch;

use super::view::View;

/// Reports the state of both connections as one, until both are closed.
///
/// Connected only when both are, as they are at the start. The epoch grows when both are up again after either was away.
pub(crate) async fn report(
    reporter: Arc<StatusReporter>,
    mut publish: watch::Receiver<View>,
    mut consume: watch::Receiver<View>,
) {
    // The first of each was there when the reporter was made.
    let mut epochs = (1, 1);
    loop {
        let (publish_now, consume_now) =
            (publish.borrow_and_update().clone(), consume.borrow_and_update().clone());
        if publish_now.closed && consume_now.closed {
            break;
        }
        let now = state(&publish_now, &consume_now);
        let is_new = matches!(now, LinkState::Connected | LinkState::Blocked)
            && epochs != (publish_now.epoch, consume_now.epoch);
        if is_new {
            epochs = (publish_now.epoch, consume_now.epoch);
        }
        let error = reason(&publish_now, &consume_now);
        reporter.update(|status| step(status, now, is_new, error));
        let changed = tokio::select! {
            changed = publish.changed() => changed,
            changed = consume.changed() => changed,
        };
        if changed.is_err() {
            break;
        }
    }
    reporter.update(|status| status.with(LinkState::Closed, None));
}

fn state(publish: &View, consume: &View) -> LinkState {
    match (&publish.session, &consume.session) {
        (Some(_), Some(_)) if publish.blocked.is_some() => LinkState::Blocked,
        (Some(_), Some(_)) => LinkState::Connected,
        _ => LinkState::Connecting,
    }
}

fn reason(publish: &View, consume: &View) -> Option<Arc<str>> {
    let refusal = publish.last_error.as_ref().or(consume.last_error.as_ref());
    publish.blocked.clone().or_else(|| refusal.map(|refusal| refusal.text.as_str().into()))
}

fn step(status: &Status, now: LinkState, is_new: bool, error: Option<Arc<str>>) -> Status {
    let status = if is_new { status.next_epoch() } else { status.clone() };
    match now {
        LinkState::Connected => status.with(now, None),
        _ => status.with(now, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_starts_when_both_are_up() {
        let status = step(&Status::CONNECTING, LinkState::Connected, true, None);
        assert_eq!((status.epoch, status.state), (1, LinkState::Connected));
        let lost = step(&status, LinkState::Connecting, false, Some("gone".into()));
        assert_eq!((lost.epoch, lost.last_error.as_deref()), (1, Some("gone")));
        let back = step(&lost, LinkState::Blocked, true, Some("low on disk".into()));
        assert_eq!((back.epoch, back.state), (2, LinkState::Blocked));
        assert_eq!(step(&back, LinkState::Connected, false, None).last_error, None);
    }
}
