//! The guard, for fuzz targets.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Findings, Guard};

/// What the guard has made of a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Guarded {
    /// What is handed on.
    pub octets: Vec<u8>,
    /// Deliveries that were marked.
    pub deliveries: u64,
    /// Returned messages that were counted.
    pub returns: u64,
    /// Messages whose header has not arrived.
    pub begun: usize,
    /// Whether there was too much to remember, which ends the connection.
    pub overflow: bool,
}

/// Passes `octets` through a guard, in reads of `sizes` in turn. A size of 0 counts as 1.
#[must_use]
pub fn guarded(frame_max: u32, octets: &[u8], sizes: &[usize]) -> Guarded {
    let findings = Arc::new(Findings::default());
    let mut guard = Guard::new(Arc::clone(&findings), Arc::default(), frame_max);
    let mut input = octets.to_vec();
    let (mut output, mut overflow) = (Vec::new(), false);
    let mut rest = &mut input[..];
    for size in sizes.iter().cycle() {
        if rest.is_empty() || overflow {
            break;
        }
        let (read, later) = rest.split_at_mut((*size).clamp(1, rest.len()));
        match guard.pass(read) {
            Ok(kept) => output.extend_from_slice(&read[..kept]),
            Err(_) => overflow = true,
        }
        rest = later;
    }
    let report = findings.report(Instant::now());
    Guarded {
        octets: output,
        deliveries: report.map_or(0, |report| report.deliveries),
        returns: report.map_or(0, |report| report.returns),
        begun: guard.origins.begun(),
        overflow,
    }
}
