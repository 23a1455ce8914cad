//! A program that runs, what it prints, and what it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::broker::Broker;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    /// Starts one against the shared broker.
    pub(crate) fn start(path: &str, arguments: &[&str]) -> Self {
        Self::start_at(path, &Broker::shared().url(), arguments)
    }

    /// Starts one against another broker.
    pub(crate) fn start_at(path: &str, url: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(path).args(["--transport-url", url]).args(arguments))
    }

    /// Starts one in Python, with oslo.messaging, of a folder beside this package.
    pub(crate) fn python(program: &str, arguments: &[&str]) -> Self {
        let python = concat!(env!("CARGO_TARGET_TMPDIR"), "/oslo-messaging/bin/python");
        assert!(Path::new(python).exists(), "oslo.messaging is not installed: run tests/install once");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(program);
        let environment = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore")];
        Self::spawn(Command::new(python).arg(program).args(arguments).envs(environment))
    }

    /// Starts one as it is described.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { input: child.stdin.take(), child, lines }
    }

    /// All lines until its end.
    pub(crate) fn rest(&self) -> Vec<String> {
        let next = || match self.lines.recv_timeout(SOON) {
            Err(RecvTimeoutError::Timeout) => panic!("the program ends soon"),
            line => line.ok(),
        };
        std::iter::from_fn(next).collect()
    }

    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(SOON).expect("the program prints a line soon")
    }

    /// Waits for a line that contains `text`.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let until = Instant::now() + SOON;
        while Instant::now() < until {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line with {text:?} came");
    }

    pub(crate) fn write(&mut self, line: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Asks the program to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Kills the program (SIGKILL), and waits until it is gone.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Waits for the end of the program.
    pub(crate) fn status(&mut self) -> ExitStatus {
        self.status_within(SOON)
    }

    /// Waits so long for the end of the program.
    pub(crate) fn status_within(&mut self, limit: Duration) -> ExitStatus {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the program ends within {limit:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An interop server that has said that it is ready.
pub(crate) fn server(topic: &str, name: &str) -> Program {
    let program = Program::start(env!("CARGO_BIN_EXE_interop-server"), &["--topic", topic, "--server", name]);
    assert_eq!(program.line(), "ready");
    program
}

/// An interop client.
pub(crate) struct Client {
    pub(crate) program: Program,
    next_id: u64,
    answers: HashMap<u64, Value>,
    pub(crate) events: Vec<Value>,
}

impl Client {
    pub(crate) fn start() -> Self {
        Self::start_at(&Broker::shared().url())
    }

    /// One at another URL.
    pub(crate) fn start_at(url: &str) -> Self {
        let program = Program::start_at(env!("CARGO_BIN_EXE_interop-client"), url, &[]);
        Self { program, next_id: 0, answers: HashMap::new(), events: Vec::new() }
    }

    /// Writes an operation and returns its id.
    pub(crate) fn send(&mut self, mut operation: Value) -> u64 {
        self.next_id += 1;
        operation["id"] = json!(self.next_id);
        self.program.write(&operation);
        self.next_id
    }

    /// The answer to an operation. Answers come in any order.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            self.take_line();
        }
    }

    /// Takes one line in: an event or an answer.
    pub(crate) fn take_line(&mut self) {
        let line = self.program.line();
        self.take(&line);
    }

    /// Takes a line in if one comes within 50 ms.
    pub(crate) fn take_line_if_any(&mut self) {
        if let Ok(line) = self.program.lines.recv_timeout(Duration::from_millis(50)) {
            self.take(&line);
        }
    }

    fn take(&mut self, line: &str) {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line.get("event").is_some() {
            self.events.push(line["event"].take());
        } else {
            self.answers.insert(line["id"].as_u64().unwrap(), line);
        }
    }

    pub(crate) fn perform(&mut self, operation: Value) -> Value {
        let id = self.send(operation);
        self.answer(id)
    }

    /// Calls and expects a result.
    pub(crate) fn call(
        &mut self,
        topic: &str,
        server: Option<&str>,
        method: &str,
        arguments: Value,
    ) -> Value {
        let mut answer = self.perform(call(topic, server, method, arguments));
        assert!(answer.get("ok").is_some(), "{method} of {topic}: {answer}");
        answer["ok"].take()
    }
}

pub(crate) fn call(topic: &str, server: Option<&str>, method: &str, arguments: Value) -> Value {
    json!({"op": "call", "topic": topic, "server": server, "method": method, "args": arguments, "timeout": 10.0})
}
