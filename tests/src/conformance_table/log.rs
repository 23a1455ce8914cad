//! What a run of `cargo test` said.

use std::collections::BTreeMap;

use super::Test;

/// Which tests passed.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<(String, String), bool>);

impl Results {
    /// Reads what `cargo test` wrote, both of its outputs in the order in which they came.
    #[must_use]
    pub fn read(log: &str) -> Self {
        let mut results = BTreeMap::new();
        let mut binary = None;
        for line in log.lines() {
            let line = line.trim();
            if line.starts_with("Doc-tests ") {
                binary = None;
            } else if let Some(place) = line.strip_prefix("Running ") {
                binary = name_of_binary(place).or(binary);
            } else if let (Some(binary), Some((path, passed))) = (&binary, outcome(line)) {
                // What was run twice has to pass twice.
                let result = results.entry((binary.clone(), path)).or_insert(true);
                *result &= passed;
            }
        }
        Self(results)
    }

    /// Whether a test passed; nothing when it was not run.
    #[must_use]
    pub fn of(&self, test: &Test) -> Option<bool> {
        self.0.get(&(test.binary.clone(), test.path.clone())).copied()
    }
}

/// Of `tests/oslo/main.rs (target/debug/deps/oslo-0f1e2d3c)`.
fn name_of_binary(place: &str) -> Option<String> {
    let path = place.strip_suffix(')')?.rsplit_once('(')?.1;
    let file = path.rsplit('/').next()?;
    file.rsplit_once('-').map(|(name, _)| name.to_owned())
}

/// Of `test path::to::it ... ok`. One that is ignored was not run.
fn outcome(line: &str) -> Option<(String, bool)> {
    let (path, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let path = path.strip_suffix(" - should panic").unwrap_or(path);
    let passed = match result.split(' ').next()? {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    Some((path.to_owned(), passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_known_by_its_binary_and_its_path() {
        let log = "
     Running unittests src/lib.rs (target/debug/deps/rpc_amqp-0f)
test a::aa_01 ... ok
test a::aa_02 ... FAILED
test a::aa_03 ... ignored
     Running tests/oslo/main.rs (/tmp/deps/oslo-1f)
running 1 test
test a::aa_01 ... FAILED
   Doc-tests rpc_amqp
test a::aa_04 ... ok
";
        let results = Results::read(log);
        let result = |binary: &str, path: &str| {
            let test = |text: &str| text.to_owned();
            results.of(&Test {
                rows: Vec::new(),
                binary: test(binary),
                path: test(path),
                file: String::new(),
                name: String::new(),
            })
        };
        assert_eq!(result("rpc_amqp", "a::aa_01"), Some(true));
        assert_eq!(result("rpc_amqp", "a::aa_02"), Some(false));
        assert_eq!(result("rpc_amqp", "a::aa_03"), None);
        assert_eq!(result("oslo", "a::aa_01"), Some(false));
        assert_eq!(result("oslo", "a::aa_04"), None);
    }
}
