//! `rpc ping`: who is there, and how far away.

use rpc_core::SharedTransport;
use serde_json::json;

use crate::arguments::Expecting;
use crate::discovery::{Discovery, Found};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table, microseconds};

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    Expecting { whom, expect }: Expecting,
    output: Output,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, whom);
    let found = discovery.gather(discovery.ping(), expect, output).await?;
    let answers: Vec<_> = found
        .iter()
        .map(|Found { answer, after }| {
            let time_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
            json!({
                "topic": answer.topic, "server": answer.server, "instance": answer.instance, "time_us": time_us,
            })
        })
        .collect();
    output.show(&answers, |answers| {
        let mut table = Table::new(["TOPIC", "SERVER", "INSTANCE", "TIME"]);
        for answer in answers {
            let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            let instance = text("instance").chars().take(8).collect();
            table.row([
                text("topic"),
                text("server"),
                instance,
                microseconds(answer["time_us"].as_u64().unwrap_or(0)),
            ]);
        }
        table.render()
    })?;
    discovery.require(found, expect).map(drop)
}
