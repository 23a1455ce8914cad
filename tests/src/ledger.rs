//! What processes wrote down: a file that many append to and one reads.
//!
//! A fault test is judged by this file, never by counters of the library under test. A line is written with one
//! `write` to a file opened for appending, so lines of several processes do not mix, and a line that was written
//! before a SIGKILL is there afterwards.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A place to write events to. Clone the path, not the ledger: another process opens it anew.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
}

/// A line: what happened to what, when.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Microseconds since 1970, by the machine's clock, which all processes of a test share.
    pub at: u64,
    /// The process that wrote it.
    pub process: u32,
    /// What happened: `started`, `ended`, `ok`, ….
    pub event: String,
    /// What it happened to, such as a message id.
    pub subject: String,
    /// What else is known, by name.
    pub details: BTreeMap<String, String>,
}

/// The time that a line written now gets.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_micros()).expect("it is earlier than the year 586,000")
}

impl Ledger {
    /// Opens the ledger at `path`, and creates it if it is not there.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the ledger opens");
        Self { path: path.to_owned(), file }
    }

    /// Appends a line without details.
    ///
    /// # Panics
    ///
    /// As [`write_with`](Self::write_with).
    pub fn write(&self, event: &str, subject: &str) {
        self.write_with(event, subject, &[]);
    }

    /// Appends a line.
    ///
    /// # Panics
    ///
    /// When a word contains a space or a line break, or the file cannot be written.
    pub fn write_with(&self, event: &str, subject: &str, details: &[(&str, &dyn Display)]) {
        let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        assert!(is_word(event) && is_word(subject), "words only: {event:?} {subject:?}");
        let mut line = format!("{} {} {event} {subject}", now(), std::process::id());
        for (name, value) in details {
            let value = value.to_string();
            assert!(is_word(name) && is_word(&value), "words only: {name:?} {value:?}");
            write!(line, " {name}={value}").expect("text takes text");
        }
        line.push('\n');
        (&self.file).write_all(line.as_bytes()).expect("the ledger takes a line");
    }

    /// All whole lines so far, in the order of the file.
    #[must_use]
    pub fn read(&self) -> Vec<Entry> {
        let mut reader = Reader::open(&self.path);
        reader.entries();
        reader.entries
    }

    /// How often `event` happened to `subject`.
    #[must_use]
    pub fn count(&self, event: &str, subject: &str) -> usize {
        self.read().iter().filter(|entry| entry.event == event && entry.subject == subject).count()
    }
}

impl Entry {
    /// What is known under `name`.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name).map(String::as_str)
    }

    /// The number that is known under `name`.
    ///
    /// # Panics
    ///
    /// When it is there and no number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.detail(name).map(|text| text.parse().expect("a number"))
    }

    fn parse(line: &str) -> Self {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_else(|| panic!("not a line of a ledger: {line:?}"));
        let (at, process) = (next().parse().expect("a time"), next().parse().expect("a process"));
        let (event, subject) = (next().to_owned(), next().to_owned());
        let details = words.map(|word| {
            let (name, value) = word.split_once('=').expect("name=value");
            (name.to_owned(), value.to_owned())
        });
        Self { at, process, event, subject, details: details.collect() }
    }
}

/// Reads a ledger that grows, each line once.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    position: u64,
    entries: Vec<Entry>,
}

impl Reader {
    /// A reader of the ledger at `path`, which need not be there yet.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), position: 0, entries: Vec::new() }
    }

    /// All whole lines so far, in the order of the file.
    ///
    /// # Panics
    ///
    /// When what is there is no ledger.
    pub fn entries(&mut self) -> &[Entry] {
        let Ok(mut file) = File::open(&self.path) else { return &self.entries };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.position)).expect("the ledger can be read");
        file.read_to_string(&mut text).expect("the ledger is text");
        // A line that is being written has no end yet: a reader sees what a `write` has put into one page of the file
        // before it goes on to the next.
        let whole = text.rfind('\n').map_or(0, |last| last + 1);
        self.position += u64::try_from(whole).expect("a file fits");
        self.entries.extend(text[..whole].lines().map(Entry::parse));
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six pages of a file, so that many lines lie in two of them, and a name as long as a line may be.
    #[test]
    fn who_reads_while_another_writes_sees_whole_lines() {
        const LINES: usize = 12;
        let path = std::env::temp_dir().join(format!("rpc-ledger-{}", std::process::id()));
        let long = "x".repeat(2_000);
        for _ in 0..500 {
            let ledger = Ledger::open(&path);
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| (0..LINES).for_each(|_| ledger.write("wrote", &long)));
                while !writer.is_finished() {
                    assert!(ledger.read().iter().all(|entry| entry.subject == long));
                }
            });
            assert_eq!(ledger.read().len(), LINES);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
