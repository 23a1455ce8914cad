//! Runs a command with a private RabbitMQ node.
//!
//! ```text
//! cargo run -p tests --bin with-broker -- cargo run -p examples --bin quickstart
//! ```
//!
//! The command finds the node's URL in `RPC_TRANSPORT_URL`, and `{url}` in its arguments is replaced by it. The
//! node is gone when the command ends, and this ends with the command's exit code.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use ::tests::broker::Broker;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with-broker COMMAND [ARGUMENT]...");
        return ExitCode::from(2);
    };
    let broker = Broker::start();
    let url = broker.url();
    let status = Command::new(&program)
        .args(words.map(|word| word.replace("{url}", &url)))
        .env("RPC_TRANSPORT_URL", &url)
        .status();
    match status {
        Ok(status) => ExitCode::from(code(status)),
        Err(error) => {
            eprintln!("with-broker: cannot run {program}: {error}");
            ExitCode::from(127)
        }
    }
}

/// The command's own code; 128 and the signal, as shells do it, when it was killed.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_command() {
        let run = |script: &str| code(Command::new("sh").args(["-c", script]).status().expect("a shell"));
        assert_eq!(run("exit 0"), 0);
        assert_eq!(run("exit 7"), 7);
        assert_eq!(run("kill -KILL $$"), 137);
    }
}
