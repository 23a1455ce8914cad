//! `rpc dlq`: what could not be handled.

use std::collections::BTreeSet;
use std::time::SystemTime;

use rpc_core::message::Message;
use rpc_core::{
    Code, DeadLetter, DeadLetterFilter, DeadLetters, MessageId, Notifier, SharedTransport, Treated,
};
use serde_json::{Value, json};

use crate::arguments::{Dlq, Letters, Whom};
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table};

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    command: Dlq,
    output: Output,
) -> Result<(), Failure> {
    let letters = DeadLetters::new(transport).exchange(options.exchange.as_str());
    match command {
        Dlq::Ls { topics } => {
            let topics =
                if topics.is_empty() { known_topics(transport, options, output).await? } else { topics };
            count(&letters, topics, output).await
        }
        Dlq::Show(which) => {
            let treated = letters.inspect(which.topic.as_str(), &filter(&which)?, which.limit).await?;
            show(&treated, output)
        }
        Dlq::Replay(which) => {
            let treated = letters.replay(which.topic.as_str(), &filter(&which)?, which.limit).await?;
            tell("replayed", &treated, output)
        }
        Dlq::Drop { which, all } => {
            let filter = filter(&which)?;
            if filter == DeadLetterFilter::new() && !all {
                let message = "what is dropped is gone for good: say which letters, or --all";
                return Err(Failure::Usage(message.to_owned()));
            }
            let treated = letters.discard(which.topic.as_str(), &filter, which.limit).await?;
            tell("dropped", &treated, output)
        }
    }
}

/// Those of the servers that run, and that of notifications: a broker need not be able to list its queues.
async fn known_topics(
    transport: &SharedTransport,
    options: &Options,
    output: Output,
) -> Result<Vec<String>, Failure> {
    let discovery = Discovery::new(transport, options, Whom { topic: None, server: None });
    let found = discovery.gather(discovery.ping(), None, output).await?;
    let topics: BTreeSet<_> = found.into_iter().map(|found| found.answer.topic).collect();
    Ok(topics.into_iter().chain([Notifier::DEFAULT_TOPIC.to_owned()]).collect())
}

async fn count(letters: &DeadLetters, topics: Vec<String>, output: Output) -> Result<(), Failure> {
    let counted = letters.topics(topics).await?;
    let counted: Vec<_> =
        counted.into_iter().map(|(topic, letters)| json!({ "topic": topic, "letters": letters })).collect();
    if counted.is_empty() {
        output.note_nothing("no dead letters");
    }
    output.show(&counted, |counted| {
        let mut table = Table::new(["TOPIC", "LETTERS"]);
        for of_topic in counted {
            table.row([
                of_topic["topic"].as_str().unwrap_or_default().to_owned(),
                of_topic["letters"].to_string(),
            ]);
        }
        table.render()
    })
}

fn filter(which: &Letters) -> Result<DeadLetterFilter, Failure> {
    let Letters { ids, codes, methods, event_types, .. } = which;
    let mut filter = DeadLetterFilter::new();
    for id in ids {
        let id =
            MessageId::parse(id).ok_or_else(|| Failure::Usage(format!("--id {id:?} is no message id")))?;
        filter = filter.message_id(id);
    }
    let filter = codes.iter().copied().fold(filter, DeadLetterFilter::code);
    let filter = methods.iter().fold(filter, |filter, method| filter.method(method.as_str()));
    Ok(event_types.iter().fold(filter, |filter, event_type| filter.event_type(event_type.as_str())))
}

fn show(treated: &Treated, output: Output) -> Result<(), Failure> {
    let letters: Vec<_> = treated.letters.iter().map(described).collect();
    if letters.is_empty() {
        output.note_nothing("no dead letter is like that");
    }
    output.show(&letters, |letters| {
        let mut table = Table::new(["REJECTED", "CODE", "WHAT", "ID", "QUEUE", "REASON"]);
        for letter in letters {
            let text = |key: &str| letter[key].as_str().unwrap_or_default().to_owned();
            let what = ["method", "event_type"].map(text).concat();
            table.row([text("rejected_at"), text("code"), what, text("id"), text("queue"), text("reason")]);
        }
        table.render()
    })?;
    if !treated.is_complete {
        output.note("there may be more: raise --limit");
    }
    Ok(())
}

/// Says how many were treated, and which could not be.
fn tell(what: &str, treated: &Treated, output: Output) -> Result<(), Failure> {
    let left: Vec<_> = treated
        .left
        .iter()
        .map(|(letter, error)| json!({ "letter": described(letter), "error": error.to_string() }))
        .collect();
    let told = json!({ what: treated.letters.len(), "left": left, "complete": treated.is_complete });
    output.show(&told, |told| {
        let left = left.iter().map(|left| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("left {}: {}\n", text(&left["letter"]["id"]), text(&left["error"]))
        });
        format!("{what} {}\n{}", told[what], left.collect::<String>())
    })?;
    match &treated.stopped_by {
        Some(error) => Err(Failure::Check(format!("stopped early: {error}"))),
        None if !treated.left.is_empty() => {
            Err(Failure::Check(format!("{} letters were left", treated.left.len())))
        }
        None => Ok(()),
    }
}

fn described(letter: &DeadLetter) -> Value {
    let DeadLetter { queue, code, reason, rejected_at, message_id, message, .. } = letter;
    let time = |at: SystemTime| humantime::format_rfc3339_seconds(at).to_string();
    let mut described = json!({
        "id": message_id.as_ref().map(MessageId::as_str), "code": Code::as_str(*code), "reason": reason,
        "queue": queue, "rejected_at": rejected_at.map(time),
    });
    match message {
        Ok(Message::Request(request)) => {
            described["namespace"] = json!(request.namespace);
            described["method"] = json!(request.method);
            described["arguments"] = payload(&request.arguments);
        }
        Ok(Message::Notification(event)) => {
            described["event_type"] = json!(event.event_type);
            described["publisher_id"] = json!(event.publisher_id);
            described["payload"] = payload(&event.payload);
        }
        Ok(Message::Reply(_)) => {}
        Err(malformed) => described["malformed"] = json!(malformed.reason),
    }
    described
}

/// Readable, if it can be read without its types and is not compressed.
fn payload(payload: &rpc_core::Payload) -> Value {
    let read =
        payload.content_encoding.is_none().then(|| rpc_core::codec::decode::<rpc_core::Value>(payload).ok());
    read.flatten().and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default()
}
