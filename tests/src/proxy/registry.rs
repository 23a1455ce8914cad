//! The rules of a proxy and its open connections.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::plan::{Plan, Rules};
use super::role::Role;

/// The most times that are remembered; older ones are forgotten.
const MOST_TIMES: usize = 100_000;

/// What the callers of a proxy and its connections share.
#[derive(Debug)]
pub(super) struct Registry(Mutex<State>);

#[derive(Debug)]
struct State {
    publish: Rules,
    consume: Rules,
    /// For connections that have not said what they are for.
    other: Rules,
    /// Open connections, by number.
    open: HashMap<u64, watch::Sender<Plan>>,
    count: u64,
    times: VecDeque<Instant>,
}

/// The place of an open connection. It is open until this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    registry: Arc<Registry>,
    number: u64,
    plan: watch::Sender<Plan>,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            publish: Rules::PASS,
            consume: Rules::PASS,
            other: Rules::PASS,
            open: HashMap::new(),
            count: 0,
            times: VecDeque::new(),
        }))
    }

    /// A client has been accepted.
    pub(super) fn accepted(&self) {
        let mut state = self.state();
        if state.times.len() == MOST_TIMES {
            state.times.pop_front();
        }
        state.times.push_back(Instant::now());
    }

    pub(super) fn times(&self) -> Vec<Instant> {
        self.state().times.iter().copied().collect()
    }

    /// A connection that begins now.
    pub(super) fn enter(self: Arc<Self>) -> Entry {
        let mut state = self.state();
        state.count += 1;
        let number = state.count;
        let plan = watch::Sender::new(Plan::new(state.other));
        state.open.insert(number, plan.clone());
        drop(state);
        Entry { registry: self, number, plan }
    }

    /// Changes the rules for a role, or for all connections. When this returns, the open ones follow them.
    pub(super) fn change(&self, role: Option<Role>, change: impl Fn(&mut Rules)) {
        let state = &mut *self.state();
        match role {
            Some(role) => change(state.rules(Some(role))),
            None => [None, Some(Role::Publish), Some(Role::Consume)]
                .into_iter()
                .for_each(|role| change(state.rules(role))),
        }
        let (publish, consume, other) = (state.publish, state.consume, state.other);
        for_each(state, role, |plan| {
            plan.follow(match plan.role() {
                Some(Role::Publish) => publish,
                Some(Role::Consume) => consume,
                None => other,
            });
        });
    }

    /// Puts a frame into the open connections.
    pub(super) fn inject(&self, role: Option<Role>, frame: &[u8]) {
        for_each(&self.state(), role, |plan| plan.inject(frame));
    }

    pub(super) fn count_open(&self, role: Option<Role>) -> usize {
        let state = self.state();
        state.open.values().filter(|plan| is_of(&plan.borrow(), role)).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn rules(&mut self, role: Option<Role>) -> &mut Rules {
        match role {
            Some(Role::Publish) => &mut self.publish,
            Some(Role::Consume) => &mut self.consume,
            None => &mut self.other,
        }
    }
}

impl Entry {
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// What is to be done to this connection. A change waits until nobody borrows it.
    pub(super) fn plan(&self) -> watch::Receiver<Plan> {
        self.plan.subscribe()
    }

    /// The connection has said what it is for.
    pub(super) fn identify(&self, role: Role) {
        // Under the lock, so that no change of the rules comes between.
        let mut state = self.registry.state();
        let rules = *state.rules(Some(role));
        self.plan.send_modify(|plan| plan.identify(role, rules));
    }

    /// Frames that are to be injected and that were not taken before.
    pub(super) fn take_injected(&self) -> Vec<u8> {
        let mut taken = Vec::new();
        self.plan.send_if_modified(|plan| {
            taken = plan.take_injected();
            // Nobody waits for it to be empty.
            false
        });
        taken
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.state().open.remove(&self.number);
    }
}

fn for_each(state: &State, role: Option<Role>, mut change: impl FnMut(&mut Plan)) {
    for plan in state.open.values() {
        plan.send_if_modified(|plan| {
            let is_concerned = is_of(plan, role);
            if is_concerned {
                change(plan);
            }
            is_concerned
        });
    }
}

fn is_of(plan: &Plan, role: Option<Role>) -> bool {
    role.is_none() || plan.role() == role
}
