//! Which of the messages in flight made the broker close their channel.
//!
//! A broker that refuses a publish closes the channel, with a text for people. It reads a channel in order and ignores
//! what comes after the message that it refused. So once it is known which messages can have been the one, two things
//! are certain: the last of them was not routed, and neither was anything that was handed over after it.

use crate::link::{Refusal, RefusalKind};

/// A message in flight, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect<'a> {
    pub(super) number: u64,
    pub(super) exchange: &'a str,
    pub(super) size: usize,
}

/// What the broker refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Culprit<'a> {
    pub(super) cause: Cause<'a>,
    /// This message was refused, and everything after it was ignored.
    pub(super) last: u64,
}

/// Why the broker refused it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause<'a> {
    /// It takes nothing for this exchange.
    Exchange(&'a str),
    /// It takes no body of more than so many bytes.
    Size(usize),
}

/// What became of a message on the channel that was closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// The broker may have routed it before.
    Unknown,
    /// It was refused, or would have been.
    Refused,
    /// The broker had stopped to read; nothing is wrong with it.
    Ignored,
}

impl Culprit<'_> {
    pub(super) fn fate(&self, message: Suspect<'_>) -> Fate {
        let is_like_it = match self.cause {
            Cause::Exchange(name) => message.exchange == name,
            Cause::Size(most) => message.size > most,
        };
        match (message.number < self.last, is_like_it) {
            (true, _) => Fate::Unknown,
            (false, true) => Fate::Refused,
            (false, false) => Fate::Ignored,
        }
    }
}

/// Finds what was refused, from the broker's text; without a hint there it is the exchange of all messages in flight,
/// if they have one in common.
pub(super) fn culprit<'a>(
    refusal: &Refusal,
    in_flight: impl Iterator<Item = Suspect<'a>> + Clone,
) -> Option<Culprit<'a>> {
    if !matches!(refusal.kind, RefusalKind::Forbidden | RefusalKind::Absent | RefusalKind::Mismatch) {
        return None;
    }
    if let Some((size, most)) = sizes(&refusal.text) {
        let last = in_flight.filter(|suspect| suspect.size == size).map(|suspect| suspect.number).max()?;
        return Some(Culprit { cause: Cause::Size(most), last });
    }
    // The longest, because a name may hold what ends another in the text.
    let named = in_flight
        .clone()
        .filter(|suspect| names(&refusal.text, suspect.exchange))
        .max_by_key(|suspect| (suspect.exchange.len(), suspect.number));
    let last = if let Some(named) = named {
        named
    } else {
        let last = in_flight.clone().max_by_key(|suspect| suspect.number)?;
        let mut in_flight = in_flight;
        in_flight.all(|suspect| suspect.exchange == last.exchange).then_some(last)?
    };
    Some(Culprit { cause: Cause::Exchange(last.exchange), last: last.number })
}

/// The size of the message that was refused, and the most that the broker takes.
pub(super) fn sizes(text: &str) -> Option<(usize, usize)> {
    let (_, rest) = text.split_once("message size ")?;
    let (size, rest) = rest.split_once(" is larger than ")?;
    let (_, most) = rest.split_once("max size ")?;
    Some((size.parse().ok()?, most.trim_end().parse().ok()?))
}

