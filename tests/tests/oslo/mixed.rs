//! Clients and servers of both languages at work on one topic while servers come and go. What all these processes wrote
//! down is judged afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tests::chaos::Process;
use tests::checker::{Circumstances, History, Kind};
use tests::raw::eventually;

use crate::stage::{Calls, Language, Stage, WORKERS};

const BOTH: [Language; 2] = [Language::Python, Language::Rust];
const CALLS: usize = 10_000;
const RESTARTS: usize = 8;
/// What one client calls at a time. A call may take longer than a server in Python takes to stop and another to start.
const ROUND: Calls = Calls { count: 125, deadline: Duration::from_secs(30), sleep: Duration::ZERO };

fn stop(server: &mut Process) {
    server.signal("TERM");
    let status = server.wait(Duration::from_secs(25)).expect("a server stops when it is told to");
    assert!(status.success(), "{}: {}", server.name, server.log());
}

#[test]
fn calls_are_answered_once_while_servers_of_both_languages_restart() {
    let stage = Stage::new();
    let places: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .flat_map(|name| BOTH.map(|it| (it, format!("{it:?}-{name}").to_lowercase())))
        .collect();
    let mut servers: Vec<_> = places.iter().map(|(language, name)| stage.server(*language, name)).collect();
    let callers =
        ["one", "two"].map(|name| BOTH.map(|it| stage.caller(it, &format!("caller-{name}-{it:?}"))));
    let (steps, rounds) = (AtomicUsize::new(0), CALLS / ROUND.count / 4);

    let orphans: u64 = std::thread::scope(|scope| {
        let callers = callers.into_iter().flatten().map(|mut caller| {
            let steps = &steps;
            scope.spawn(move || {
                let mut orphans = 0;
                for round in 0..rounds {
                    // So that there are calls whenever a server stops or starts, whichever is faster.
                    while steps.load(Ordering::Relaxed) * rounds < round * 2 * RESTARTS {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    orphans = caller.call(ROUND);
                }
                orphans
            })
        });
        let callers: Vec<_> = callers.collect();
        for place in (0..places.len()).cycle().take(RESTARTS) {
            steps.fetch_add(1, Ordering::Relaxed);
            stop(&mut servers[place]);
            steps.fetch_add(1, Ordering::Relaxed);
            let (language, name) = &places[place];
            servers[place] = stage.server(*language, name);
        }
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });

    let verdict = History::new(&stage.entries()).judge(&Circumstances::default());
    assert!(verdict.violations.is_empty(), "{:?}", verdict.violations);
    let calls = verdict.tally(Kind::Call);
    let all = u64::try_from(CALLS).unwrap();
    assert_eq!((calls.sent, calls.ok, calls.duplicated), (all, all, 0), "{calls:?}");
    assert_eq!(orphans, 0, "answers that nobody waited for");
}

/// Of servers of ours. One in Python loses all that it has taken, which can be any number.
#[test]
fn dv_26_a_killed_server_costs_no_more_than_what_it_ran() {
    const KILLS: usize = 3;
    let stage = Stage::new();
    let _staying = [stage.server(Language::Python, "python"), stage.server(Language::Rust, "rust")];
    let mut victim = stage.server(Language::Rust, "victim");
    let callers = BOTH.map(|it| stage.caller(it, &format!("caller-{it:?}")));
    let calls = Calls { count: 300, deadline: Duration::from_secs(5), sleep: Duration::from_millis(20) };
    let killed: BTreeSet<u32> = std::thread::scope(|scope| {
        let callers = callers.map(|mut caller| {
            scope.spawn(move || {
                for _ in 0..KILLS {
                    caller.call(calls);
                }
            })
        });
        let mut killed = BTreeSet::new();
        for _ in 0..KILLS {
            // With work in its hands.
            let id = victim.id();
            while !stage.entries().iter().any(|entry| entry.event == "started" && entry.process == id) {
                std::thread::sleep(Duration::from_millis(5));
            }
            killed.insert(victim.kill());
            victim = stage.server(Language::Rust, "victim");
        }
        for caller in callers {
            caller.join().unwrap();
        }
        killed
    });

    let entries = stage.entries();
    let ids = |event: &str, of_killed: Option<bool>| {
        let is_wanted = |it: &&tests::ledger::Entry| {
            it.event == event && of_killed.is_none_or(|wanted| killed.contains(&it.process) == wanted)
        };
        entries.iter().filter(is_wanted).map(|entry| entry.subject.as_str()).collect::<Vec<_>>()
    };
    let unique = |mut ids: Vec<&str>| {
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "twice");
        ids.into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (made, resolved) = (unique(ids("invoked", None)), unique(ids("resolved", None)));
    assert_eq!((made.len(), &resolved), (calls.count * KILLS * 2, &made));
    let answered = entries.iter().filter(|entry| entry.detail("outcome") == Some("ok"));
    let answered: BTreeSet<_> = answered.map(|entry| entry.subject.clone()).collect();
    let lost: BTreeSet<_> = made.difference(&answered).cloned().collect();
    assert!(lost.len() <= KILLS * WORKERS, "{} were lost", lost.len());
    // What ran to its end where nobody was killed was answered, and ran there once.
    let ended = unique(ids("ended", Some(false)));
    assert!(ended.is_disjoint(&lost), "{:?}", ended.intersection(&lost));
    // Beside it only what was started by a victim may have run.
    let started: BTreeSet<_> = ids("started", Some(true)).into_iter().map(str::to_owned).collect();
    let elsewhere: BTreeSet<_> = answered.difference(&ended).cloned().collect();
    assert!(elsewhere.is_subset(&started), "answered, and run by nobody");
    assert!(!lost.is_empty(), "a victim was killed in the middle of its work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_27_an_event_of_a_killed_listener_comes_again() {
    const EVENTS: usize = 5;
    let stage = Stage::new();
    let victim = stage.listener("pool", Duration::from_secs(60));
    stage.caller(Language::Rust, "emitter").notify(EVENTS);
    let started = async |count: usize| {
        let started = eventually(async || {
            let entries = stage.entries();
            let started = entries.into_iter().filter(|entry| entry.event == "started");
            Some(started.collect::<Vec<_>>()).filter(|started| started.len() == count)
        });
        started.await.unwrap_or_else(|| panic!("{:?}", stage.entries()))
    };
    let first = started(1).await.remove(0);
    assert_eq!((first.process, first.number("attempt")), (victim.id(), Some(1)));
    let killed = victim.kill();
    let _heir = stage.listener("pool", Duration::ZERO);
    let mut all = started(EVENTS + 1).await;
    all.retain(|entry| entry.process != killed);
    let ids: BTreeSet<_> = all.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(ids.len(), EVENTS, "each once");
    let again = all.iter().find(|entry| entry.subject == first.subject).expect("it comes again");
    assert_eq!(again.number("attempt"), Some(2), "marked as such");
}
