//! Everything that the processes of a run share: time, the wires, the broker, the history.

mod end;
mod faults;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::end::{End, Waiting};
use super::broker::{Broker, Output, Task};
use super::frame::{Answer, Request};
use super::history::{Event, History};
use super::random::Random;
use super::scenario::Fault;
use crate::link::Purpose;

/// How long it takes a side that hears nothing to give the other up, in milliseconds: two heartbeats of a second, and up
/// to one check.
const SILENCE: (u64, u64) = (2_000, 2_500);

/// How long all takes to arrive that hung, in milliseconds.
const SETTLED: u64 = 40;

/// How often somebody who waits for a stopped broker looks.
const STOPPED: Duration = Duration::from_millis(100);

/// The world of one run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    wake: Notify,
    start: Instant,
}

pub(crate) struct State {
    now: u64,
    due: BTreeMap<(u64, u64), Due>,
    next_due: u64,
    pub(crate) broker: Broker,
    door: Door,
    ends: BTreeMap<u64, End>,
    next_connection: u64,
    alive: Vec<bool>,
    /// The process that is in each place now.
    slots: Vec<usize>,
    random: Random,
    slow: bool,
    /// Until when the broker stands still.
    paused_until: u64,
    pub(crate) history: History,
}

/// How the broker treats those who want to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    Open,
    Refuses,
    /// It accepts, and answers nothing until it goes on.
    Silent,
}

/// What is going to happen.
enum Due {
    Up {
        connection: u64,
        channel: u16,
        request: Request,
    },
    Down {
        connection: u64,
        channel: u16,
        answer: Answer,
    },
    Broker(Task),
    /// The broker finds out that a client is gone.
    BrokerNotices(u64),
    /// A client finds out that its broker is silent.
    ClientNotices(u64),
    Fault(Fault),
    Over(Fault),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let broker = Broker::new(random.fork());
        let state = State {
            now: 0,
            due: BTreeMap::new(),
            next_due: 0,
            broker,
            door: Door::Open,
            ends: BTreeMap::new(),
            next_connection: 0,
            alive: Vec::new(),
            slots: Vec::new(),
            random,
            slow: false,
            paused_until: 0,
            history: History::default(),
        };
        Self(Arc::new(Inner { state: Mutex::new(state), wake: Notify::new(), start: Instant::now() }))
    }

    /// Makes things happen when they are due, for ever.
    pub(crate) async fn turn(self) {
        loop {
            let next = {
                let mut state = self.lock();
                state.catch_up();
                state.due.first_key_value().map(|((at, _), _)| *at)
            };
            let next = next.unwrap_or(u64::MAX / 2_000_000);
            tokio::select! {
                biased;
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep_until(self.0.start + Duration::from_millis(next)) => {}
            }
        }
    }

    /// The state, at the time that it is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().expect("nothing panics while it is locked");
        state.now = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        state
    }

    /// As [`lock`](Self::lock), for what puts something on its way.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.lock());
        self.0.wake.notify_one();
        result
    }

    /// A new process in the place `slot`, by which faults know it.
    pub(crate) fn process(&self, slot: usize) -> usize {
        let mut state = self.lock();
        state.alive.push(true);
        let process = state.alive.len() - 1;
        if state.slots.len() <= slot {
            state.slots.resize(slot + 1, usize::MAX);
        }
        state.slots[slot] = process;
        process
    }

    pub(crate) fn is_alive(&self, process: usize) -> bool {
        self.lock().alive[process]
    }

    pub(crate) fn record(&self, event: Event) {
        let mut state = self.lock();
        let now = state.now;
        state.history.add(now, event);
    }

    pub(crate) async fn sleep_until(&self, time: u64) {
        tokio::time::sleep_until(self.0.start + Duration::from_millis(time)).await;
    }

    pub(crate) fn now(&self) -> u64 {
        self.lock().now
    }

    /// A connection for a process, once the handshake is done; nothing if the broker is not there.
    pub(crate) async fn connect(
        &self,
        process: usize,
        purpose: Purpose,
        limit: Duration,
    ) -> Result<(u64, CancellationToken), Door> {
        let wait = self.act(|state| (0..3).map(|_| state.latency()).sum());
        tokio::time::sleep(Duration::from_millis(wait)).await;
        if !self.is_alive(process) {
            std::future::pending::<()>().await;
        }
        let until = Instant::now() + limit.saturating_sub(Duration::from_millis(wait));
        loop {
            let door = self.lock().door;
            match door {
                Door::Open => break,
                // One that was stopped answers when it goes on.
                Door::Silent if Instant::now() < until => tokio::time::sleep(STOPPED).await,
                Door::Silent | Door::Refuses => return Err(door),
            }
        }
        Ok(self.act(|state| {
            let connection = state.next_connection;
            state.next_connection += 1;
            state.broker.accept(connection);
            let end = End::new(process, purpose);
            let gone = end.gone.clone();
            state.ends.insert(connection, end);
            (connection, gone)
        }))
    }
}

impl State {
    fn schedule(&mut self, at: u64, due: Due) {
        self.next_due += 1;
        self.due.insert((at.max(self.now), self.next_due), due);
    }

