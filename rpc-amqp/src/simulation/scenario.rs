//! What a seed decides: the processes, what they do, and what goes wrong.

use super::broker::{Crash, STUCK};
use super::random::Random;
use crate::link::Purpose;

/// When the first operation may start, in milliseconds.
const START: u64 = 300;
/// When the last operation has started, and the last fault.
const LAST: u64 = 2_500;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// Processes that call. In the numbers that faults know processes by they come first, then the servers.
    pub(crate) clients: usize,
    pub(crate) servers: usize,
    pub(crate) quorum: bool,
    pub(crate) workers: u16,
    /// Whether a call has to succeed soon after the last fault is over. Otherwise there are more faults.
    pub(crate) heals: bool,
    pub(crate) operations: Vec<Operation>,
    pub(crate) faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) at: u64,
    pub(crate) client: usize,
    pub(crate) kind: Kind,
    pub(crate) timeout: u64,
    /// How long the handler runs.
    pub(crate) work: u64,
    pub(crate) ending: Ending,
    /// The caller loses interest after so many milliseconds.
    pub(crate) abandoned: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Call,
    Idempotent,
    /// A call to one server.
    CallServer(usize),
    /// A call to a server that never was.
    CallNobody,
    Cast,
    /// A cast to a server that never was.
    CastNobody,
    Fanout,
    Notify,
}

/// How the handler ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Returns,
    Fails,
    Panics,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) at: u64,
    pub(crate) lasts: u64,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FaultKind {
    /// One of its connections breaks, or both do. The broker notices after the fault's time; at once means that what was on its way is lost.
    Cut {
        process: usize,
        purpose: Option<Purpose>,
    },
    /// The thread of the client library dies, with the socket and without a word.
    LibraryDies {
        process: usize,
        purpose: Option<Purpose>,
    },
    /// The network swallows what is sent, and brings it late.
    Hold {
        process: usize,
        purpose: Option<Purpose>,
        up: bool,
        down: bool,
    },
    Slow,
    DeleteQueue {
        prefix: &'static str,
        which: usize,
    },
    DeleteExchanges,
    CloseConnections,
    Crash(Crash),
    /// The broker stands still, and goes on with all that was sent to it meanwhile.
    Pause,
    Alarm,
    /// Queues refuse messages.
    Full,
    /// The leaders of quorum queues are away.
    Leaderless,
    /// The next message is in its queue twice.
    Double,
    /// A process dies. Servers come back after the fault's time.
    Kill {
        process: usize,
    },
    /// A server is shut down in order, with half of the fault's time as grace, and started again after it.
    Drain {
        process: usize,
    },
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let heals = random.percent(60);
        let clients = if random.percent(75) { 1 } else { 2 };
        let servers = if random.percent(60) { 1 } else { 2 };
        let mut draw = Draw { random: random.fork(), clients, servers };
        let count = random.between(3, 11);
        let mut operations: Vec<_> = (0..count).map(|_| draw.operation()).collect();
        operations.sort_by_key(|operation| operation.at);
        if random.percent(50) {
            // Bursts, so that confirms and acknowledgements are many in a frame.
            let size = random.between(2, 6);
            let starts: Vec<_> = operations.iter().map(|operation| operation.at).collect();
            for (index, operation) in (0..).zip(&mut operations) {
                operation.at = starts[index - index % usize::try_from(size).unwrap_or(1)];
            }
        }
        let count = if heals { random.between(1, 5) } else { random.between(3, 7) };
        let mut faults: Vec<_> = (0..count).map(|_| draw.fault()).collect();
        faults.sort_by_key(|fault| fault.at);
        let workers = if random.percent(30) { 1 } else { 4 };
        Self { seed, clients, servers, quorum: random.percent(30), workers, heals, operations, faults }
    }

    /// Whether an operation is of this kind. What nobody asks for is not started, which saves most of the time of a run.
    pub(crate) fn has(&self, is_it: impl Fn(Kind) -> bool) -> bool {
        self.operations.iter().any(|operation| is_it(operation.kind))
    }

    /// Whether messages can hang on their way for long.
    pub(crate) fn delays(&self) -> bool {
        let hangs = |kind| {
            matches!(
                kind,
                FaultKind::Hold { .. }
                    | FaultKind::Slow
                    | FaultKind::Pause
                    | FaultKind::Alarm
                    | FaultKind::Leaderless
            )
        };
        self.faults.iter().any(|fault| hangs(fault.kind))
    }

    pub(crate) fn deletes_exchanges_again(&self) -> bool {
        self.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::DeleteExchanges)).count() > 1
    }

    /// When no fault lasts any more.
    pub(crate) fn healed(&self) -> u64 {
        self.faults.iter().map(|fault| fault.at + fault.lasts).max().unwrap_or(0).max(LAST)
    }

    /// When no channel waits any more for a leader that was away.
    pub(crate) fn unstuck(&self) -> u64 {
        let leaderless = self.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::Leaderless));
        leaderless.map(|fault| fault.at + fault.lasts + STUCK).max().unwrap_or(0)
    }

    /// When the last caller has its answer.
    pub(crate) fn answered(&self) -> u64 {
        self.operations.iter().map(|operation| operation.at + operation.timeout).max().unwrap_or(0)
    }
}

