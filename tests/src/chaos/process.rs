//! A program that runs, as the suite sees it: signals, commands, and what it holds.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Words;

/// How long a program may take to start or to answer.
pub const SOON: Duration = Duration::from_secs(20);

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    /// What it is called in messages.
    pub name: String,
    /// Where its standard error goes.
    pub log: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// Starts a program whose standard error goes to a file in `folder`.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn start(path: &str, name: &str, folder: &Path, url: &str, arguments: &[String]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = Command::new(path)
            .args(arguments)
            .env("RPC_TRANSPORT_URL", url)
            // The lines of logs are counted.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { name: name.to_owned(), log, input: child.stdin.take(), child, lines }
    }

    /// Waits until it says that it is ready.
    ///
    /// # Panics
    ///
    /// When it does not, with the end of its log.
    #[must_use]
    pub fn ready(self) -> Self {
        let line = self.lines.recv_timeout(SOON);
        // In quotes, from one that writes JSON.
        let is_ready = line.is_ok_and(|line| line.trim_matches('"') == "ready");
        assert!(is_ready, "{} does not start: {}", self.name, self.end_of_log());
        self
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives a command, and returns its answer.
    ///
    /// # Panics
    ///
    /// When it does not come within `limit`.
    pub fn ask_within(&mut self, command: &Words, limit: Duration) -> Words {
        let input = self.input.as_mut().expect("the program was not told to end");
        let written = writeln!(input, "{command}");
        let answer = written.ok().and_then(|()| self.lines.recv_timeout(limit).ok());
        answer
            .unwrap_or_else(|| {
                panic!("{} has no answer to {command} after {limit:?}: {}", self.name, self.end_of_log())
            })
            .parse()
            .unwrap()
    }

    /// Gives a command that has no answer.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn tell(&mut self, command: &Words) {
        writeln!(self.input.as_mut().expect("the program was not told to end"), "{command}").unwrap();
    }

    /// As [`ask_within`](Self::ask_within) [`SOON`].
    pub fn ask(&mut self, command: &Words) -> Words {
        self.ask_within(command, SOON)
    }

    /// What it holds.
    pub fn measure(&mut self) -> Words {
        self.ask(&Words::new("measure"))
    }

    /// Sends a signal: `TERM`, `STOP`, `CONT`, `KILL`.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(status.unwrap().success(), "{} is gone: {}", self.name, self.end_of_log());
    }

    /// Kills it, and waits until it is gone. Returns the id that its process had.
    #[must_use]
    pub fn kill(mut self) -> u32 {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.id()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    ///
    /// When nobody can say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends its input, and waits for its end; `None` when it is still there after `limit`.
    pub fn end(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.input = None;
        self.wait(limit)
    }

    /// Waits for its end; `None` when it is still there after `limit`.
    ///
    /// # Panics
    ///
    /// When nobody can say.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() > until => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// What it has written to its standard error.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
