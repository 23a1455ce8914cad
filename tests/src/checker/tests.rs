//! A history that keeps every promise is clean, and each way to break one is seen.

use proptest::prelude::*;

use super::*;

const SUM: &str = "00c0ffee";
const DEADLINE_MS: u64 = 1_000;

fn entry(at: u64, event: &str, id: &str, details: &[(&str, &str)]) -> Entry {
    let details = details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Entry { at, process: 7, event: event.to_owned(), subject: id.to_owned(), details }
}

fn invoked(at: u64, id: &str, kind: Kind) -> Entry {
    let deadline = DEADLINE_MS.to_string();
    entry(at, "invoked", id, &[("kind", kind.as_str()), ("deadline", &deadline), ("sum", SUM)])
}

fn resolved(at: u64, id: &str, outcome: &str, executed: &str) -> Entry {
    entry(at, "resolved", id, &[("outcome", outcome), ("executed", executed)])
}

fn answered(at: u64, id: &str) -> Entry {
    entry(at, "resolved", id, &[("outcome", "ok"), ("executed", "executed"), ("answer", SUM)])
}

fn started(at: u64, id: &str, attempt: &str) -> Entry {
    entry(at, "started", id, &[("sum", SUM), ("attempt", attempt), ("message", "m")])
}

fn broken(entries: &[Entry]) -> Vec<&'static str> {
    broken_under(entries, &Circumstances::default())
}

fn broken_under(entries: &[Entry], circumstances: &Circumstances) -> Vec<&'static str> {
    History::new(entries).judge(circumstances).violations.into_iter().map(|it| it.invariant).collect()
}

#[test]
fn a_call_that_is_answered_is_clean() {
    assert_eq!(broken(&[invoked(0, "a", Kind::Call), started(1, "a", "1"), answered(2, "a")]), [""; 0]);
}

#[test]
fn a_call_that_hangs_or_is_late_is_seen() {
    assert_eq!(broken(&[invoked(0, "a", Kind::Call)]), ["I1"]);
    let due = DEADLINE_MS * 1_000;
    let end_at = |at| [invoked(0, "a", Kind::Call), resolved(at, "a", "deadline_exceeded", "unknown")];
    assert_eq!(broken(&end_at(due + 250_000)), [""; 0]);
    assert_eq!(broken(&end_at(due + 250_001)), ["I1"]);
    let twice = [&end_at(5)[..], &[resolved(6, "a", "unavailable", "unknown")]].concat();
    assert_eq!(broken(&twice), ["I1"]);
}

#[test]
fn nobody_can_keep_a_deadline_while_it_stands_still_or_after_its_death() {
    let late = [invoked(0, "a", Kind::Call), resolved(9_000_000, "a", "deadline_exceeded", "unknown")];
    let paused = |until| Circumstances { paused: vec![(7, 500_000, until)], ..Circumstances::default() };
    assert_eq!(broken_under(&late, &paused(8_900_000)), [""; 0]);
    assert_eq!(broken_under(&late, &paused(8_000_000)), ["I1"]);
    let killed = Circumstances { killed: [7].into(), ..Circumstances::default() };
    assert_eq!(broken_under(&[invoked(0, "a", Kind::Call)], &killed), [""; 0]);
}

#[test]
fn a_call_that_was_given_up_needs_no_end() {
    let dropped = entry(2, "dropped", "a", &[]);
    assert_eq!(broken(&[invoked(0, "a", Kind::Call), started(1, "a", "1"), dropped]), [""; 0]);
}

#[test]
fn a_crossed_answer_and_damaged_arguments_are_seen() {
    let crossed = [("outcome", "ok"), ("executed", "executed"), ("answer", "bad")];
    let start = [invoked(0, "a", Kind::Call), started(1, "a", "1")];
    assert_eq!(broken(&[&start[..], &[entry(2, "resolved", "a", &crossed)]].concat()), ["I2"]);
    let damaged = entry(1, "started", "a", &[("sum", "bad"), ("attempt", "1")]);
    assert_eq!(broken(&[invoked(0, "a", Kind::Call), damaged, answered(2, "a")]), ["I2"]);
    assert_eq!(broken(&[started(1, "a", "1")]), ["I2"]);
}

#[test]
fn damaged_bytes_excuse_wrong_contents_and_no_crossed_answer() {
    let damaged = Circumstances { damaged: true, ..Circumstances::default() };
    let answered =
        |sum| entry(2, "resolved", "a", &[("outcome", "ok"), ("executed", "executed"), ("answer", sum)]);
    let other = entry(0, "invoked", "b", &[("kind", "cast"), ("deadline", "1000"), ("sum", "bad")]);
    let with_another = |end| {
        [
            invoked(0, "a", Kind::Call),
            started(1, "a", "1"),
            end,
            other.clone(),
            resolved(3, "b", "ok", "unknown"),
        ]
    };
    assert_eq!(broken_under(&with_another(answered("worse")), &damaged), [""; 0]);
    assert_eq!(broken_under(&with_another(answered("bad")), &damaged), ["I2"]);
    assert_eq!(broken_under(&[started(1, "a", "1")], &damaged), [""; 0]);
    // A status can be damaged, and a mark of redelivery.
    let not_sent =
        [invoked(0, "a", Kind::Call), started(1, "a", "1"), resolved(2, "a", "unavailable", "not_sent")];
    assert_eq!(broken_under(&not_sent, &damaged), [""; 0]);
    let twice = [invoked(0, "a", Kind::Call), started(1, "a", "1"), started(1, "a", "1"), answered("worse")];
    assert_eq!(broken_under(&twice, &damaged), [""; 0]);
    assert_eq!(broken_under(&[invoked(0, "a", Kind::Call)], &damaged), ["I1"]);
}

