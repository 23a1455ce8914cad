//! `rpc health`: who does its work.

use rpc_core::SharedTransport;
use rpc_core::introspection::HealthReport;

use crate::arguments::Expecting;
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table};

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    Expecting { whom, expect }: Expecting,
    output: Output,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, whom);
    let found = discovery.gather(discovery.health(), expect, output).await?;
    let mut reports: Vec<&HealthReport> = found.iter().map(|found| &found.answer).collect();
    reports.sort_by(|one, other| one.server.cmp(&other.server));
    output.show(&reports, |reports| {
        let mut table = Table::new(["TOPIC", "SERVER", "STATE", "WHY"]);
        for HealthReport { server, state, reason, .. } in reports.iter().copied() {
            let why = reason.clone().unwrap_or_default();
            table.row([server.topic.clone(), server.server.clone(), state.clone(), why]);
        }
        table.render()
    })?;
    let lacking = reports.iter().filter(|report| !report.ready).count();
    if lacking > 0 {
        return Err(Failure::Check(format!("{lacking} of {} servers cannot be given work", reports.len())));
    }
    discovery.require(found, expect).map(drop)
}