    fn catch_up(&mut self) {
        while let Some(entry) = self.due.first_entry()
            && entry.key().0 <= self.now
        {
            let due = entry.remove();
            if matches!(due, Due::Broker(_) | Due::BrokerNotices(_)) && self.now < self.paused_until {
                // It finds out when it goes on, after it has read what was sent to it.
                self.schedule(self.paused_until + SETTLED, due);
                continue;
            }
            match due {
                Due::Up { connection, channel, request } => self.arrive_up(connection, channel, request),
                Due::Down { connection, channel, answer } => self.arrive_down(connection, channel, answer),
                Due::Broker(task) => self.broker.perform(self.now, task),
                Due::BrokerNotices(connection) => {
                    self.broker.end_connection(self.now, connection);
                    self.schedule(self.now + 1, Due::Down { connection, channel: 0, answer: Answer::HungUp });
                }
                Due::ClientNotices(connection) => {
                    if self.ends.get(&connection).is_some_and(|end| end.held_down.is_some() && !end.is_dead) {
                        self.fail(connection, &end::silent());
                    }
                }
                Due::Fault(fault) => self.strike(fault),
                Due::Over(fault) => self.lift(fault),
            }
            self.carry_out();
        }
    }

    /// Does what the broker asks for.
    fn carry_out(&mut self) {
        for output in self.broker.take_output() {
            match output {
                Output::Send { connection, channel, answer } => {
                    let at = self.arrival(connection, channel, false);
                    self.schedule(at, Due::Down { connection, channel, answer });
                }
                Output::Later { after, task } => self.schedule(self.now + after, Due::Broker(task)),
                Output::Fact(fact) => self.history.add(self.now, Event::Broker(fact)),
            }
        }
    }

    /// When a frame that is sent now arrives: channels may overtake each other, the frames of one do not.
    fn arrival(&mut self, connection: u64, channel: u16, up: bool) -> u64 {
        let at = self.now + self.latency();
        let Some(end) = self.ends.get_mut(&connection) else { return at };
        let last = end.arrivals.entry((channel, up)).or_default();
        *last = at.max(*last);
        *last
    }

    fn latency(&mut self) -> u64 {
        let spike = if self.random.percent(4) { self.random.below(30) } else { 0 };
        let slow = if self.slow { self.random.below(150) } else { 0 };
        // Mostly none at all: each step of the clock costs time in earnest.
        let usual = if self.random.percent(60) { 0 } else { self.random.below(4) };
        usual + spike + slow
    }

    fn arrive_up(&mut self, connection: u64, channel: u16, request: Request) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        if end.severed {
            return;
        }
        match &mut end.held_up {
            Some(held) => held.push((channel, request)),
            None => self.broker.read(self.now, connection, channel, request),
        }
    }

    fn arrive_down(&mut self, connection: u64, channel: u16, answer: Answer) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        if !end.is_open() {
            return;
        }
        if let Some(held) = &mut end.held_down {
            held.push((channel, answer));
            return;
        }
        match answer {
            Answer::ConnectionClosed { code, text } => self.fail(connection, &end::refused(code, &text)),
            Answer::HungUp => self.fail(connection, &end::aborted()),
            Answer::Unblocked => {
                for (channel, request, written) in end.unblock() {
                    self.write(connection, channel, request, written);
                }
            }
            answer => end.take(channel, answer, &mut self.random),
        }
    }

    /// Puts a frame of a client on its way. While the broker is blocked the library keeps it.
    pub(crate) fn write(&mut self, connection: u64, channel: u16, request: Request, written: Waiting<()>) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        if let Some(error) = end.error() {
            drop(written.send(Err(error)));
            return;
        }
        if end.is_blocked() {
            end.keep(channel, request, written);
            return;
        }
        let at = self.arrival(connection, channel, true);
        self.schedule(at, Due::Up { connection, channel, request });
        drop(written.send(Ok(())));
    }

    pub(crate) fn end(&mut self, connection: u64) -> Option<&mut End> {
        self.ends.get_mut(&connection)
    }

    /// The client's side of a connection is over. What it has sent still arrives.
    fn fail(&mut self, connection: u64, error: &lapin::Error) {
        if let Some(end) = self.ends.get_mut(&connection) {
            end.fail(error);
        }
    }

    /// The client shuts its socket down.
    pub(crate) fn hang_up(&mut self, connection: u64) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        if end.hung_up {
            return;
        }
        end.hung_up = true;
        let last = end.arrivals.iter().filter(|((_, up), _)| *up).map(|(_, at)| *at).max().unwrap_or(0);
        end.fail(&end::aborted());
        // Through a network that has stopped nothing tells the broker but the silence.
        let notices = if end.held_up.is_none() { last.max(self.now) + 1 } else { self.now + SILENCE.1 };
        self.schedule(notices, Due::BrokerNotices(connection));
    }

    /// A process has ended by itself.
    pub(crate) fn leave(&mut self, process: usize) {
        self.alive[process] = false;
    }

    /// Plans the faults of a run.
    pub(crate) fn plan(&mut self, faults: &[Fault]) {
        for fault in faults {
            self.schedule(fault.at, Due::Fault(*fault));
        }
    }
}
