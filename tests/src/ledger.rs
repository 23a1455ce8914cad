//! What processes wrote down: a file that many append to and one reads.
//!
//! A fault test is judged by this file, never by counters of the library under test. A line is written with one
//! `write` to a file opened for appending, so lines of several processes do not mix, and a line that was written
//! before a SIGKILL is there afterwards.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A place to write events to. Clone the path, not the ledger: another process opens it anew.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
}

/// A line: what happened to what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The process that wrote it.
    pub process: u32,
    /// What happened: `started`, `ended`, `ok`, ….
    pub event: String,
    /// What it happened to, such as a message id.
    pub subject: String,
}

impl Ledger {
    /// Opens the ledger at `path`, and creates it if it is not there.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the ledger opens");
        Self { path: path.to_owned(), file }
    }

    /// Appends a line.
    ///
    /// # Panics
    ///
    /// When a word contains a space or a line break, or the file cannot be written.
    pub fn write(&self, event: &str, subject: &str) {
        let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        assert!(is_word(event) && is_word(subject), "words only: {event:?} {subject:?}");
        let line = format!("{} {event} {subject}\n", std::process::id());
        (&self.file).write_all(line.as_bytes()).expect("the ledger takes a line");
    }

    /// All lines so far, in the order of the file.
    #[must_use]
    pub fn read(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(&self.path).expect("the ledger is text");
        text.lines().map(Entry::parse).collect()
    }

    /// How often `event` happened to `subject`.
    #[must_use]
    pub fn count(&self, event: &str, subject: &str) -> usize {
        self.read().iter().filter(|entry| entry.event == event && entry.subject == subject).count()
    }
}

impl Entry {
    fn parse(line: &str) -> Self {
        let [process, event, subject] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a line of a ledger: {line:?}");
        };
        Self { process: process.parse().unwrap(), event: event.to_owned(), subject: subject.to_owned() }
    }
}