fn names(text: &str, exchange: &str) -> bool {
    let exchange = if exchange.is_empty() { "amq.default" } else { exchange };
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("exchange '") {
        if after.strip_prefix(exchange).is_some_and(|tail| tail.starts_with("' in vhost")) {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(kind: RefusalKind, text: &str) -> Refusal {
        Refusal { kind, text: text.to_owned() }
    }

    fn found<'a>(refusal: &Refusal, in_flight: &[(&'a str, usize)]) -> Option<Culprit<'a>> {
        let suspects = in_flight.iter().zip(0..);
        culprit(refusal, suspects.map(|(&(exchange, size), number)| Suspect { number, exchange, size }))
    }

    #[test]
    fn the_text_names_the_exchange() {
        let gone = refusal(RefusalKind::Absent, "404 NOT_FOUND - no exchange 'x.b' in vhost '/'");
        let expected = Some(Culprit { cause: Cause::Exchange("x.b"), last: 3 });
        assert_eq!(found(&gone, &[("x.a", 1), ("x.b", 1), ("x", 1), ("x.b", 1), ("x.a", 1)]), expected);
        let topic =
            "403 ACCESS_REFUSED - access to topic 'k' in exchange 'x.b' in vhost '/' refused for user 'u'";
        assert_eq!(found(&refusal(RefusalKind::Forbidden, topic), &[("x.b", 1), ("y", 1)]).unwrap().last, 0);
        let default =
            "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'u'";
        let default = refusal(RefusalKind::Forbidden, default);
        assert_eq!(found(&default, &[("x", 1), ("", 1)]).unwrap().cause, Cause::Exchange(""));
    }

    #[test]
    fn the_text_gives_the_size() {
        let text = "406 PRECONDITION_FAILED - message size 70 is larger than configured max size 64";
        let large = refusal(RefusalKind::Mismatch, text);
        let expected = Some(Culprit { cause: Cause::Size(64), last: 2 });
        assert_eq!(found(&large, &[("a", 70), ("a", 5), ("b", 70), ("a", 80)]), expected);
        assert_eq!(found(&large, &[("a", 5)]), None);
        let text = "406 PRECONDITION_FAILED - message size 70 is larger than max size 64";
        assert_eq!(sizes(text), Some((70, 64)));
    }

    #[test]
    fn without_a_name_only_a_common_exchange_is_to_blame() {
        let silent = refusal(RefusalKind::Mismatch, "406 PRECONDITION_FAILED - invalid expiration");
        assert_eq!(found(&silent, &[("a", 1), ("a", 2)]).unwrap().last, 1);
        assert_eq!(found(&silent, &[("a", 1), ("b", 2)]), None);
        assert_eq!(found(&silent, &[]), None);
        assert_eq!(found(&refusal(RefusalKind::Lost, "541 INTERNAL_ERROR"), &[("a", 1)]), None);
    }

    proptest! {
        /// The broker routes in order, confirms some of it, and stops at the first message for a closed exchange.
        #[test]
        fn nothing_that_was_routed_is_called_not_sent(
            messages in prop::collection::vec((0_usize..3, any::<bool>()), 1..30), closed in 0_usize..3,
        ) {
            let names = ["a", "b", "c"];
            let Some(stop) = messages.iter().position(|(exchange, _)| *exchange == closed) else { return Ok(()) };
            let suspect = |(number, (exchange, _)): (usize, &(usize, bool))| {
                Suspect { number: number as u64, exchange: names[*exchange], size: 1 }
            };
            let in_flight: Vec<_> = messages
                .iter()
                .enumerate()
                .filter(|(number, (_, confirmed))| *number >= stop || !confirmed)
                .map(suspect)
                .collect();
            let text = format!("404 NOT_FOUND - no exchange '{}' in vhost '/'", names[closed]);
            let refusal = refusal(RefusalKind::Absent, &text);
            let culprit = culprit(&refusal, in_flight.iter().copied()).unwrap();
            for message in in_flight {
                let is_routed = message.number < stop as u64;
                let fate = culprit.fate(message);
                prop_assert!(!is_routed || fate == Fate::Unknown);
                prop_assert!(fate != Fate::Refused || message.exchange == names[closed]);
                prop_assert!(fate != Fate::Ignored || message.exchange != names[closed]);
                prop_assert!(message.number < culprit.last || fate != Fate::Unknown);
            }
        }

        #[test]
        fn what_the_broker_names_is_found(
            exchanges in prop::collection::vec("[a-c']{1,3}( in vhost)?", 1..20), chosen: prop::sample::Index,
        ) {
            let name = chosen.get(&exchanges);
            let text = format!("404 NOT_FOUND - no exchange '{name}' in vhost '/'");
            let in_flight: Vec<_> = exchanges.iter().map(|name| (name.as_str(), 1)).collect();
            let found = found(&refusal(RefusalKind::Absent, &text), &in_flight).unwrap();
            // A name may hold another one; the last of the right one is never missed.
            let last = exchanges.iter().rposition(|other| other == name).unwrap() as u64;
            prop_assert!(found.cause == Cause::Exchange(name) && found.last == last);
        }
    }
}
