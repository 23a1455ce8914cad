//! Counts instructions.

use std::process::Command;
use std::{env, fs, process};

const FEW: u64 = 200;
const MANY: u64 = 2_200;

/// Instructions per operation.
pub(crate) fn instructions(operation: &str) -> u64 {
    (total(operation, MANY) - total(operation, FEW)) / (MANY - FEW)
}

/// All instructions of a process that does the operation `count` times.
fn total(operation: &str, count: u64) -> u64 {
    let file = env::temp_dir().join(format!("rpc-instructions-{}", process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe().expect("the system knows this program"))
        .args(["run", operation, &count.to_string()])
        .output()
        .expect("valgrind is installed: tests/install valgrind");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{operation} failed under valgrind:\n{errors}");
    let profile = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let total = profile.lines().find_map(|line| line.strip_prefix("summary: "));
    total.and_then(|total| total.trim().parse().ok()).expect("a profile has a summary")
}
