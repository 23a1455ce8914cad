//! What is printed, for people or for programs.

mod table;

use std::io::{ErrorKind, Write};

use serde::Serialize;

pub(crate) use self::table::Table;
use crate::arguments::OutputForm;
use crate::failure::Failure;

/// Where results are printed: standard output for what was asked for, standard error for what went wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    form: OutputForm,
}

impl Output {
    pub(crate) const fn new(form: OutputForm) -> Self {
        Self { form }
    }

    /// Prints `value` for programs, or what `table` makes of it for people.
    pub(crate) fn show<T: Serialize + ?Sized>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let text = match self.form {
            OutputForm::Table => table(value),
            OutputForm::Json => json(value)?,
        };
        print(&text)
    }

    /// Says to people what an empty table means.
    pub(crate) fn note_nothing(self, text: &str) {
        if self.form == OutputForm::Table {
            self.note(text);
        }
    }

    /// Says something to people that is no result.
    pub(crate) fn note(self, text: impl std::fmt::Display) {
        // Standard error may be closed, which is no reason to stop.
        let _ = writeln!(std::io::stderr(), "rpc: {text}");
    }

    pub(crate) fn failure(self, failure: &Failure) {
        match self.form {
            OutputForm::Table => self.note(failure),
            OutputForm::Json => drop(writeln!(std::io::stderr(), "{}", failure.to_json())),
        }
    }
}

/// Prints text that ends in a line break, or gets one. Whoever reads it may have seen enough, as `head` does.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Names come from strangers: what could move the cursor is replaced.
pub(crate) fn readable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// `value` as JSON on several lines.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::System(error.into()))
}

/// A time of so many microseconds, in three digits or so.
pub(crate) fn microseconds(time: u64) -> String {
    match time {
        0..1_000 => format!("{time}us"),
        1_000..10_000 => format!("{:.1}ms", time as f64 / 1_000.0),
        10_000..1_000_000 => format!("{}ms", time / 1_000),
        1_000_000..60_000_000 => format!("{:.1}s", time as f64 / 1_000_000.0),
        _ => uptime(time / 1_000),
    }
}

/// A time of so many milliseconds, in its two largest units.
pub(crate) fn uptime(time: u64) -> String {
    let seconds = time / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m{}s", seconds % 60),
        3_600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let shown = [0, 999, 1_234, 45_678, 1_234_567, 61_000_000].map(microseconds);
        assert_eq!(shown, ["0us", "999us", "1.2ms", "45ms", "1.2s", "1m1s"]);
        assert_eq!([59_999, 3_600_000, 90_000_000].map(uptime), ["59s", "1h0m", "1d1h"]);
    }
}
