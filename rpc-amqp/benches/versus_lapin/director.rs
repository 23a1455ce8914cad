//! Starts the processes, gives each side its turns, and reports.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::child::Child;
use super::command::{Answer, Command, Load, Loaded, Operation, Side};
use super::options::Options;
use super::report::Report;
use super::role::{FANOUT_SERVERS, Role};
use super::series::Turn;
use super::workload::{CONSUME, Entrant, WORKLOADS, Workload};

pub(crate) fn run(options: &Options, url: &str) -> ExitCode {
    let mut sides: HashMap<&str, Pair> = HashMap::new();
    for side in [Side::Ours, Side::Bare, Side::Equal] {
        sides.insert(side.as_str(), Pair::start(side, url));
    }
    let mut report = Report::default();
    for workload in WORKLOADS.iter().filter(|workload| options.wants(workload.name)) {
        // Round 0 only warms up.
        for round in 0..=options.rounds {
            for number in 0..workload.entrants.len() {
                let entrant = workload.entrants[(round + number) % workload.entrants.len()];
                let pair = sides.get_mut(entrant.side.as_str()).expect("all sides are there");
                let turn = if round == 0 { options.turn / 4 } else { options.turn } * workload.turns;
                let measured = pair.turn(workload, entrant, turn);
                if round > 0 {
                    for (name, turn) in measured {
                        report.add(name, entrant.name, turn);
                    }
                }
            }
        }
        report.print_new();
    }
    report.print_ratios();
    ExitCode::SUCCESS
}

/// The processes of one side.
struct Pair {
    client: Child,
    server: Child,
    /// Casts that the server has run, fanouts included.
    casts: u64,
}

impl Pair {
    fn start(side: Side, url: &str) -> Self {
        // The client needs the queues of the server.
        let server = Child::start(Role::Server, side, url);
        Self { client: Child::start(Role::Client, side, url), server, casts: 0 }
    }

    fn turn(&mut self, workload: &Workload, entrant: Entrant, time: Duration) -> Vec<(&'static str, Turn)> {
        let &Workload { name, operation, in_flight, size, .. } = workload;
        let (start, used) = (Instant::now(), self.used());
        let loaded = match self.client.ask(Command::Load(Load { operation, in_flight, size, time })) {
            Answer::Loaded(loaded) => loaded,
            other => panic!("asked for a load, a client said {other:?}"),
        };
        let Loaded { operations, time, latency_p50, latency_p99 } = loaded;
        let latency = Some((latency_p50, latency_p99));
        let mut turn = Turn { operations, time, latency, cpu: Duration::ZERO };
        match operation {
            Operation::Call | Operation::Notify => {}
            // A cast is done for its client when the broker has it. What is left is work of the server.
            Operation::Cast => self.wait_for_casts(operations),
            // A fanout is done when all have run it.
            Operation::Fanout => {
                self.wait_for_casts(operations * u64::from(FANOUT_SERVERS));
                turn.time = start.elapsed();
            }
        }
        turn.cpu = self.used() - used;
        let mut turns = vec![(name, turn)];
        if operation == Operation::Notify {
            turns.push((CONSUME, self.collect(entrant, operations)));
        }
        turns
    }

    fn wait_for_casts(&mut self, casts: u64) {
        self.casts += casts;
        match self.server.ask(Command::WaitForCasts(self.casts)) {
            Answer::Ran => {}
            other => panic!("asked for its casts, a server said {other:?}"),
        }
    }

    fn collect(&mut self, entrant: Entrant, events: u64) -> Turn {
        let used = self.server.used();
        match self.server.ask(Command::Collect(events, entrant.manner)) {
            Answer::Collected(time) => {
                Turn { operations: events, time, latency: None, cpu: self.server.used() - used }
            }
            other => panic!("asked for events, a server said {other:?}"),
        }
    }

    fn used(&mut self) -> Duration {
        self.client.used() + self.server.used()
    }
}
