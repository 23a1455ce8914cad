//! `rpc listen`: shows events as they come.

use std::io::IsTerminal;

use rpc_core::{Filter, Listener, Priority, Received, SharedTransport, Value};
use serde_json::json;

use crate::arguments::{Listen, OutputForm};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    listen: Listen,
) -> Result<(), Failure> {
    let Listen { topics, pool, priority, event_type, publisher, payload, count } = listen;
    let mut filter = Filter::new();
    if let Some(expression) = event_type {
        filter = filter.event_type(expression);
    }
    if let Some(expression) = publisher {
        filter = filter.publisher_id(expression);
    }
    for pair in &payload {
        let (key, expression) = pair
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--payload {pair:?}: write KEY=EXPRESSION")))?;
        filter = filter.payload(key, expression);
    }
    let builder =
        Listener::builder(transport, topics).exchange(options.exchange.as_str()).pool(pool).filter(filter);
    let builder = if priority.is_empty() { builder } else { builder.priorities(priority) };
    let mut events = builder.start::<Value>().await?;
    let shown = show(&mut events, options, count).await;
    events.close().await;
    shown
}

/// Until so many have come, nothing has for the time limit, or somebody interrupts.
async fn show(events: &mut Listener<Value>, options: &Options, count: Option<usize>) -> Result<(), Failure> {
    let is_coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut left = count;
    while left != Some(0) {
        let patience = async {
            match options.timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Ok(()),
            event = events.next() => event,
            () = patience => None,
        };
        let Some(event) = event else {
            return match (count, left) {
                (Some(count), Some(left)) => {
                    Err(Failure::Nobody(format!("{} of {count} events came in time", count - left)))
                }
                _ => Ok(()),
            };
        };
        let line = match options.output {
            OutputForm::Table => for_people(&event, is_coloured)?,
            OutputForm::Json => for_programs(&event),
        };
        output::print(&line)?;
        // Shown, so the pool need not keep it.
        event.ack().await?;
        left = left.map(|left| left - 1);
    }
    Ok(())
}

fn for_programs(event: &Received<Value>) -> String {
    json!({
        "timestamp": humantime::format_rfc3339_millis(event.timestamp()).to_string(),
        "priority": event.priority().as_str(),
        "event_type": event.event_type(),
        "publisher_id": event.publisher_id(),
        "message_id": event.message_id().as_str(),
        "request_id": event.context().request_id.as_str(),
        "attempt": event.attempt(),
        "payload": event.payload(),
    })
    .to_string()
}

fn for_people(event: &Received<Value>, is_coloured: bool) -> Result<String, Failure> {
    let payload = serde_json::to_string(event.payload()).map_err(|error| Failure::System(error.into()))?;
    let (start, end) = if is_coloured { (colour(event.priority()), "\u{1b}[0m") } else { ("", "") };
    let priority = event.priority().as_str();
    let (event_type, publisher) =
        (output::readable(event.event_type()), output::readable(event.publisher_id()));
    let time = humantime::format_rfc3339_millis(event.timestamp());
    Ok(format!("{time} {start}{priority:<8}{end} {event_type} from {publisher} {payload}"))
}

const fn colour(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical | Priority::Error => "\u{1b}[31m",
        Priority::Warn => "\u{1b}[33m",
        Priority::Debug | Priority::Sample => "\u{1b}[2m",
        _ => "\u{1b}[32m",
    }
}
