//! The table in `docs/conformance.md` is complete, and that of the sources beside it.

use tests::conformance_table::{FILE, Table, repository};

const AGAIN: &str = "write it anew with `cargo run -p tests --bin conformance-table`";

#[test]
fn every_row_has_a_test_or_a_reason() {
    let problems = Table::read().problems();
    assert!(problems.is_empty(), "in tests/conformance.rows:\n{}", problems.join("\n"));
}

#[test]
fn the_table_is_that_of_the_sources_and_every_result_is_ok() {
    let written = std::fs::read_to_string(repository().join(FILE)).unwrap_or_default();
    let wanted = Table::read().with_results_of(&written);
    let differing = wanted.lines().zip(written.lines()).find(|(wanted, written)| wanted != written);
    assert!(wanted == written, "{FILE} is stale, first here (or at its end): {differing:#?}; {AGAIN}");
    let not_ok = Table::not_ok(&written);
    assert!(not_ok.is_empty(), "{FILE} has rows that were not ok: {not_ok:?}; {AGAIN}");
}
