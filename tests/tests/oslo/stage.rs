//! Programs of both languages that write down what happens to them, and the place where they meet.

use std::path::PathBuf;
use std::time::Duration;

use tests::broker::{Broker, unique};
use tests::chaos::{Process, Words};
use tests::ledger::{Entry, Ledger};

use crate::python::{self, Python};

/// Handlers at a time of a server of ours.
pub(crate) const WORKERS: usize = 16;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    Python,
    Rust,
}

/// Where the programs meet: an exchange, a topic, and a ledger. The name of a queue is that of its topic, whatever the
/// exchange, so that stages need topics of their own.
pub(crate) struct Stage {
    name: String,
    folder: PathBuf,
}

/// A program that makes calls.
pub(crate) struct Caller {
    language: Language,
    process: Process,
}

/// Calls that a [`Caller`] makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) count: usize,
    pub(crate) deadline: Duration,
    /// How long their handler sleeps.
    pub(crate) sleep: Duration,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let name = unique("mixed");
        let folder = std::env::temp_dir().join(format!("rpc-oslo-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { name, folder }
    }

    /// What was written down so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        Ledger::open(&self.ledger()).read()
    }

    pub(crate) fn server(&self, language: Language, name: &str) -> Process {
        match language {
            Language::Python => self.python("chaos_server.py", name, &[&self.name, name]),
            Language::Rust => self.rust(env!("CARGO_BIN_EXE_chaos-server"), name, &["--grace", "20000"]),
        }
    }

    /// A listener of ours in the pool of its name, which is busy with each event for so long.
    pub(crate) fn listener(&self, pool: &str, busy: Duration) -> Process {
        let busy = busy.as_millis().to_string();
        self.rust(env!("CARGO_BIN_EXE_chaos-server"), pool, &["--listen", "--busy", &busy])
    }

    pub(crate) fn caller(&self, language: Language, name: &str) -> Caller {
        let process = match language {
            Language::Python => self.python("chaos_client.py", name, &[&self.name]),
            Language::Rust => self.rust(env!("CARGO_BIN_EXE_chaos-client"), name, &[]),
        };
        Caller { language, process }
    }

    fn python(&self, program: &str, name: &str, more: &[&str]) -> Process {
        let (url, ledger) = (Python::url(Broker::shared(), "/", ""), self.ledger());
        let program = format!("{}/{program}", python::PROGRAMS);
        let arguments = [&[&*program, &*url, &*self.name], more, &[ledger.to_str().unwrap()]].concat();
        self.start(python::PYTHON, name, &url, &arguments)
    }

    fn rust(&self, program: &str, name: &str, more: &[&str]) -> Process {
        let (url, ledger) = (format!("{}?wire=oslo", Broker::shared().url()), self.ledger());
        let workers = WORKERS.to_string();
        let arguments = [
            &["--exchange", &self.name, "--topic", &self.name, "--name", name],
            &["--workers", &workers, "--ledger", ledger.to_str().unwrap()][..],
            more,
        ];
        self.start(program, name, &url, &arguments.concat())
    }

    fn start(&self, program: &str, name: &str, url: &str, arguments: &[&str]) -> Process {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Process::start(program, name, &self.folder, url, &arguments).ready()
    }

    fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What went wrong is in there.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Caller {
    /// Makes calls and waits for their ends. Returns how many answers have come, so far, that nobody waited for.
    pub(crate) fn call(&mut self, calls: Calls) -> u64 {
        let Calls { count, deadline, sleep } = calls;
        let limit = deadline + Duration::from_secs(10);
        let words = |command: &str| Words::new(command).with("count", count).with("sleep", sleep.as_millis());
        let process = &mut self.process;
        match self.language {
            Language::Python => {
                let calls = words("calls").with("callers", 16).with("deadline", deadline.as_secs());
                process.ask_within(&calls, limit).number("orphans")
            }
            Language::Rust => {
                process.ask(&words("burst").with("kind", "call").with("deadline", deadline.as_millis()));
                process.ask_within(&Words::new("stop"), limit);
                process.measure().number("orphans")
            }
        }
    }

    /// Emits so many events, and waits for their ends.
    pub(crate) fn notify(&mut self, count: usize) {
        self.process.ask(&Words::new("burst").with("kind", "notification").with("count", count));
        self.process.ask(&Words::new("stop"));
    }
}
