//! Which test shows which behaviour of oslo.messaging: the table in `docs/conformance.md`.
//!
//! The behaviours are the rows of `tests/conformance.rows`. A test belongs to the rows that its name begins with:
//! `rd_07_08_dv_03_…` shows RD-07, RD-08 and DV-03. A row without a test says why it has none. The results are those of
//! a run of the tests; `cargo run -p tests --bin conformance-table` does it all.

mod log;
mod rows;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub use self::log::Results;
use self::rows::{Note, Row, Section};
pub use self::scan::Test;

/// The rows, and the tests that show them.
#[derive(Debug)]
pub struct Table {
    sections: Vec<Section>,
    tests: Vec<Test>,
}

/// The root of this repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the table is, seen from the root of the repository.
pub const FILE: &str = "docs/conformance.md";

const ROWS: &str = "tests/conformance.rows";
const OK: &str = "ok";
/// Of a row without a test.
const NOTHING: &str = "–";

impl Table {
    /// Reads the rows, and the names of all tests, from the sources of this repository.
    ///
    /// # Panics
    ///
    /// When a row cannot be read.
    #[must_use]
    pub fn read() -> Self {
        let root = repository();
        let rows = std::fs::read_to_string(root.join(ROWS)).expect(ROWS);
        Self { sections: rows::read(&rows), tests: scan::tests(&root) }
    }

    /// The tests that show any row.
    #[must_use]
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Rows that nothing shows or explains, and tests of rows that there are none of.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let known: BTreeSet<_> = self.rows().map(|row| row.id.as_str()).collect();
        let unknown = self.tests.iter().flat_map(|test| {
            let unknown = test.rows.iter().filter(|id| !known.contains(id.as_str()));
            unknown.map(|id| format!("{} is a test of {id}, which is no row", test.name))
        });
        let rows = self.rows().filter_map(|row| {
            let has_tests = self.tests_of(row).next().is_some();
            let problem = match (&row.note, has_tests) {
                (None, false) => "has neither a test nor a reason why not",
                (Some(Note::Differs(_) | Note::Remark(_)), false) => "has a remark on its tests, and none",
                (Some(Note::Without(_)), true) => "has a test, and a reason why not",
                _ => return None,
            };
            Some(format!("{} {problem}", row.id))
        });
        unknown.chain(rows).collect()
    }

    /// The table as it should be, with the results of a run.
    #[must_use]
    pub fn with(&self, results: &Results) -> String {
        self.render(|row| {
            let outcomes: Vec<_> = self.tests_of(row).map(|test| results.of(test)).collect();
            if outcomes.is_empty() {
                NOTHING
            } else if outcomes.contains(&Some(false)) {
                "**failed**"
            } else if outcomes.contains(&None) {
                "not run"
            } else {
                OK
            }
            .to_owned()
        })
    }

    /// The table as it should be, with the results that stand in another one.
    #[must_use]
    pub fn with_results_of(&self, table: &str) -> String {
        let results: BTreeMap<_, _> = table.lines().filter_map(id_and_result).collect();
        self.render(|row| results.get(row.id.as_str()).copied().unwrap_or_default().to_owned())
    }

    /// The rows of a table whose tests did not all pass.
    #[must_use]
    pub fn not_ok(table: &str) -> Vec<&str> {
        let rows = table.lines().filter_map(id_and_result);
        rows.filter(|(_, result)| ![OK, NOTHING].contains(result)).map(|(id, _)| id).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|section| &section.rows)
    }

    fn tests_of<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Test> {
        self.tests.iter().filter(|test| test.rows.contains(&row.id))
    }

    fn render(&self, result: impl Fn(&Row) -> String) -> String {
        let mut text = self.heading();
        for section in &self.sections {
            write!(text, "\n## {}\n\n| row | behaviour | test, or why not | result |\n", section.title)
                .unwrap();
            text.push_str("|---|---|---|---|\n");
            for row in &section.rows {
                let Row { id, behaviour, .. } = row;
                writeln!(text, "| {id} | {behaviour} | {} | {} |", self.shown(row), result(row)).unwrap();
            }
        }
        text
    }

    fn heading(&self) -> String {
        let count = |is_counted: fn(&Row, bool) -> bool| {
            self.rows().filter(|row| is_counted(row, self.tests_of(row).next().is_some())).count()
        };
        let (rows, tested) = (count(|_, _| true), count(|_, has_tests| has_tests));
        let differing = count(|row, has_tests| has_tests && matches!(row.note, Some(Note::Differs(_))));
        format!(
            "# Conformance to oslo.messaging\n\nWritten by `cargo run -p tests --bin conformance-table` from \
             `{ROWS}`, the names of the tests and their results.\n\nA row is a behaviour of oslo.messaging 18.3.1. A test \
             has the rows that it shows in its name. Of {rows} rows {tested} have a test; in {differing} of these what is \
             done here differs on purpose, *here* says how, and the test shows ours. {} rows have none, and say why.\n",
            rows - tested
        )
    }

    /// The third column.
    fn shown(&self, row: &Row) -> String {
        let tests = self.tests_of(row).map(|test| format!("[`{}`](../{})", test.name, test.file));
        let mut parts: Vec<_> = tests.collect();
        let has_tests = !parts.is_empty();
        parts.extend(match &row.note {
            Some(Note::Differs(text)) => Some(format!("*Here:* {text}")),
            Some(Note::Pending(text)) => (!has_tests).then(|| format!("*Not yet:* {text}")),
            Some(Note::Remark(text) | Note::Without(text)) => Some(text.clone()),
            None => None,
        });
        parts.join("<br>")
    }
}

