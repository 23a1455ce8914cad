//! `rpc top`: what is done now.

mod activity;

use std::io::IsTerminal;

use rpc_core::SharedTransport;
use rpc_core::introspection::Stats;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::activity::{Activity, Sample};
use crate::arguments::{OutputForm, Top};
use crate::discovery::{Discovery, Found};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{self, Output, Table, microseconds};

/// What clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    Top { whom, interval: every, frames, rows }: Top,
    output: Output,
) -> Result<(), Failure> {
    if every.is_zero() {
        return Err(Failure::Usage("--interval has to be longer than nothing".to_owned()));
    }
    let discovery = Discovery::new(transport, options, whom);
    let is_live = options.output == OutputForm::Table && std::io::stdout().is_terminal();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut shown) = (None, 0);
    loop {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let found = discovery.gather(discovery.stats(), None, output).await?;
        let stats: Vec<Stats> = found.into_iter().map(|Found { answer, .. }| answer).collect();
        let sample = Sample::new(Instant::now(), stats);
        // The first only begins the first interval.
        if let Some(last) = last.replace(sample.clone()) {
            let activity = sample.since(&last);
            let frame = match options.output {
                OutputForm::Table => for_people(&sample, &activity, rows, is_live),
                OutputForm::Json => {
                    serde_json::to_string(&activity).map_err(|error| Failure::System(error.into()))?
                }
            };
            output::print(&frame)?;
            shown += 1;
        }
        if frames == Some(shown) {
            return Ok(());
        }
    }
}

fn for_people(sample: &Sample, activity: &[Activity], rows: usize, is_live: bool) -> String {
    let (servers, running): (usize, u64) =
        (sample.servers(), activity.iter().map(|method| method.running).sum());
    let rate: f64 = activity.iter().map(|method| method.calls_per_second).sum();
    let mut table = Table::new([
        "TOPIC", "METHOD", "SERVERS", "CALLS/S", "ERRORS/S", "RUNNING", "MEAN", "P99", "WAIT P99",
    ]);
    for method in activity.iter().take(rows) {
        table.row([
            method.topic.clone(),
            method.method.clone(),
            method.servers.to_string(),
            format!("{:.1}", method.calls_per_second),
            format!("{:.1}", method.errors_per_second),
            method.running.to_string(),
            method.mean_us.map(microseconds).unwrap_or_default(),
            known(method.p99_us),
            known(method.queue_wait_p99_us),
        ]);
    }
    let clear = if is_live { CLEAR } else { "" };
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
    let plural = if servers == 1 { "" } else { "s" };
    format!(
        "{clear}{now}  {servers} server{plural}, {rate:.1} calls/s, {running} running\n\n{}",
        table.render()
    )
}

/// Nothing is known of what was never called.
fn known(time: u64) -> String {
    Some(time).filter(|time| *time > 0).map(microseconds).unwrap_or_default()
}
