//! How far a load is, for who waits at a terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::measured::Measured;

/// How wide the bar is.
const WIDTH: usize = 30;
/// What goes to the start of the line and clears it.
const CLEAR: &str = "\r\u{1b}[2K";

/// A bar on standard error, if that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    is_shown: bool,
    last: (u64, Option<std::time::Instant>),
}

impl Progress {
    /// How often it is shown.
    pub(super) const INTERVAL: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), last: (0, None) }
    }

    pub(super) const fn is_shown(&self) -> bool {
        self.is_shown
    }

    pub(super) fn show(&mut self, part: f64, measured: &Measured) {
        let now = std::time::Instant::now();
        let (calls, before) = self.last;
        self.last = (measured.calls(), Some(now));
        let rate = before.map_or(0.0, |before| {
            measured.calls().saturating_sub(calls) as f64 / now.duration_since(before).as_secs_f64().max(1e-3)
        });
        let line = line(part, measured.calls(), rate, measured.failed());
        // Standard error may be closed, which is no reason to stop.
        let _ = write!(std::io::stderr(), "{CLEAR}{line}");
        let _ = std::io::stderr().flush();
    }

    pub(super) fn clear(&self) {
        if self.is_shown {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}

fn line(part: f64, calls: u64, rate: f64, failed: u64) -> String {
    let full = ((part * WIDTH as f64) as usize).min(WIDTH);
    let bar = "#".repeat(full) + &".".repeat(WIDTH - full);
    let errors = if failed == 0 { String::new() } else { format!(", {failed} errors") };
    format!("[{bar}] {:3.0} %  {calls} calls, {rate:.0}/s{errors}", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        assert_eq!(line(0.0, 0, 0.0, 0), format!("[{}]   0 %  0 calls, 0/s", ".".repeat(30)));
        assert_eq!(line(1.0, 12, 3.4, 2), format!("[{}] 100 %  12 calls, 3/s, 2 errors", "#".repeat(30)));
    }
}
