//! What most rows have in common.

use std::ops::Range;
use std::time::{Duration, Instant};

use tests::chaos::{Process, Words};
use tests::checker::Kind;
use tests::ledger;

use crate::stage::{Side, Stage};

/// How long a steady load runs before the fault.
const STEADY: Duration = Duration::from_millis(1_500);
/// How long healing may take before nothing more is waited for. What is allowed is less.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon the throughput has to be back (I6).
const THROUGHPUT: Duration = Duration::from_secs(10);
/// How long programs may take to be connected before a fault.
const CONNECTED: Duration = Duration::from_secs(5);

/// Some of everything, at a pace that two shared cores can keep.
pub(crate) fn mixed() -> Words {
    Words::new("load")
        .with("call-rate", 100)
        .with("idempotent-rate", 40)
        .with("casts", 20)
        .with("fanouts", 5)
        .with("notifications", 20)
}

/// `count` requests of one kind.
pub(crate) fn burst(kind: Kind, count: u64) -> Words {
    Words::new("burst").with("kind", kind).with("count", count)
}

impl Stage<'_> {
    /// A server, a listener and a client, which have talked to each other, and what they hold then.
    pub(crate) fn start_all(&mut self) {
        self.server("one", &[]);
        self.listener("audit");
        self.client("client");
        self.warm_up();
    }

    /// Lets the client talk to all, and remembers what everybody holds then.
    pub(crate) fn warm_up(&mut self) {
        self.warm_up_with(&Kind::ALL);
    }

    /// The same without a listener.
    pub(crate) fn warm_up_calls(&mut self) {
        self.warm_up_with(&[Kind::Call, Kind::Idempotent, Kind::Cast]);
    }

    fn warm_up_with(&mut self, kinds: &[Kind]) {
        for client in self.names(Side::Client) {
            for kind in kinds.iter().copied() {
                self.process(&client).ask(&burst(kind, 5));
            }
            self.process(&client).ask(&Words::new("stop"));
        }
        let verdict = self.judge();
        let (sent, ok) = (verdict.total(|tally| tally.sent), verdict.total(|tally| tally.ok));
        assert_eq!(sent, ok, "everything works before the fault: {}", self.first_refusal());
        std::thread::sleep(Duration::from_millis(200));
        self.take_baselines();
    }

    /// Remembers what everybody holds now, once all are connected.
    pub(crate) fn take_baselines(&mut self) {
        let is_connected =
            |measured: &Words| measured.get("state").is_some_and(|it| it.starts_with("connected"));
        for program in &mut self.programs {
            let end = Instant::now() + CONNECTED;
            let mut measured = program.process.measure();
            while !is_connected(&measured) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(50));
                measured = program.process.measure();
            }
            program.baseline = Some(measured);
        }
    }

    fn first_refusal(&mut self) -> String {
        let refused =
            |entry: &&ledger::Entry| entry.event == "resolved" && entry.detail("outcome") != Some("ok");
        self.entries().iter().find(refused).map_or_else(String::new, |entry| format!("{entry:?}"))
    }

    /// Load, a fault in it, and its end; then the load has to be answered as before.
    pub(crate) fn under_load(&mut self, load: &Words, fault: impl FnOnce(&mut Self)) {
        self.process("client").ask(load);
        std::thread::sleep(STEADY);
        fault(self);
        self.heal();
    }

    /// Waits until calls are answered again, and as many as before the fault.
    pub(crate) fn heal(&mut self) {
        let (Some(broken), Some(lifted)) = (self.broken_at, self.lifted_at) else { return };
        let window = u64::try_from(Duration::from_secs(1).as_micros()).unwrap();
        if !self.until(PATIENCE, |stage| stage.answers(lifted..u64::MAX) > 0) {
            return;
        }
        let before = self.answers(broken - window..broken);
        let mut best = 0;
        let is_back = self.until(THROUGHPUT, |stage| {
            std::thread::sleep(Duration::from_millis(200));
            let now = ledger::now();
            let answers = if now < lifted + window { 0 } else { stage.answers(now - window..now) };
            best = best.max(answers);
            best * 10 >= before * 9
        });
        self.expect(is_back, || {
            format!(
                "I6: at most {best} calls per second within {THROUGHPUT:?} after the fault, {before} before"
            )
        });
    }

    /// Waits until calls are answered again, at whatever rate.
    pub(crate) fn heal_briefly(&mut self) {
        let Some(lifted) = self.lifted_at else { return };
        self.until(PATIENCE, |stage| stage.answers(lifted..u64::MAX) > 0);
        std::thread::sleep(Duration::from_secs(1));
    }

    /// How many calls were answered in a time. Looks no further back in the ledger than it has to.
    fn answers(&mut self, time: Range<u64>) -> usize {
        // Lines of several processes may change places, by no more than a line takes.
        let recent = self.entries().iter().rev().take_while(|entry| entry.at + 1_000_000 > time.start);
        recent.filter(|entry| time.contains(&entry.at) && entry.detail("answer").is_some()).count()
    }

    /// The reply queue of the only client.
    pub(crate) fn reply_queue(&mut self) -> String {
        let queues = self.broker().queues();
        let found =
            queues.into_iter().find(|it| it.name.starts_with("reply.chaos-client") && it.consumers > 0);
        found.expect("the client has a reply queue").name
    }

    /// How many calls of this kind run now.
    pub(crate) fn running(&mut self, server: &str) -> u64 {
        self.process(server).measure().number("running")
    }

    /// Waits until a server runs so many handlers.
    pub(crate) fn wait_running(&mut self, server: &str, count: u64) {
        let reached = self.until(Duration::from_secs(10), |stage| stage.running(server) >= count);
        assert!(reached, "{server} runs {count} handlers at a time");
    }

    /// One call that has to be answered within `limit`.
    pub(crate) fn call_works(&mut self, limit: Duration) {
        self.until(limit, |stage| {
            let before = stage.judge().tally(Kind::Call).ok;
            stage.client_does(&burst(Kind::Call, 1).with("deadline", 2_000));
            stage.judge().tally(Kind::Call).ok > before
        });
    }

    /// Lets the client do something, and waits for its end.
    pub(crate) fn client_does(&mut self, command: &Words) {
        let client: &mut Process = self.process("client");
        client.ask(command);
        client.ask_within(&Words::new("stop"), Duration::from_secs(75));
    }
}
