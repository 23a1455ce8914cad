//! The process that keeps a node, and that survives us.
//!
//! Nothing that a process plans to do at its end happens after SIGKILL. So the node is the child of a small shell
//! that reads commands from a pipe whose other end only we hold: when the pipe closes, the shell kills the node.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::folder::Folder;
use super::installation::Installation;

const SCRIPT: &str = include_str!("supervise.sh");

/// The shell that runs `supervise.sh`. Dropping it ends the node and waits until it is gone.
#[derive(Debug)]
pub(super) struct Supervisor {
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    pub(super) fn spawn(
        installation: &Installation,
        folder: &Folder,
        environment: &[(String, String)],
        descriptor_limit: Option<u32>,
    ) -> Self {
        let mut command = Command::new("/bin/sh");
        // What a service of the machine, or a test runner that is one, left in our environment is not for
        // this node.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("RABBITMQ_") || text.starts_with("ERL_") || text == "NOTIFY_SOCKET" {
                command.env_remove(&name);
            }
        }
        let mut shell = command
            .args(["-c", SCRIPT])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("SCRIPTS", &installation.scripts)
            .env("FOLDER", &folder.path)
            .env("DESCRIPTOR_LIMIT", descriptor_limit.map(|limit| limit.to_string()).unwrap_or_default())
            .current_dir(&folder.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: Ctrl-C in a terminal must not reach the node before its data is removed.
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        let commands = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("the output is piped"));
        Self { shell, commands, answers }
    }

    /// Sends a command and waits for its answer.
    pub(super) fn ask(&mut self, command: &str) -> String {
        let commands = self.commands.as_mut().expect("open until dropped");
        writeln!(commands, "{command}").expect("the supervising shell reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the supervising shell answers");
        assert!(!answer.is_empty(), "the supervising shell has ended");
        answer.trim_end().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.shell.wait();
    }
}
