//! Making declarations true on a broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, ExchangeKind as LapinKind};

use crate::link::{Refusal, RefusalKind, limited};
use crate::topology::{Declaration, ExchangeKind, QueueKind};

/// Declares in order, on a channel that a refusal closes. The refusal names what was wanted.
pub(crate) async fn declare(channel: &Channel, declarations: &[Declaration]) -> Result<(), Refusal> {
    for declaration in declarations {
        declare_one(channel, declaration).await.map_err(|refusal| Refusal {
            text: format!("wanted a {}; the broker says: {}", declaration.wanted(), refusal.text),
            ..refusal
        })?;
    }
    Ok(())
}

async fn declare_one(channel: &Channel, declaration: &Declaration) -> Result<(), Refusal> {
    match declaration {
        Declaration::Exchange { name, kind } => {
            let kind = match kind {
                ExchangeKind::Topic => LapinKind::Topic,
                ExchangeKind::Fanout => LapinKind::Fanout,
                ExchangeKind::Direct => LapinKind::Direct,
            };
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let command = channel.exchange_declare(short(name)?, kind, options, FieldTable::default());
            limited("declare an exchange", command).await
        }
        Declaration::Queue { name, kind } => {
            let (options, arguments) = queue_arguments(*kind)?;
            let command = channel.queue_declare(short(name)?, options, arguments);
            limited("declare a queue", command).await.map(drop)
        }
        Declaration::Binding { queue, exchange, key } => {
            let command = channel.queue_bind(
                short(queue)?,
                short(exchange)?,
                short(key)?,
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            limited("bind a queue", command).await
        }
    }
}

/// Whether there is a queue of this name, whatever its arguments. If there is none, the broker closes the channel.
pub(crate) async fn exists(channel: &Channel, queue: &str) -> Result<bool, Refusal> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let command = channel.queue_declare(short(queue)?, options, FieldTable::default());
    match limited("look for a queue", command).await {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.kind == RefusalKind::Absent => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn queue_arguments(kind: QueueKind) -> Result<(QueueDeclareOptions, FieldTable), Refusal> {
    let mut arguments = FieldTable::default();
    let options = match kind {
        QueueKind::Durable { queue_type, expires_ms } => {
            let word = AMQPValue::LongString(LongString::from(queue_type.as_str()));
            arguments.insert(short("x-queue-type")?, word);
            if let Some(time) = expires_ms {
                arguments.insert(short("x-expires")?, AMQPValue::LongInt(time));
            }
            QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }
        }
        QueueKind::Exclusive => {
            let word = AMQPValue::LongString(LongString::from("classic"));
            arguments.insert(short("x-queue-type")?, word);
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() }
        }
    };
    Ok((options, arguments))
}

/// The library's short string, without its panic on a long one.
pub(crate) fn short(text: &str) -> Result<ShortString, Refusal> {
    ShortString::try_new(text).map_err(|error| Refusal::lost(error.to_string()))
}
