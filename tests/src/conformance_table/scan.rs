//! The tests of this repository by their names, without building them.

use std::path::Path;

/// A test, and the rows that its name begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Test {
    /// Such as `RD-07`; never empty.
    pub rows: Vec<String>,
    /// The name of the binary that it is in.
    pub binary: String,
    /// Its name there, with its modules.
    pub path: String,
    /// Its file, seen from the root of the repository.
    pub file: String,
    /// Its name alone.
    pub name: String,
}

/// Whether a text has the form of the id of a row.
pub(super) fn is_row(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        let is_area = area.len() == 2 && area.bytes().all(|byte| byte.is_ascii_uppercase());
        is_area && is_number(number)
    })
}

fn is_number(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The rows that a name begins with: `rd_07_08_dv_03_and_more` those of RD and DV. Of `is_12_…` and the like nothing is
/// known but that there is no such row, which is told to whoever wrote the name.
pub(super) fn rows_of(name: &str) -> Vec<String> {
    let (mut rows, mut area) = (Vec::new(), None);
    let words: Vec<_> = name.split('_').collect();
    for (index, word) in words.iter().enumerate() {
        let is_area = word.len() == 2 && words.get(index + 1).is_some_and(|next| is_number(next));
        match &area {
            Some(area) if is_number(word) => rows.push(format!("{area}-{word}")),
            _ if is_area && !is_number(word) => area = Some(word.to_uppercase()),
            _ => break,
        }
    }
    rows
}

/// All tests below the root of a workspace that show a row, in the order of their files.
pub(super) fn tests(root: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for package in entries(root) {
        if root.join(&package).join("Cargo.toml").exists() {
            for folder in ["src", "tests"] {
                visit(root, &[package.clone(), folder.to_owned()], &mut tests);
            }
        }
    }
    tests
}

fn visit(root: &Path, place: &[String], tests: &mut Vec<Test>) {
    let path = root.join(place.join("/"));
    for name in entries(&path) {
        let place = [place, &[name]].concat();
        if path.join(&place[place.len() - 1]).is_dir() {
            visit(root, &place, tests);
        } else if let Some(unit) = Unit::of(&place) {
            let text = std::fs::read_to_string(root.join(&unit.file)).unwrap_or_default();
            unit.read(&text, tests);
        }
    }
}

/// The names in a folder, in order; none when there is no such folder.
fn entries(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// A source file, as the compiler sees it.
struct Unit {
    binary: String,
    modules: Vec<String>,
    file: String,
}

impl Unit {
    /// Of the path of a file, from its package on. Binaries have no tests of rows.
    fn of(place: &[String]) -> Option<Self> {
        let file = place.join("/");
        let mut names: Vec<_> = place.to_vec();
        let last = names.pop()?;
        names.push(last.strip_suffix(".rs")?.to_owned());
        let (binary, modules) = match (names[1].as_str(), &names[2..]) {
            ("src", [first, ..]) if first == "bin" => return None,
            ("src", modules) => (names[0].replace('-', "_"), modules),
            (_, [binary, modules @ ..]) => (binary.clone(), modules),
            _ => return None,
        };
        let modules = modules.iter().filter(|name| !["lib", "main"].contains(&name.as_str()));
        Some(Self { binary, modules: modules.cloned().collect(), file })
    }

    /// Finds functions below `#[test]` or `#[tokio::test]`. The format of the sources says which module a line is in: one
    /// ends at a brace with the indentation of its beginning.
    fn read(&self, text: &str, tests: &mut Vec<Test>) {
        let mut modules: Vec<(usize, &str)> = Vec::new();
        let mut is_test = false;
        for line in text.lines() {
            let code = line.trim_start();
            let indentation = line.len() - code.len();
            if code == "}" && modules.last().is_some_and(|(start, _)| *start == indentation) {
                modules.pop();
            } else if let Some(name) = code.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
                modules.push((indentation, name));
            } else if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(rest) = code.strip_prefix("async ").unwrap_or(code).strip_prefix("fn ") {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                let rows = if is_test { rows_of(name) } else { Vec::new() };
                is_test = false;
                if !rows.is_empty() {
                    let inner = modules.iter().map(|(_, name)| *name);
                    let path: Vec<_> =
                        self.modules.iter().map(String::as_str).chain(inner).chain([name]).collect();
                    tests.push(Test {
                        rows,
                        binary: self.binary.clone(),
                        path: path.join("::"),
                        file: self.file.clone(),
                        name: name.to_owned(),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_its_rows() {
        assert_eq!(rows_of("rd_07_08_dv_03_and_more"), ["RD-07", "RD-08", "DV-03"]);
        assert_eq!(rows_of("fn_23_205_events_in_batches_of_100"), ["FN-23"]);
        assert_eq!(rows_of("dv_36_times_are_written_as_python_does"), ["DV-36"]);
        for name in ["", "what_is_12_of_it", "a_12", "is_it", "12_is", "as_1", "rd"] {
            assert!(rows_of(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn tests_are_named_as_their_binaries_name_them() {
        let text = "#[test]\nfn aa_01_a() {}\n\nfn aa_02_helper() {}\n\n#[cfg(test)]\nmod tests {\n    #[tokio::test(start)]\n    \
                    async fn aa_03_b() {}\n    mod deep {\n        proptest! {\n            #[test]\n            #[cfg(x)]\n            \
                    fn aa_04_c(d in e) {}\n        }\n    }\n}\n\n#[test]\nfn aa_05_d() {}\n";
        let found = |place: &[&str]| {
            let place: Vec<_> = place.iter().map(|&name| name.to_owned()).collect();
            let mut tests = Vec::new();
            if let Some(unit) = Unit::of(&place) {
                unit.read(text, &mut tests);
            }
            tests.into_iter().map(|test| format!("{} {}", test.binary, test.path)).collect::<Vec<_>>()
        };
        let expected = ["a", "tests::aa_03_b", "tests::deep::aa_04_c", "aa_05_d"];
        let expected = |before: &str| {
            let names = expected.map(|name| if name == "a" { "aa_01_a" } else { name });
            names.map(|name| format!("{before}{name}")).to_vec()
        };
        assert_eq!(found(&["rpc-x", "src", "lib.rs"]), expected("rpc_x "));
        assert_eq!(found(&["rpc-x", "src", "a", "b.rs"]), expected("rpc_x a::b::"));
        assert_eq!(found(&["rpc-x", "tests", "t.rs"]), expected("t "));
        assert_eq!(found(&["rpc-x", "tests", "t", "main.rs"]), expected("t "));
        assert_eq!(found(&["rpc-x", "tests", "t", "m.rs"]), expected("t m::"));
        assert!(found(&["rpc-x", "src", "bin", "b.rs"]).is_empty());
        assert!(found(&["rpc-x", "tests", "t.txt"]).is_empty());
    }
}