/// Draws what happens to so many processes.
struct Draw {
    random: Random,
    clients: usize,
    servers: usize,
}

impl Draw {
    fn operation(&mut self) -> Operation {
        let random = &mut self.random;
        let kind = match random.below(100) {
            0..35 => Kind::Call,
            35..55 => Kind::Idempotent,
            55..60 => Kind::CallServer(random.index(self.servers)),
            60..76 => Kind::Cast,
            76..80 => Kind::Fanout,
            80..84 => Kind::CallNobody,
            84..88 => Kind::CastNobody,
            _ => Kind::Notify,
        };
        Operation {
            at: random.between(START, LAST),
            client: random.index(self.clients),
            kind,
            timeout: match random.below(100) {
                0..15 => random.between(1, 60),
                // Longer than it takes to give a silent broker up.
                15..20 => random.between(3_000, 5_000),
                _ => random.between(400, 2_000),
            },
            work: if random.percent(30) { random.between(50, 1_000) } else { random.below(10) },
            ending: match random.below(100) {
                0..86 => Ending::Returns,
                86..94 => Ending::Fails,
                _ => Ending::Panics,
            },
            abandoned: random.percent(5).then(|| random.below(300)),
        }
    }

    fn fault(&mut self) -> Fault {
        let random = &mut self.random;
        let process = random.index(self.clients + self.servers);
        let server = self.clients + random.index(self.servers);
        let purpose = match random.below(4) {
            0 => Some(Purpose::Publish),
            1 => Some(Purpose::Consume),
            _ => None,
        };
        let prefixes = ["rpc.default.t", "reply.", "notify.", "fan."];
        let (kind, lasts) = match random.below(100) {
            0..20 => {
                let orphan = random.percent(40);
                (FaultKind::Cut { process, purpose }, if orphan { random.below(2_500) } else { 0 })
            }
            20..34 => {
                let (up, down) = [(true, true), (true, false), (false, true)][random.index(3)];
                (FaultKind::Hold { process, purpose, up, down }, random.between(20, 3_000))
            }
            34..38 => (FaultKind::Slow, random.between(200, 1_500)),
            38..46 => {
                let prefix = prefixes[random.index(prefixes.len())];
                (FaultKind::DeleteQueue { prefix, which: random.index(4) }, 0)
            }
            46..49 => (FaultKind::DeleteExchanges, 0),
            49..54 => (FaultKind::CloseConnections, 0),
            54..58 => (FaultKind::Crash(Crash::Stop), random.between(50, 1_500)),
            58..63 => (FaultKind::Crash(Crash::Kill), random.between(50, 1_500)),
            63..66 => (FaultKind::Crash(Crash::Wipe), random.between(50, 1_500)),
            66..69 => (FaultKind::Pause, random.between(20, 5_000)),
            69..75 => (FaultKind::Alarm, random.between(100, 2_000)),
            75..77 => (FaultKind::Full, random.between(50, 500)),
            77..79 => (FaultKind::Leaderless, random.between(50, 2_000)),
            79..82 => (FaultKind::Double, 0),
            82..84 => (FaultKind::LibraryDies { process, purpose }, 0),
            84..92 => (FaultKind::Kill { process: server }, random.between(50, 1_500)),
            92..94 => (FaultKind::Kill { process }, random.between(50, 1_500)),
            _ => (FaultKind::Drain { process: server }, random.between(100, 1_500)),
        };
        Fault { at: random.between(START, LAST), lasts, kind }
    }
}
