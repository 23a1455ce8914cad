//! What the suite is told on its command line.
//!
//! `cargo test` hands the same arguments to every test binary, so those of the standard test harness are understood
//! as far as they make sense here, and passed over otherwise.

use std::path::PathBuf;
use std::time::Duration;

use crate::rows::{QUICK, Row};

#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Ids of rows, or parts of their titles; all rows when there is none.
    filters: Vec<String>,
    skipped: Vec<String>,
    nothing: bool,
    /// Only the rows that are worth their time at every change.
    quick: bool,
    pub(crate) list: bool,
    pub(crate) table: Option<PathBuf>,
    /// What the suite was told, for who wants the same again.
    pub(crate) command: String,
    pub(crate) seed: u64,
    pub(crate) soak: Duration,
    /// Whether rows go as far as the matrix asks, however long that takes.
    pub(crate) long: bool,
    pub(crate) lanes: usize,
    /// Whether any row that fails is run once more, with nothing beside it.
    pub(crate) again: bool,
}

impl Options {
    /// A soak of the short form; `--long` makes it ten minutes, `--minutes` as long as wanted.
    const SHORT_SOAK: Duration = Duration::from_secs(60);

    /// What the command line says, and after it the variable `RPC_TESTS_FAULTS`: what stands on the command line of
    /// `cargo test` goes to every test binary, and others do not understand it.
    pub(crate) fn read() -> Self {
        let more = std::env::var("RPC_TESTS_FAULTS").unwrap_or_default();
        Self::parse(std::env::args().skip(1).chain(more.split_whitespace().map(str::to_owned)))
    }

    fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut options = Self {
            filters: Vec::new(),
            skipped: Vec::new(),
            nothing: false,
            quick: false,
            list: false,
            table: None,
            command: String::new(),
            seed: tests::ledger::now(),
            soak: Self::SHORT_SOAK,
            long: false,
            again: false,
            lanes: std::thread::available_parallelism().map_or(2, usize::from),
        };
        let arguments: Vec<_> = arguments.into_iter().collect();
        options.command = arguments.iter().map(|word| without_folders(word)).collect::<Vec<_>>().join(" ");
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            let mut value = || value.take().or_else(|| arguments.next()).unwrap_or_default();
            match &*name {
                "--list" => options.list = true,
                "--quick" => options.quick = true,
                "--again" => options.again = true,
                "--long" => {
                    options.long = true;
                    options.soak = options.soak.max(Duration::from_secs(600));
                }
                "--minutes" => options.soak = Duration::from_secs(60 * number(&name, &value())),
                "--seed" => options.seed = number(&name, &value()),
                "--lanes" => options.lanes = usize::try_from(number(&name, &value()).max(1)).unwrap(),
                // `cargo test` runs this in the folder of its package; whoever says "docs" means that of the repository.
                "--table" => options.table = Some(PathBuf::from("..").join(value())),
                "--skip" => options.skipped.push(value()),
                // There are no ignored rows and no benchmarks.
                "--ignored" | "--bench" => options.nothing = true,
                "--test-threads" | "--format" | "--color" | "--logfile" | "--shuffle-seed" | "-Z" => {
                    value();
                }
                name if name.starts_with('-') => {}
                filter => options.filters.push(filter.to_owned()),
            }
        }
        options
    }

    /// How much of something: less in the short form.
    pub(crate) const fn amount(&self, short: u64, long: u64) -> u64 {
        if self.long { long } else { short }
    }

    pub(crate) fn wants(&self, row: &Row) -> bool {
        let listed = format!("{} {}", row.id, row.title);
        let is_meant = |filter: &String| {
            row.id.eq_ignore_ascii_case(filter) || (filter.len() > 4 && listed.contains(&**filter))
        };
        let is_wanted = self.filters.is_empty() || self.filters.iter().any(is_meant);
        let is_quick = !self.quick || QUICK.contains(&row.id);
        is_quick && is_wanted && !self.nothing && !self.skipped.iter().any(is_meant)
    }
}

/// Where a file lies on one machine is of no use on another.
fn without_folders(word: &str) -> &str {
    if word.starts_with('/') { word.rsplit('/').next().unwrap_or(word) } else { word }
}

fn number(name: &str, text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{name} takes a whole number, not {text:?}"))
}
