//! What is to be done to a connection.

use super::mode::{Direction, Mode};
use super::role::Role;

/// How a proxy ends a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// FIN to both.
    Cut,
    /// RST to both.
    Reset,
    /// FIN to the client; the broker's side stays open.
    Orphan,
}

/// What is done to connections of one role, open and new ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rules {
    upstream: Mode,
    downstream: Mode,
    end: Option<End>,
}

/// What is done to one connection.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    rules: Rules,
    role: Option<Role>,
    /// Frames for the client that no pump has taken yet.
    injected: Vec<u8>,
}

/// The most bytes that wait to be injected into a connection.
const MOST_INJECTED: usize = 1024 * 1024;

impl Rules {
    pub(super) const PASS: Self = Self { upstream: Mode::Pass, downstream: Mode::Pass, end: None };

    pub(super) fn set(&mut self, direction: Direction, mode: Mode) {
        if direction != Direction::Downstream {
            self.upstream = mode;
        }
        if direction != Direction::Upstream {
            self.downstream = mode;
        }
    }

    pub(super) const fn end(&mut self, end: End) {
        self.end = Some(end);
    }
}

impl Plan {
    pub(super) const fn new(rules: Rules) -> Self {
        Self { rules, role: None, injected: Vec::new() }
    }

    pub(super) const fn mode(&self, direction: Direction) -> Mode {
        match direction {
            Direction::Downstream => self.rules.downstream,
            Direction::Upstream | Direction::Both => self.rules.upstream,
        }
    }

    pub(super) const fn ended(&self) -> Option<End> {
        self.rules.end
    }

    pub(super) const fn role(&self) -> Option<Role> {
        self.role
    }

    /// The rules have changed. An end stays what it was; but an orphan's other half ends with the rule.
    pub(super) fn follow(&mut self, rules: Rules) {
        let end = match self.rules.end {
            Some(End::Orphan) => rules.end.or(Some(End::Cut)),
            Some(end) => Some(end),
            None => rules.end,
        };
        self.rules = Rules { end, ..rules };
    }

    pub(super) fn identify(&mut self, role: Role, rules: Rules) {
        self.role = Some(role);
        self.follow(rules);
    }

    pub(super) fn inject(&mut self, frame: &[u8]) {
        assert!(self.injected.len() + frame.len() <= MOST_INJECTED, "more frames wait than a proxy keeps");
        self.injected.extend_from_slice(frame);
    }

    pub(super) fn take_injected(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.injected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(end: Option<End>) -> Rules {
        Rules { end, ..Rules::PASS }
    }

    #[test]
    fn a_direction_is_set_alone_or_with_the_other() {
        let modes = |direction| {
            let mut rules = Rules::PASS;
            rules.set(direction, Mode::Hold);
            let plan = Plan::new(rules);
            (plan.mode(Direction::Upstream), plan.mode(Direction::Downstream))
        };
        assert_eq!(modes(Direction::Upstream), (Mode::Hold, Mode::Pass));
        assert_eq!(modes(Direction::Downstream), (Mode::Pass, Mode::Hold));
        assert_eq!(modes(Direction::Both), (Mode::Hold, Mode::Hold));
    }

    #[test]
    fn an_end_is_final() {
        for end in [End::Cut, End::Reset] {
            for next in [None, Some(End::Cut), Some(End::Reset), Some(End::Orphan)] {
                let mut plan = Plan::new(ended(Some(end)));
                plan.follow(ended(next));
                assert_eq!(plan.ended(), Some(end));
            }
        }
    }

    #[test]
    fn an_orphan_is_closed_when_its_rule_ends() {
        let nexts = [(None, End::Cut), (Some(End::Orphan), End::Orphan), (Some(End::Reset), End::Reset)];
        for (next, expected) in nexts {
            let mut plan = Plan::new(ended(Some(End::Orphan)));
            plan.follow(ended(next));
            assert_eq!(plan.ended(), Some(expected));
        }
    }
}