/// The first and the last cell of a line of the table.
fn id_and_result(line: &str) -> Option<(&str, &str)> {
    let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (id, rest) = cells.split_once(" | ")?;
    let (_, result) = rest.rsplit_once(" | ")?;
    scan::is_row(id).then_some((id, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str, names: &[&str]) -> Table {
        let tests = names.iter().map(|name| Test {
            rows: scan::rows_of(name),
            binary: "b".to_owned(),
            path: format!("m::{name}"),
            file: "c/src/m.rs".to_owned(),
            name: (*name).to_owned(),
        });
        Table { sections: rows::read(rows), tests: tests.collect() }
    }

    #[test]
    fn every_row_needs_a_test_or_a_reason() {
        let rows = "## S\nAA-01 | tested\nAA-02 | forgotten\nAA-03 | explained | none: no such thing\n\
                    AA-04 | changed | differs: more\nAA-05 | later | pending: soon";
        let problems = table(rows, &["aa_01_x", "aa_03_09_y"]).problems();
        let expected = [
            "aa_03_09_y is a test of AA-09, which is no row",
            "AA-02 has neither a test nor a reason why not",
            "AA-03 has a test, and a reason why not",
            "AA-04 has a remark on its tests, and none",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn results_are_those_of_all_tests_of_a_row() {
        let names = ["aa_01_x", "aa_01_y", "aa_02_z"];
        let table = table("## S\nAA-01 | one\nAA-02 | two\nAA-03 | three | none: why", &names);
        let run = |results: &[(&str, &str)]| {
            let lines = results.iter().map(|(name, result)| format!("test m::{name} ... {result}\n"));
            format!("     Running src (target/debug/deps/b-0f)\n{}", lines.collect::<String>())
        };
        let not_ok = |log: &str| {
            let text = table.with(&Results::read(log));
            assert_eq!(table.with_results_of(&text), text);
            Table::not_ok(&text).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let all = [("aa_01_x", "ok"), ("aa_01_y", "ok"), ("aa_02_z", "ok")];
        assert!(not_ok(&run(&all)).is_empty());
        assert_eq!(not_ok(&run(&[all[0], ("aa_01_y", "FAILED"), all[2]])), ["AA-01"]);
        assert_eq!(not_ok(&run(&all[..2])), ["AA-02"]);
    }

    #[test]
    fn a_table_with_other_rows_or_tests_is_another_one() {
        let before = table("## S\nAA-01 | one", &["aa_01_x"]).with(&Results::default());
        for after in [table("## S\nAA-01 | once", &["aa_01_x"]), table("## S\nAA-01 | one", &["aa_01_y"])] {
            assert_ne!(after.with_results_of(&before), before);
        }
    }
}
