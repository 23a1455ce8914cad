//! What people and scripts read.

use super::series::{Metric, Series, Turn};

/// All that was measured, in the order in which it came.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    printed: usize,
}

struct Row {
    workload: &'static str,
    entrant: &'static str,
    series: Series,
}

const OURS: &str = "ours";

impl Report {
    pub(crate) fn add(&mut self, workload: &'static str, entrant: &'static str, turn: Turn) {
        let known = self.rows.iter().position(|row| row.workload == workload && row.entrant == entrant);
        let row = known.unwrap_or_else(|| {
            self.rows.push(Row { workload, entrant, series: Series::default() });
            self.rows.len() - 1
        });
        self.rows[row].series.add(turn);
    }

    /// A table of what was not printed yet.
    pub(crate) fn print_new(&mut self) {
        if self.printed == 0 {
            println!(
                "{:<14} {:<10} {:>12} {:>10} {:>10} {:>12} {:>10}",
                "workload", "side", "per second", "p50 µs", "p99 µs", "CPU µs each", "most/least"
            );
        }
        let new = &mut self.rows[self.printed..];
        new.sort_by_key(|row| (row.workload, row.entrant != OURS));
        for Row { workload, entrant, series } in new {
            let [throughput, p50, p99, cpu] = Metric::ALL.map(|metric| series.median(metric));
            let shown =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
            println!(
                "{workload:<14} {entrant:<10} {:>12.0} {:>10} {:>10} {:>12} {:>10.2}",
                throughput.unwrap_or(0.0),
                shown(p50),
                shown(p99),
                shown(cpu),
                series.spread()
            );
        }
        self.printed = self.rows.len();
    }

    /// The lines for scripts.
    pub(crate) fn print_ratios(&self) {
        println!();
        for ours in self.rows.iter().filter(|row| row.entrant == OURS) {
            let others = self.rows.iter().filter(|row| row.workload == ours.workload && row.entrant != OURS);
            for theirs in others {
                for metric in Metric::ALL {
                    print_ratio(&format!("{}_vs_{}", ours.workload, theirs.entrant), metric, ours, theirs);
                }
            }
        }
        for size in ["64B", "4KiB"] {
            let find = |in_flight| {
                let workload = format!("call{in_flight}_{size}");
                self.rows.iter().find(|row| row.entrant == OURS && row.workload == workload)
            };
            if let (Some(many), Some(few)) = (find(512), find(64)) {
                print_ratio(&format!("call512_{size}_vs_ours_at_64"), Metric::Throughput, many, few);
            }
        }
    }
}

fn print_ratio(name: &str, metric: Metric, ours: &Row, theirs: &Row) {
    if let (Some(ours), Some(theirs)) = (ours.series.median(metric), theirs.series.median(metric)) {
        println!("ratio {name} {} {:.3}", metric.as_str(), ours / theirs);
    }
}