#[test]
fn only_a_redelivery_may_run_again() {
    for kind in [Kind::Call, Kind::Idempotent] {
        let run = |attempts: [&str; 2]| {
            broken(&[
                invoked(0, "a", kind),
                started(1, "a", attempts[0]),
                started(2, "a", attempts[1]),
                answered(3, "a"),
            ])
        };
        assert_eq!(run(["1", "2"]), [""; 0]);
        assert_eq!(run(["1", "1"]), ["I3"]);
    }
    let mut elsewhere = started(2, "a", "1");
    elsewhere.process = 8;
    let fanout = [invoked(0, "a", Kind::Fanout), started(1, "a", "1"), resolved(1, "a", "ok", "unknown")];
    assert_eq!(broken(&[&fanout[..], &[elsewhere]].concat()), [""; 0]);
    assert_eq!(broken(&[&fanout[..], &[started(2, "a", "1")]].concat()), ["I3"]);
}

#[test]
fn what_a_client_was_told_has_to_be_true() {
    let call = invoked(0, "a", Kind::Call);
    assert_eq!(broken(&[call.clone(), answered(1, "a")]), ["I4"]);
    assert_eq!(broken(&[call.clone(), resolved(1, "a", "panicked", "executed")]), ["I4"]);
    let not_sent = resolved(1, "a", "unavailable", "not_sent");
    assert_eq!(broken(&[call.clone(), not_sent.clone()]), [""; 0]);
    // A zombie: it runs after its caller was told that it never will.
    assert_eq!(broken(&[call, not_sent, started(9, "a", "1")]), ["I4"]);
}

#[test]
fn what_was_confirmed_has_to_run_or_be_kept() {
    for kind in [Kind::Cast, Kind::Notification] {
        let lost = [invoked(0, "a", kind), resolved(1, "a", "ok", "unknown")];
        assert_eq!(broken(&lost), ["I5"]);
        let kept = Circumstances { kept: ["a".to_owned()].into(), ..Circumstances::default() };
        assert_eq!(broken_under(&lost, &kept), [""; 0]);
        assert_eq!(broken(&[&lost[..], &[started(9, "a", "1")]].concat()), [""; 0]);
        // What was confirmed before the data was removed is gone with it; what was confirmed later is not excused.
        let wiped = |at| Circumstances { wiped_at: Some(at), ..Circumstances::default() };
        assert_eq!(broken_under(&lost, &wiped(2)), [""; 0]);
        assert_eq!(broken_under(&lost, &wiped(1)), ["I5"]);
        let verdict = History::new(&lost).judge(&Circumstances::default());
        assert_eq!((verdict.tally(kind).sent, verdict.tally(kind).lost), (1, 1));
    }
}

#[test]
fn the_time_to_heal_is_that_of_the_first_answer_afterwards() {
    let entries = [
        invoked(0, "a", Kind::Call),
        answered(1_000, "a"),
        invoked(0, "b", Kind::Call),
        answered(5_000, "b"),
        invoked(0, "c", Kind::Cast),
        resolved(3_000, "c", "ok", "unknown"),
    ];
    let history = History::new(&entries);
    assert_eq!(history.first_ok_after(2_000), Some(Duration::from_millis(3)));
    assert_eq!(history.first_ok_after(6_000), None);
    assert!((history.answers_per_second(0, 1_000_000) - 2.0).abs() < f64::EPSILON);
}

/// One request and everything that happened to it, as a library that keeps its promises lets it happen.
fn honest(id: String) -> impl Strategy<Value = Vec<Entry>> {
    let kind = prop::sample::select(&Kind::ALL);
    (kind, 0..1_000_000_u64, 0..1_200_000_u64, 0..3_u32, 0..3_u8).prop_map(
        move |(kind, at, took, attempts, end)| {
            let is_call = matches!(kind, Kind::Call | Kind::Idempotent);
            let mut entries = vec![invoked(at, &id, kind)];
            let attempts = if kind == Kind::Fanout { attempts.min(1) } else { attempts };
            let runs = if end == 0 && kind != Kind::Fanout { attempts.max(1) } else { attempts };
            let runs = if end == 1 { 0 } else { runs };
            for attempt in 1..=runs {
                entries.push(started(at + 1, &id, &attempt.to_string()));
            }
            entries.push(match end {
                0 if is_call => answered(at + took, &id),
                0 => resolved(at + took, &id, "ok", "unknown"),
                1 => resolved(at + took, &id, "unavailable", "not_sent"),
                _ => resolved(at + took, &id, "deadline_exceeded", "unknown"),
            });
            entries
        },
    )
}

proptest! {
    #[test]
    fn honest_histories_are_clean_in_any_order(
        mut entries in prop::collection::vec(any::<prop::sample::Index>(), 1..20).prop_flat_map(|ids| {
            let requests = (0..ids.len()).map(|number| honest(format!("id-{number}")).boxed());
            requests.collect::<Vec<_>>().prop_map(|requests| requests.concat())
        }).prop_shuffle(),
    ) {
        let verdict = History::new(&entries).judge(&Circumstances::default());
        prop_assert_eq!(&verdict.violations, &[]);
        prop_assert_eq!(verdict.total(|tally| tally.sent) as usize, entries.iter().filter(|it| it.event == "invoked").count());
        // Taking any end away makes exactly one request hang.
        let end = entries.iter().position(|entry| entry.event == "resolved").unwrap();
        entries.remove(end);
        let verdict = History::new(&entries).judge(&Circumstances::default());
        prop_assert_eq!(verdict.total(|tally| tally.hung), 1);
    }
}
