//! A process of the bench, which answers lines with lines.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

/// Where `tests/install` puts oslo.messaging.
const PYTHON: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/oslo-messaging/bin/python");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/versus_oslo");

/// A process that runs until this is dropped.
pub(crate) struct Child {
    process: Process,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// This program again, as the server of ours.
    pub(crate) fn of_ours(url: &str) -> Self {
        let this = std::env::current_exe().expect("the system knows this program");
        Self::start(Command::new(this).args([super::SERVER, url]))
    }

    pub(crate) fn python(program: &str, arguments: &[&str]) -> Self {
        assert!(Path::new(PYTHON).exists(), "oslo.messaging is not installed: run tests/install once");
        let program = Path::new(PROGRAMS).join(program);
        let environment = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore")];
        Self::start(Command::new(PYTHON).arg(program).args(arguments).envs(environment))
    }

    fn start(command: &mut Command) -> Self {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut child = Self { process, questions, answers };
        assert_eq!(child.line(), "ready");
        child
    }

    pub(crate) fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions.as_mut().expect("open until dropped"), "{question}")
            .expect("the process reads");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the process writes text");
        assert!(line.ends_with('\n'), "a process has ended; it said why");
        line.trim_end().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}
