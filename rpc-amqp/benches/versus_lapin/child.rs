//! A process of the bench, as the director sees it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command as Program, Stdio};
use std::time::Duration;

use super::command::{Answer, Command, Side};
use super::role::Role;

/// A process that runs until this is dropped.
pub(crate) struct Child {
    process: Process,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(role: Role, side: Side, url: &str) -> Self {
        let mut process = Program::new(std::env::current_exe().expect("the system knows this program"))
            .args([role.as_str(), side.as_str(), url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut child = Self { process, commands, answers };
        match child.answer() {
            Answer::Ready => child,
            other => panic!("a process began with {other:?}"),
        }
    }

    pub(crate) fn ask(&mut self, command: Command) -> Answer {
        let line = serde_json::to_string(&command).unwrap();
        writeln!(self.commands.as_mut().expect("open until dropped"), "{line}").expect("the process reads");
        self.answer()
    }

    pub(crate) fn used(&mut self) -> Duration {
        match self.ask(Command::Usage) {
            Answer::Used(time) => time,
            other => panic!("asked for its CPU time, a process said {other:?}"),
        }
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the process writes text");
        serde_json::from_str(&line).expect("the process has ended; it said why")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}
