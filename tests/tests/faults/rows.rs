//! The rows, by the ids of the fault matrix.

mod alarms;
mod broker;
mod client;
mod cluster;
pub(crate) mod elsewhere;
mod hostile;
mod login;
mod nameko;
mod network;
mod refusals;
mod replies;
mod server;
mod slow;
mod soak;
mod storm;
mod topology;

use crate::stage::Stage;

/// What a row plays on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// The node of its lane, which it leaves as it found it.
    Node,
    /// A node that nobody else uses.
    FreshNode,
    /// Three nodes of its own.
    Cluster,
}

/// One fault, and what must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) needs: Needs,
    /// About how long it takes: long ones start first.
    pub(crate) seconds: u32,
    pub(crate) run: fn(&mut Stage<'_>),
}

/// Rows of a few seconds each that do not measure how fast a busy machine is: what `--quick` runs.
pub(crate) const QUICK: &[&str] = &[
    "B1", "B2", "C1", "C2", "C5", "C6", "C10", "C12", "E1", "E2", "E4", "E8", "F5", "F7", "F8", "G1", "G2",
    "G3", "G6", "G7", "G8", "G9", "G10", "H6", "N6", "N7", "N28", "S4",
];

impl Row {
    const fn new(id: &'static str, title: &'static str, seconds: u32, run: fn(&mut Stage<'_>)) -> Self {
        Self { id, title, needs: Needs::Node, seconds, run }
    }

    const fn on(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    /// The order of the matrix: by letter, then by number.
    pub(crate) fn order(&self) -> (String, u32, String) {
        let letters: String = self.id.chars().take_while(|it| !it.is_ascii_digit()).collect();
        let rest = &self.id[letters.len()..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse().expect("an id has a number");
        (letters, number, rest[digits.len()..].to_owned())
    }
}

/// All rows, in the order of the matrix.
pub(crate) fn all() -> Vec<Row> {
    let groups = [
        broker::ROWS,
        network::ROWS,
        slow::ROWS,
        topology::ROWS,
        alarms::ROWS,
        server::ROWS,
        client::ROWS,
        cluster::ROWS,
        refusals::ROWS,
        replies::ROWS,
        hostile::ROWS,
        storm::ROWS,
        login::ROWS,
        nameko::ROWS,
        soak::ROWS,
    ];
    let mut rows = groups.concat();
    rows.sort_by_key(Row::order);
    let twice = rows.windows(2).find(|pair| pair[0].id == pair[1].id);
    assert!(twice.is_none(), "two rows have one id: {twice:?}");
    rows
}
