//! What the macros accept and what they answer to the rest.
//!
//! Each file in `ui/fail` breaks the rule that its name says; `TRYBUILD=overwrite` writes the answers anew, to be
//! read before they are committed.

#[test]
fn rules() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
