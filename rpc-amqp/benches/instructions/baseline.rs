//! What the hot path took when somebody last agreed to it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Instructions by operation.
pub(crate) struct Baseline(BTreeMap<String, u64>);

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/baseline");
const HEAD: &str = "# Instructions per operation. Written by `cargo bench -p rpc-amqp --features benching --bench instructions -- --record`.\n";

impl Baseline {
    /// Hash keys are random and allocators have good and bad days. Counts of one build differ by less than 1 %.
    pub(crate) const TOLERANCE: f64 = 0.05;

    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter_map(|line| {
                    let (name, count) = line.split_once(' ')?;
                    Some((name.to_owned(), count.trim().parse().expect("a number stands behind each name")))
                })
                .collect(),
        )
    }

    pub(crate) fn write<'a>(counts: impl Iterator<Item = (&'a str, u64)>) {
        let mut text = HEAD.to_owned();
        for (name, count) in counts {
            writeln!(text, "{name} {count}").unwrap();
        }
        fs::write(FILE, text).unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }
}
