//! What goes wrong.

use super::{Door, Due, End, SETTLED, SILENCE, State, end};
use crate::link::Purpose;
use crate::simulation::broker::Crash;
use crate::simulation::history::Event;
use crate::simulation::scenario::{Fault, FaultKind};

impl State {
    pub(super) fn strike(&mut self, fault: Fault) {
        let now = self.now;
        self.history.add(now, Event::Fault(format!("{:?} for {} ms", fault.kind, fault.lasts)));
        let over = now + fault.lasts;
        match fault.kind {
            FaultKind::Cut { process, purpose } => {
                for connection in self.open(self.in_slot(process), purpose) {
                    self.sever(connection, fault.lasts);
                }
                return;
            }
            FaultKind::LibraryDies { process, purpose } => {
                for connection in self.open(self.in_slot(process), purpose) {
                    self.let_library_die(connection);
                }
                return;
            }
            FaultKind::Hold { process, purpose, up, down } => {
                for connection in self.open(self.in_slot(process), purpose) {
                    self.hold(connection, up, down, fault.lasts);
                }
            }
            FaultKind::Slow => self.slow = true,
            FaultKind::DeleteQueue { prefix, which } => self.broker.delete_queue(prefix, which),
            FaultKind::DeleteExchanges => self.broker.delete_exchanges(),
            FaultKind::CloseConnections => self.broker.close_connections(now),
            FaultKind::Crash(crash) => {
                self.door = if crash == Crash::Kill && self.random.percent(20) {
                    Door::Silent
                } else {
                    Door::Refuses
                };
                // What is on its way to it is lost.
                self.due
                    .retain(|_, due| !matches!(due, Due::Up { .. } | Due::Broker(_) | Due::BrokerNotices(_)));
                self.broker.crash(crash);
            }
            FaultKind::Pause => {
                self.door = Door::Silent;
                self.paused_until = self.paused_until.max(over);
                let all: Vec<_> = self.ends.keys().copied().collect();
                for connection in all {
                    self.hold(connection, true, true, fault.lasts);
                }
            }
            FaultKind::Alarm => self.broker.raise_alarm(),
            FaultKind::Full => self.broker.set_full(true),
            FaultKind::Leaderless => self.broker.set_leaderless(true),
            FaultKind::Double => self.broker.double_next(),
            // Done by those who run the processes.
            FaultKind::Kill { .. } | FaultKind::Drain { .. } => return,
        }
        self.schedule(over, Due::Over(fault));
    }

    pub(super) fn lift(&mut self, fault: Fault) {
        match fault.kind {
            FaultKind::Hold { process, purpose, .. } => {
                for connection in self.of(self.in_slot(process), purpose, |_| true) {
                    self.release(connection);
                }
            }
            FaultKind::Slow => self.slow = false,
            FaultKind::Crash(_) => self.door = Door::Open,
            FaultKind::Pause => {
                self.door = Door::Open;
                let all: Vec<_> = self.ends.keys().copied().collect();
                for connection in all {
                    self.release(connection);
                }
            }
            FaultKind::Alarm => self.broker.lift_alarm(self.now),
            FaultKind::Full => self.broker.set_full(false),
            FaultKind::Leaderless => self.broker.set_leaderless(false),
            _ => {}
        }
    }

    /// Ends everything that a process has, as its death does. What it has sent still arrives.
    pub(crate) fn kill(&mut self, process: usize) {
        self.alive[process] = false;
        let now = self.now;
        self.history.add(now, Event::Fault(format!("process {process} was killed")));
        for connection in self.of(process, None, |_| true) {
            self.hang_up(connection);
        }
    }

    /// The client sees the end at once, the broker after `notices` milliseconds; with 0 both do, and what was on its way
    /// is lost.
    fn sever(&mut self, connection: u64, notices: u64) {
        if let Some(end) = self.ends.get_mut(&connection) {
            end.severed = notices == 0;
            end.hung_up = true;
            end.fail(&end::aborted());
        }
        let notices = self.now + notices + self.random.below(5);
        self.schedule(notices, Due::BrokerNotices(connection));
    }

    fn let_library_die(&mut self, connection: u64) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        end.is_dead = true;
        end.held_up.get_or_insert_default();
        end.held_down.get_or_insert_default();
        end.gone.cancel();
        let notices = self.now + self.random.below(5);
        self.schedule(notices, Due::BrokerNotices(connection));
    }

    fn hold(&mut self, connection: u64, up: bool, down: bool, lasts: u64) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        if up {
            end.held_up.get_or_insert_default();
        }
        if down {
            end.held_down.get_or_insert_default();
        }
        // Whoever hears nothing for so long gives up; the broker is a little slower.
        let silence = self.random.between(SILENCE.0, SILENCE.1);
        let at = self.now + silence;
        if down && lasts > silence {
            self.schedule(at, Due::ClientNotices(connection));
        }
        if up && lasts > silence + 500 {
            self.schedule(at + 500, Due::BrokerNotices(connection));
        }
    }

    /// What hung arrives now, unless nobody is there any more.
    fn release(&mut self, connection: u64) {
        let Some(end) = self.ends.get_mut(&connection).filter(|end| !end.is_dead) else { return };
        let (up, down) = (end.held_up.take(), end.held_down.take());
        let gone = end.hung_up;
        // At once, since what was sent after them may arrive at any moment.
        for (channel, request) in up.into_iter().flatten() {
            self.arrive_up(connection, channel, request);
        }
        for (channel, answer) in down.into_iter().flatten() {
            self.arrive_down(connection, channel, answer);
        }
        if gone {
            // So does the end of the connection, after all that hung.
            self.schedule(self.now + SETTLED, Due::BrokerNotices(connection));
        }
    }

    fn in_slot(&self, slot: usize) -> usize {
        self.slots.get(slot).copied().unwrap_or(usize::MAX)
    }

    fn open(&self, process: usize, purpose: Option<Purpose>) -> Vec<u64> {
        self.of(process, purpose, End::is_open)
    }

    fn of(&self, process: usize, purpose: Option<Purpose>, wanted: impl Fn(&End) -> bool) -> Vec<u64> {
        let is_it = |end: &End| {
            end.process == process && purpose.is_none_or(|purpose| purpose == end.purpose) && wanted(end)
        };
        self.ends.iter().filter(|(_, end)| is_it(end)).map(|(number, _)| *number).collect()
    }
}
