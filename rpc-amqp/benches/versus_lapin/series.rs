//! What was measured in some rounds, and its medians.

use std::time::Duration;

/// One turn of one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) operations: u64,
    pub(crate) time: Duration,
    /// Median and 99th percentile, where operations have a latency.
    pub(crate) latency: Option<(Duration, Duration)>,
    /// Of client and server together, or of the one that works.
    pub(crate) cpu: Duration,
}

/// All turns of one side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<Turn>);

/// What a ratio is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    /// Operations per second.
    Throughput,
    /// Microseconds.
    LatencyP50,
    /// Microseconds.
    LatencyP99,
    /// Microseconds per operation.
    Cpu,
}

impl Metric {
    pub(crate) const ALL: [Self; 4] = [Self::Throughput, Self::LatencyP50, Self::LatencyP99, Self::Cpu];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::LatencyP50 => "latency_p50",
            Self::LatencyP99 => "latency_p99",
            Self::Cpu => "cpu",
        }
    }
}

impl Series {
    pub(crate) fn add(&mut self, turn: Turn) {
        self.0.push(turn);
    }

    /// The median over all turns; `None` where there is nothing to measure.
    pub(crate) fn median(&self, metric: Metric) -> Option<f64> {
        let mut values: Vec<f64> = self.0.iter().filter_map(|turn| turn.value(metric)).collect();
        values.sort_by(f64::total_cmp);
        let (lower, upper) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some(f64::midpoint(*lower, *upper))
    }

    /// How far apart the turns are: the largest throughput over the smallest.
    pub(crate) fn spread(&self) -> f64 {
        let values = self.0.iter().filter_map(|turn| turn.value(Metric::Throughput));
        let (least, most) =
            values.fold((f64::MAX, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        most / least
    }
}

impl Turn {
    fn value(&self, metric: Metric) -> Option<f64> {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        match metric {
            Metric::Throughput => Some(self.operations as f64 / self.time.as_secs_f64()),
            Metric::LatencyP50 => self.latency.map(|(p50, _)| micros(p50)),
            Metric::LatencyP99 => self.latency.map(|(_, p99)| micros(p99)),
            Metric::Cpu => Some(micros(self.cpu) / self.operations as f64),
        }
    }
}
