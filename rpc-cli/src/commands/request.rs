//! `rpc call`, `cast`, `fanout` and `gather`.

use rpc_core::{CallError, Cast, SharedTransport};
use serde_json::json;

use crate::arguments::{Gather, Request};
use crate::described::{Prepared, prepare};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{self, Output};

pub(super) async fn call(
    transport: &SharedTransport,
    options: &Options,
    request: Request,
    output: Output,
) -> Result<(), Failure> {
    let prepared = prepare(transport, options, request, output).await?;
    prepared.require("call", &["call", "fanout"])?;
    let call = prepared.client.call(&prepared.method, &prepared.arguments);
    let result = options.timeout.into_iter().fold(call, rpc_core::Call::timeout).await?;
    output::print(&output::json(&result)?)
}

pub(super) async fn cast(
    transport: &SharedTransport,
    options: &Options,
    request: Request,
    output: Output,
) -> Result<(), Failure> {
    let prepared = prepare(transport, options, request, output).await?;
    // Any one server can be told what is meant for all.
    prepared.require("cast", &["cast", "fanout"])?;
    send(options, prepared.client.cast(&prepared.method, &prepared.arguments)).await
}

pub(super) async fn fanout(
    transport: &SharedTransport,
    options: &Options,
    request: Request,
    output: Output,
) -> Result<(), Failure> {
    let prepared = prepare(transport, options, request, output).await?;
    prepared.require("fanout", &["cast", "fanout"])?;
    send(options, prepared.client.fanout(&prepared.method, &prepared.arguments)).await
}

async fn send(options: &Options, message: Cast) -> Result<(), Failure> {
    Ok(options.timeout.into_iter().fold(message, Cast::timeout).await?)
}

pub(super) async fn gather(
    transport: &SharedTransport,
    options: &Options,
    Gather { request, expect }: Gather,
    output: Output,
) -> Result<(), Failure> {
    let prepared = prepare(transport, options, request, output).await?;
    let gather = prepared.client.gather(&prepared.method, &prepared.arguments);
    let gather = options.timeout.into_iter().fold(gather, rpc_core::Gather::timeout);
    let mut answers = expect.into_iter().fold(gather, rpc_core::Gather::expected).await?;
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.push(match answer.result {
            Ok(result) => json!({ "server": answer.server, "result": result }),
            Err(error) => {
                let failure = match error {
                    CallError::Service(failure) => Failure::Service(failure),
                    CallError::Rpc(error) => Failure::Rpc(error),
                };
                json!({ "server": answer.server, "error": failure.to_json()["error"] })
            }
        });
    }
    output.show(&all, |all| {
        let line = |answer: &serde_json::Value| {
            let server = answer["server"].as_str().unwrap_or("?");
            match answer.get("result") {
                Some(result) => format!("{server}: {result}\n"),
                None => {
                    format!("{server}: error: {}\n", answer["error"]["message"].as_str().unwrap_or_default())
                }
            }
        };
        all.iter().map(line).collect()
    })?;
    let failed = all.iter().filter(|answer| answer.get("error").is_some()).count();
    match expect {
        _ if all.is_empty() => Err(Failure::Nobody("no server answered in time".to_owned())),
        Some(expected) if all.len() < expected => {
            Err(Failure::Nobody(format!("{} of {expected} expected servers answered in time", all.len())))
        }
        _ if failed > 0 => {
            Err(Failure::Check(format!("{failed} of {} servers answered with an error", all.len())))
        }
        _ => Ok(()),
    }
}

impl Prepared {
    /// Refuses a method that is not meant to be sent so: whoever waits for a cast waits for nothing, and who casts a call does not
    /// learn what became of it. `--untyped` knows no kinds, and sends it.
    fn require(&self, what: &str, kinds: &[&str]) -> Result<(), Failure> {
        match &self.kind {
            Some(kind) if !kinds.contains(&kind.as_str()) => {
                Err(Failure::Usage(format!("{} is a {kind}, not a {what}: use `rpc {kind}`", self.method)))
            }
            _ => Ok(()),
        }
    }
}
