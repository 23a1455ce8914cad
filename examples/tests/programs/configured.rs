//! A program that is told by a file and by variables what to do.

use std::process::Command;

use tests::broker::{Broker, unique};

use crate::program::Program;

fn configured() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_configured-server"));
    command.args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/compute.toml")]);
    command
}

#[test]
fn a_file_and_variables_say_what_to_do() {
    let mut command = configured();
    command.env("RPC_TRANSPORT_URL", Broker::shared().url()).env("RPC_EXCHANGE", unique("configured"));
    let mut program = Program::spawn(command.env("RPC_SERVER_NAME", "host-b"));
    assert_eq!(program.line(), "host-b serves 16 requests at a time; Ctrl-C stops it");
    program.terminate();
    assert!(program.status().success());
}

#[test]
fn a_mistake_is_said_with_its_place() {
    let ran = configured().env("RPC_SERVER_WORKERS", "many").output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(
        !ran.status.success() && errors.contains("the variable RPC_SERVER_WORKERS: rpc.server.workers"),
        "{errors}"
    );
    let ran = configured().env("RPC_TRANSPORT_URL", "amqp://ann:hunter2@:1").output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(errors.contains("the variable RPC_TRANSPORT_URL: host 1 is empty"), "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}
