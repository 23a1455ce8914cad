//! `rpc doctor`: whether what every program needs can be had here, and what to do if not.

mod findings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpc_core::introspection::{HealthReport, Info};
use rpc_core::{CallError, Client, Code, DeadLetters, Error, SharedTransport, Target};
use tokio::time::Instant;

use self::findings::Findings;
use crate::arguments::Whom;
use crate::connection::connected;
use crate::discovery::{Discovery, Found};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, microseconds};

/// A round trip to the broker that takes longer is worth a word.
const SLOW: Duration = Duration::from_millis(50);
/// Clocks that differ by more mislead whoever reads logs of both.
const CLOCKS: Duration = Duration::from_secs(2);

pub(super) async fn run(options: &Options, output: Output) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let started = Instant::now();
    let examined = connected(options, async |transport| {
        findings.good("connect", format!("connected in {}", shown(started.elapsed())));
        round_trip(transport, options, &mut findings).await;
        servers(transport, options, output, &mut findings).await
    })
    .await;
    match examined {
        Ok(()) => {}
        Err(Failure::Connect(error)) => {
            findings.bad("connect", error, "look at host, port, user, password and vhost in --transport-url")
        }
        Err(Failure::Rpc(error)) => findings.bad("servers", &error, advice(&error)),
        Err(failure) => return Err(failure),
    }
    findings.show(output)?;
    match findings.bad_ones() {
        0 => Ok(()),
        bad => Err(Failure::Check(format!("{bad} of {} checks found something wrong", findings.count()))),
    }
}

/// A call to a topic that nobody serves goes to the broker and comes back: it needs everything that a call needs but a
/// server.
async fn round_trip(transport: &SharedTransport, options: &Options, findings: &mut Findings) {
    let nobody =
        Target::topic(format!("rpc-doctor-{}", std::process::id())).exchange(options.exchange.as_str());
    let client = Client::new(transport, nobody);
    // The first makes what is needed, the second is measured.
    let mut took = Duration::ZERO;
    for _ in 0..2 {
        let sent = Instant::now();
        match client.call("anything", &()).timeout(Duration::from_secs(5)).await {
            Err(CallError::Rpc(error)) if error.is_unroutable() => took = sent.elapsed(),
            Err(CallError::Rpc(error)) => return findings.bad("round trip", &error, advice(&error)),
            Ok(_) | Err(CallError::Service(_)) => {
                let advice = "look for a binding that takes every routing key of the exchange";
                return findings.bad(
                    "round trip",
                    "somebody answered for a topic that nobody serves",
                    advice,
                );
            }
        }
    }
    let text = format!("a request goes to the broker and comes back in {}", shown(took));
    if took > SLOW {
        findings.fair("round trip", text, "look at the load of the broker, and at the network between");
    } else {
        findings.good("round trip", text);
    }
}

async fn servers(
    transport: &SharedTransport,
    options: &Options,
    output: Output,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, Whom { topic: None, server: None });
    let (infos, reports) = tokio::join!(
        discovery.gather(discovery.info(), None, output),
        discovery.gather(discovery.health(), None, output),
    );
    let (infos, reports) = (infos?, reports?);
    if infos.is_empty() {
        let text = format!("no server answers in exchange {:?}", options.exchange);
        findings.fair(
            "servers",
            text,
            "start one; or is it --exchange that differs, or introspection that is switched off?",
        );
        return Ok(());
    }
    findings.good("servers", format!("{} answer", infos.len()));
    health(&reports, findings);
    clocks(&infos, findings);
    versions(&infos, findings);
    let topics: std::collections::BTreeSet<_> =
        infos.iter().map(|found| found.answer.server.topic.as_str()).collect();
    for topic in topics {
        topic_is_served(transport, options, topic, findings).await;
    }
    Ok(())
}

fn health(reports: &[Found<HealthReport>], findings: &mut Findings) {
    let lacking = reports.iter().map(|found| &found.answer).filter(|report| !report.ready);
    for report in lacking {
        let reason = report.reason.as_deref().unwrap_or("it takes nothing new");
        let text =
            format!("{} on {} is {}: {reason}", report.server.topic, report.server.server, report.state);
        findings.bad("health", text, "look at the log of that server");
    }
}

/// What a server said of its clock lies between the question and the answer, if the clocks agree.
fn clocks(infos: &[Found<Info>], findings: &mut Findings) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut worst: Option<(Duration, &Info)> = None;
    for Found { answer, .. } in infos {
        let theirs = Duration::from_millis(answer.started_ms.saturating_add(answer.uptime_ms));
        let difference = now.abs_diff(theirs);
        if difference > CLOCKS && worst.is_none_or(|(most, _)| difference > most) {
            worst = Some((difference, answer));
        }
    }
    match worst {
        None => findings.good("clocks", "those of all servers agree with the one here".to_owned()),
        Some((difference, info)) => findings.fair(
            "clocks",
            format!("that of {} differs from the one here by {}", info.host, shown(difference)),
            "deadlines do not need them, logs and events do: set both by NTP",
        ),
    }
}

fn versions(infos: &[Found<Info>], findings: &mut Findings) {
    let mut frameworks: Vec<_> = infos.iter().map(|found| found.answer.framework.as_str()).collect();
    frameworks.sort_unstable();
    frameworks.dedup();
    match &frameworks[..] {
        [only] => findings.good("versions", format!("all run {only}")),
        several => findings.fair(
            "versions",
            format!("they run {}", several.join(" and ")),
            "while you upgrade this is as it should be",
        ),
    }
}

async fn topic_is_served(
    transport: &SharedTransport,
    options: &Options,
    topic: &str,
    findings: &mut Findings,
) {
    let target = Target::topic(topic).exchange(options.exchange.as_str());
    if let Ok(Some(depth)) = transport.transport().inspect(&target).await {
        if depth.consumers == 0 {
            findings.bad(
                topic,
                format!("nobody takes from its queue: {depth}"),
                "look at the health of its servers",
            );
        } else {
            findings.good(topic, depth.to_string());
        }
    }
    // What has no dead letters to show has none to complain about.
    let letters = DeadLetters::new(transport).exchange(options.exchange.as_str()).topics([topic]).await;
    for (topic, count) in letters.into_iter().flatten() {
        findings.fair(&topic, format!("{count} dead letters"), &format!("see `rpc dlq show {topic}`"));
    }
}

fn advice(error: &Error) -> &'static str {
    match error.code() {
        Code::PermissionDenied => "give the user permission to configure, write and read what is named",
        Code::DeadlineExceeded | Code::Unavailable => {
            "look whether the broker is blocked or restarting: rabbitmq-diagnostics alarms"
        }
        _ => "the text says what the broker found wrong",
    }
}

fn shown(time: Duration) -> String {
    microseconds(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
