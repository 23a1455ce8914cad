//! A RabbitMQ for the run of a bench.

use std::process::{Command, ExitCode};

/// Where a broker is found, for whoever has one already.
const VARIABLE: &str = "RPC_TRANSPORT_URL";

/// Runs `work` with the URL of a broker: that in `RPC_TRANSPORT_URL`, or a private one.
///
/// The private one comes from `with-broker` of the package `tests`, which runs this very program again. A development
/// dependency on that package would be shorter, but it depends on this one, with a feature that a test of this one alone
/// would then always have.
pub(crate) fn with_broker(work: impl FnOnce(&str) -> ExitCode) -> ExitCode {
    if let Ok(url) = std::env::var(VARIABLE) {
        return work(&url);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let this = std::env::current_exe().expect("the system knows this program");
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "tests", "--bin", "with-broker", "--"])
        .arg(this)
        .args(std::env::args_os().skip(1))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("the bench, or the broker that it needs, ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cargo cannot be started for a broker ({error}): start one, and set {VARIABLE}");
            ExitCode::FAILURE
        }
    }
}
