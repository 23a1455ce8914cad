//! One status out of two connections.

use std::sync::Arc;

use rpc_core::transport::{LinkState, Status, StatusReporter};

use super::refusal::Refusal;
use super::view::View;
use crate::library::watch;

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
        let (now, error) = judge(&Side::from(&publish_now), &Side::from(&consume_now));
        let is_new = matches!(now, LinkState::Connected | LinkState::Blocked)
            && epochs != (publish_now.epoch, consume_now.epoch);
        if is_new {
            epochs = (publish_now.epoch, consume_now.epoch);
        }
        reporter.update(|status| step(status, now, is_new, error));
        let changed = tokio::select! {
            biased;
            changed = publish.changed() => changed,
            changed = consume.changed() => changed,
        };
        if changed.is_err() {
            break;
        }
    }
    reporter.update(|status| status.with(LinkState::Closed, None));
}

/// What matters of one connection.
#[derive(Clone, Default)]
struct Side {
    is_up: bool,
    blocked: Option<Arc<str>>,
    refusal: Option<Arc<Refusal>>,
}

impl From<&View> for Side {
    fn from(view: &View) -> Self {
        Self {
            is_up: view.session.is_some(),
            blocked: view.blocked.clone(),
            refusal: view.last_error.clone(),
        }
    }
}

impl Side {
    fn cause(&self) -> &str {
        self.refusal.as_ref().map_or("connecting", |refusal| &refusal.text)
    }

    fn is_refused(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.is_final())
    }
}

fn judge(publish: &Side, consume: &Side) -> (LinkState, Option<Arc<str>>) {
    match (publish.is_up, consume.is_up) {
        (true, true) if publish.blocked.is_some() => (LinkState::Blocked, publish.blocked.clone()),
        (true, true) => (LinkState::Connected, None),
        (true, false) => {
            let blocked = match &publish.blocked {
                Some(reason) => format!(", and the broker accepts no publishes: {reason}"),
                None => String::new(),
            };
            let cause = consume.cause();
            let text =
                format!("the consuming connection is down, nothing is delivered here: {cause}{blocked}");
            (LinkState::Degraded, Some(text.into()))
        }
        (false, true) => {
            let text = format!("the publishing connection is down, nothing can be sent: {}", publish.cause());
            (LinkState::Degraded, Some(text.into()))
        }
        (false, false) => {
            // What waits for a person is the more urgent of the two.
            let worse = if consume.is_refused() && !publish.is_refused() { consume } else { publish };
            let state = if worse.is_refused() { LinkState::Refused } else { LinkState::Connecting };
            let refusal = worse.refusal.as_ref().or(consume.refusal.as_ref());
            (state, refusal.map(|refusal| refusal.text.as_str().into()))
        }
    }
}

fn step(status: &Status, now: LinkState, is_new: bool, error: Option<Arc<str>>) -> Status {
    let status = if is_new { status.next_epoch() } else { status.clone() };
    status.with(now, error)
}

#[cfg(test)]
mod tests {
    use super::super::refusal::RefusalKind;
    use super::*;

    fn up() -> Side {
        Side { is_up: true, ..Side::default() }
    }

    fn down(kind: RefusalKind, text: &str) -> Side {
        let refusal = Refusal { kind, text: text.to_owned() };
        Side { refusal: Some(Arc::new(refusal)), ..Side::default() }
    }

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

    #[test]
    fn one_of_two_is_degraded_and_told_by_name() {
        let lost = down(RefusalKind::Lost, "reset by peer");
        for (publish, consume, name) in [(up(), lost.clone(), "consuming"), (lost, up(), "publishing")] {
            let (state, text) = judge(&publish, &consume);
            let text = text.unwrap();
            assert_eq!(state, LinkState::Degraded);
            assert!(text.contains(name) && text.contains("reset by peer"), "{text}");
        }
        let blocked = Side { blocked: Some("low on memory".into()), ..up() };
        let (state, text) = judge(&blocked, &Side::default());
        assert_eq!(state, LinkState::Degraded);
        assert!(text.unwrap().ends_with("low on memory"));
        assert_eq!(judge(&blocked, &up()), (LinkState::Blocked, Some("low on memory".into())));
        assert_eq!(judge(&up(), &up()), (LinkState::Connected, None));
    }

    #[test]
    fn what_only_a_person_can_change_is_told_from_what_passes() {
        let (lost, refused) =
            (down(RefusalKind::Lost, "reset"), down(RefusalKind::Forbidden, "403 ACCESS_REFUSED"));
        for (publish, consume) in [(&lost, &refused), (&refused, &lost), (&refused, &refused)] {
            let (state, text) = judge(publish, consume);
            assert_eq!((state, text.as_deref()), (LinkState::Refused, Some("403 ACCESS_REFUSED")));
        }
        assert_eq!(judge(&lost, &lost).0, LinkState::Connecting);
        assert_eq!(judge(&Side::default(), &lost).1.as_deref(), Some("reset"));
    }
}
