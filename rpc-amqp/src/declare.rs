//! Making declarations true on a broker, or finding out whether they are.

mod adoption;
mod examination;
mod explanation;
mod verifier;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use rpc_core::transport::QueueDepth;

use self::adoption::{declare_adopting, is_adoptable};
pub(crate) use self::examination::{Examination, examine};
use self::explanation::explained;
use self::verifier::Verifier;
use crate::library::Channel;
use crate::link::{Refusal, RefusalKind, Session, limited};
use crate::settings::Topology;
use crate::topology::{Argument, Declaration, ExchangeKind, Lifetime, Properties};

/// Declares in order, on a channel that a refusal closes. What is shared is only looked at when the transport is to
/// verify. The refusal names what was wanted, what the broker says, and what to do.
pub(crate) async fn declare(
    session: &Session,
    channel: &Channel,
    declarations: &[Declaration],
) -> Result<(), Refusal> {
    let mut verifier = Verifier::new(session);
    for declaration in declarations {
        let is_verified = session.topology() == Topology::Verify && declaration.is_shared(declarations);
        let outcome = if is_verified {
            verifier.verify(declaration).await
        } else if is_adoptable(declaration) {
            declare_adopting(session, declaration).await
        } else {
            declare_one(channel, declaration, false).await
        };
        if let Err(refusal) = outcome {
            return Err(explained(session, declaration, &refusal, is_verified).await);
        }
    }
    verifier.close().await;
    Ok(())
}

async fn declare_one(channel: &Channel, declaration: &Declaration, passive: bool) -> Result<(), Refusal> {
    match declaration {
        Declaration::Exchange { name, kind, lifetime, .. } => {
            declare_exchange(channel, (name, *kind), *lifetime, passive).await
        }
        Declaration::Queue { name, kind } => declare_queue(channel, name, &kind.properties(), passive).await,
        Declaration::Binding { queue, exchange, key } => {
            let (queue, exchange, key) = (short(queue)?, short(exchange)?, short(key)?);
            limited("bind a queue", channel.queue_bind(queue, exchange, key)).await
        }
    }
}

/// As [`declare_one`], with other `properties`.
async fn declare_as(
    channel: &Channel,
    declaration: &Declaration,
    properties: &Properties,
) -> Result<(), Refusal> {
    match declaration {
        Declaration::Exchange { name, kind, .. } => {
            declare_exchange(channel, (name, *kind), properties.lifetime, false).await
        }
        Declaration::Queue { name, .. } => declare_queue(channel, name, properties, false).await,
        Declaration::Binding { .. } => declare_one(channel, declaration, false).await,
    }
}

async fn declare_exchange(
    channel: &Channel,
    (name, kind): (&str, ExchangeKind),
    Lifetime { durable, auto_delete }: Lifetime,
    passive: bool,
) -> Result<(), Refusal> {
    let kind = match kind {
        ExchangeKind::Topic => "topic",
        ExchangeKind::Fanout => "fanout",
        ExchangeKind::Direct => "direct",
    };
    let options =
        ExchangeDeclareOptions { durable, auto_delete, passive, ..ExchangeDeclareOptions::default() };
    let command = channel.exchange_declare(short(name)?, short(kind)?, options);
    limited("declare an exchange", command).await
}

async fn declare_queue(
    channel: &Channel,
    name: &str,
    properties: &Properties,
    passive: bool,
) -> Result<(), Refusal> {
    let Properties { lifetime: Lifetime { durable, auto_delete }, is_exclusive, arguments } = properties;
    let (durable, auto_delete, exclusive) = (*durable, *auto_delete, *is_exclusive);
    let options =
        QueueDeclareOptions { passive, durable, exclusive, auto_delete, ..QueueDeclareOptions::default() };
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(short(name)?, field(value));
    }
    limited("declare a queue", channel.queue_declare(short(name)?, options, table)).await.map(drop)
}

/// The broker compares numbers of all sizes by their value.
fn field(value: &Argument) -> AMQPValue {
    match value {
        Argument::Text(text) => AMQPValue::LongString(LongString::from(&**text)),
        Argument::Number(number) => {
            i32::try_from(*number).map_or(AMQPValue::LongLongInt(*number), AMQPValue::LongInt)
        }
    }
}

/// How full a queue is, whatever its arguments. If there is none, the broker closes the channel.
pub(crate) async fn look_at(channel: &Channel, queue: &str) -> Result<QueueDepth, Refusal> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let command = channel.queue_declare(short(queue)?, options, FieldTable::default());
    let declared = limited("look at a queue", command).await?;
    Ok(QueueDepth::new(declared.ready, declared.consumers))
}

/// Whether there is a queue of this name, whatever its arguments. If there is none, the broker closes the channel.
pub(crate) async fn exists(channel: &Channel, queue: &str) -> Result<bool, Refusal> {
    match look_at(channel, queue).await {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.kind == RefusalKind::Absent => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Leaves a channel of one's own, on which nothing was refused.
async fn leave(channel: Channel) {
    if let Ok(text) = short("bye") {
        // What was found or made stays, whatever comes of the farewell. A broker that is silent over it may only be blocked.
        let _ = limited("close a channel", channel.close(200, text)).await;
    }
}

/// Whether AMQP has room for a name: 255 bytes.
pub(crate) fn fits(name: &str) -> Result<(), Refusal> {
    if name.len() > 255 {
        let text = format!("a name has {} bytes, and AMQP has room for 255: {name:?}", name.len());
        return Err(Refusal::lost(text));
    }
    Ok(())
}

/// The library's short string, without its panic on a long one.
pub(crate) fn short(text: &str) -> Result<ShortString, Refusal> {
    ShortString::try_new(text).map_err(|error| Refusal::lost(error.to_string()))
}
