//! J: everything, again and again, by a seed.

use std::time::{Duration, Instant};

use tests::chaos::Words;
use tests::proxy::{Direction, Mode, Role};

use super::{Needs, Row};
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[Row::new(
    "J1",
    "soak: random faults for a minute, 3 servers, 3 clients (long form: ten minutes)",
    150,
    soak,
)
.on(Needs::FreshNode)];

const SIDES: [Side; 3] = [Side::Client, Side::Server, Side::Listener];
const CLIENTS: [&str; 3] = ["client", "client-2", "client-3"];

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Cut,
    Reset,
    Hold,
    HoldDownstream,
    HoldPublishing,
    Stall,
    Delay,
    Slice,
    KillServer,
    DrainServer,
    CloseAll,
    DeleteReplyQueues,
    Alarm,
    PauseBroker,
    KillBroker,
}

const FAULTS: [Fault; 15] = [
    Fault::Cut,
    Fault::Reset,
    Fault::Hold,
    Fault::HoldDownstream,
    Fault::HoldPublishing,
    Fault::Stall,
    Fault::Delay,
    Fault::Slice,
    Fault::KillServer,
    Fault::DrainServer,
    Fault::CloseAll,
    Fault::DeleteReplyQueues,
    Fault::Alarm,
    Fault::PauseBroker,
    Fault::KillBroker,
];

/// The generator SplitMix64: the same seed makes the same schedule.
struct Schedule(u64);

impl Schedule {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[usize::try_from(self.below(things.len() as u64)).unwrap()]
    }

    fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }
}

fn soak(stage: &mut Stage<'_>) {
    let mut schedule = Schedule(stage.options.seed);
    stage.note(format!("J1: seed {}", stage.options.seed));
    for name in ["one", "two", "three"] {
        stage.server(name, &[]);
    }
    stage.listener("audit");
    for name in CLIENTS {
        stage.client(name);
    }
    stage.warm_up();
    // Every client's: their connections have one proxy. See F10 for why three.
    for _ in 0..3 {
        super::client::reconnect_once(stage);
    }
    stage.take_baselines();
    stage.broker().write_down();
    let load = Words::new("load").with("call-rate", 30).with("idempotent-rate", 15).with("casts", 10);
    let load = load.with("fanouts", 2).with("notifications", 10).with("sleep", 5);
    for name in CLIENTS {
        stage.process(name).ask(&load);
    }
    let started = Instant::now();
    let (mut half, mut count) = (None, 0);
    let whole = stage.options.soak;
    while started.elapsed() < whole {
        std::thread::sleep(schedule.milliseconds(1_500, 5_000));
        let fault = schedule.pick(&FAULTS);
        count += 1;
        eprintln!("J1 {:5.1} s: {fault:?}", started.elapsed().as_secs_f64());
        inject(stage, fault, &mut schedule);
        if half.is_none() && started.elapsed() > whole / 2 {
            half = Some(CLIENTS.map(|name| stage.process(name).measure().number("memory")));
        }
    }
    stage.fault(format!("{count} random faults with seed {}", stage.options.seed));
    stage.lifted();
    stage.heal_briefly();
    for (name, before) in CLIENTS.into_iter().zip(half.unwrap_or_default()) {
        let now = stage.process(name).measure().number("memory");
        // I7, and what waits with the client while there is no broker.
        let limit = before + before / 20 + 4_096;
        stage.expect(now <= limit, || {
            format!("J1: {name} grew from {before} to {now} KiB in the second half")
        });
    }
}

/// One fault, from its beginning to its end.
fn inject(stage: &mut Stage<'_>, fault: Fault, schedule: &mut Schedule) {
    let side = schedule.pick(&SIDES);
    let proxy = stage.proxy(side);
    let short = schedule.milliseconds(1_000, 7_000);
    stage.broken_at.get_or_insert_with(tests::ledger::now);
    match fault {
        Fault::Cut => proxy.cut(),
        Fault::Reset => proxy.reset(),
        Fault::Hold => proxy.set(Direction::Both, Mode::Hold),
        Fault::HoldDownstream => proxy.set(Direction::Downstream, Mode::Hold),
        Fault::HoldPublishing => proxy.only(Role::Publish).set(Direction::Both, Mode::Hold),
        Fault::Stall => {
            proxy.set(Direction::Upstream, Mode::Hold);
            std::thread::sleep(Duration::from_millis(300));
            proxy.cut();
        }
        Fault::Delay => {
            let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(90));
            proxy.set(Direction::Both, Mode::Delay { delay, jitter });
        }
        Fault::Slice => proxy.set(Direction::Both, Mode::Slice(7)),
        Fault::KillServer | Fault::DrainServer => replace_server(stage, fault, schedule),
        Fault::CloseAll => {
            stage.broker().ctl(&["close_all_connections", "--global", "for the test"]);
        }
        Fault::DeleteReplyQueues => {
            let queues = stage.broker().queues();
            for queue in queues.into_iter().filter(|queue| queue.name.starts_with("reply.")) {
                stage.broker().ctl(&["delete_queue", &queue.name]);
            }
        }
        Fault::Alarm => {
            stage.broker().ctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]);
            std::thread::sleep(short);
            stage.broker().ctl(&["set_vm_memory_high_watermark", "absolute", "2GB"]);
        }
        Fault::PauseBroker => {
            stage.broker().pause();
            std::thread::sleep(short);
            stage.broker().resume();
        }
        Fault::KillBroker => {
            stage.broker().kill();
            stage.broker().start_again();
        }
    }
    if matches!(
        fault,
        Fault::Hold | Fault::HoldDownstream | Fault::HoldPublishing | Fault::Delay | Fault::Slice
    ) {
        std::thread::sleep(short);
    }
    proxy.heal();
    proxy.only(Role::Publish).heal();
}

/// One of two servers goes, at once or in order, and comes back; the third stays.
fn replace_server(stage: &mut Stage<'_>, fault: Fault, schedule: &mut Schedule) {
    let name = schedule.pick(&["two", "three"]);
    if matches!(fault, Fault::KillServer) {
        stage.kill(name);
    } else {
        let mut leaving = stage.remove(name);
        leaving.signal("TERM");
        let status = leaving.wait(Duration::from_secs(8));
        stage.expect(status.is_some_and(|it| it.success()), || format!("J1: {name} drained with {status:?}"));
    }
    stage.server(name, &[]);
}
