//! Making declarations true on a broker, or finding out whether they are.

use lapin::ExchangeKind as LapinKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use rpc_core::transport::QueueDepth;

use crate::library::Channel;
use crate::link::{Refusal, RefusalKind, Session, limited};
use crate::settings::{QueueType, Topology};
use crate::topology::{Declaration, ExchangeKind, Lifetime, QueueKind, max_age};

/// Declares in order, on a channel that a refusal closes. What is shared is only looked at when the transport is to
/// verify. The refusal names what was wanted, what the broker says, and what to do.
pub(crate) async fn declare(
    session: &Session,
    channel: &Channel,
    declarations: &[Declaration],
) -> Result<(), Refusal> {
    let mut verifier = Verifier { session, channel: None };
    for declaration in declarations {
        let is_verified = session.topology() == Topology::Verify && declaration.is_shared(declarations);
        let outcome = if is_verified {
            verifier.verify(declaration).await
        } else {
            declare_one(channel, declaration, false).await
        };
        outcome.map_err(|refusal| explained(declaration, &refusal, is_verified))?;
    }
    verifier.close().await;
    Ok(())
}

fn explained(declaration: &Declaration, refusal: &Refusal, is_verified: bool) -> Refusal {
    let advice = match refusal.kind {
        RefusalKind::Mismatch => {
            "; it cannot be changed: configure what it has, or delete it when it is empty"
        }
        RefusalKind::Forbidden => {
            "; give the user permission to configure, write and read it, or create it and use topology=verify"
        }
        RefusalKind::NodeDown => "; it comes back with its node, and a quorum queue would not have gone",
        RefusalKind::Absent if is_verified => {
            "; topology=verify makes nothing: create it, or let a process start with topology=declare once"
        }
        _ => "",
    };
    let text = format!("wanted a {}; the broker says: {}{advice}", declaration.wanted(), refusal.text);
    Refusal { kind: refusal.kind, text }
}

/// Looks, and makes nothing.
struct Verifier<'a> {
    session: &'a Session,
    /// Of its own, because a refusal closes it and not every refusal matters.
    channel: Option<Channel>,
}

impl Verifier<'_> {
    async fn verify(&mut self, declaration: &Declaration) -> Result<(), Refusal> {
        if matches!(declaration, Declaration::Binding { .. }) {
            // AMQP has no way to look at one.
            return Ok(());
        }
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => self.session.channel().await?,
        };
        declare_one(&channel, declaration, true).await?;
        // The passive one compares nothing. This one does, and makes nothing since it has just been found.
        match declare_one(&channel, declaration, false).await {
            // Whoever may make nothing is not told more; nor could anybody with the same rights have put it there.
            Err(refusal) if refusal.kind == RefusalKind::Forbidden => Ok(()),
            compared => {
                self.channel = Some(channel);
                compared
            }
        }
    }

    async fn close(self) {
        if let (Some(channel), Ok(text)) = (self.channel, short("bye")) {
            // What was found stays true, whatever comes of the farewell.
            let _ = self.session.judged(limited("close a channel", channel.close(200, text)).await);
        }
    }
}

async fn declare_one(channel: &Channel, declaration: &Declaration, passive: bool) -> Result<(), Refusal> {
    match declaration {
        Declaration::Exchange { name, kind, lifetime } => {
            let kind = match kind {
                ExchangeKind::Topic => LapinKind::Topic,
                ExchangeKind::Fanout => LapinKind::Fanout,
                ExchangeKind::Direct => LapinKind::Direct,
            };
            let Lifetime { durable, auto_delete } = *lifetime;
            let options =
                ExchangeDeclareOptions { durable, auto_delete, passive, ..ExchangeDeclareOptions::default() };
            let command = channel.exchange_declare(short(name)?, kind, options, FieldTable::default());
            limited("declare an exchange", command).await
        }
        Declaration::Queue { name, kind } => {
            let (options, arguments) = queue_arguments(*kind)?;
            let options = QueueDeclareOptions { passive, ..options };
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

/// How full a queue is, whatever its arguments. If there is none, the broker closes the channel.
pub(crate) async fn look_at(channel: &Channel, queue: &str) -> Result<QueueDepth, Refusal> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let command = channel.queue_declare(short(queue)?, options, FieldTable::default());
    let declared = limited("look at a queue", command).await?;
    Ok(QueueDepth::new(declared.message_count(), declared.consumer_count()))
}

/// Whether there is a queue of this name, whatever its arguments. If there is none, the broker closes the channel.
pub(crate) async fn exists(channel: &Channel, queue: &str) -> Result<bool, Refusal> {
    match look_at(channel, queue).await {
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
        QueueKind::Stream(retention) => {
            let word = |text: &str| AMQPValue::LongString(LongString::from(text));
            arguments.insert(short("x-queue-type")?, word("stream"));
            if let Some(age) = max_age(&retention) {
                arguments.insert(short("x-max-age")?, word(&age));
            }
            if let Some(bytes) = retention.max_bytes() {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                arguments.insert(short("x-max-length-bytes")?, AMQPValue::LongLongInt(bytes));
            }
            QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }
        }
        QueueKind::Joined { lifetime: Lifetime { durable, auto_delete }, is_quorum, expires_ms, .. } => {
            if is_quorum {
                let word = AMQPValue::LongString(LongString::from(QueueType::Quorum.as_str()));
                arguments.insert(short("x-queue-type")?, word);
            }
            if let Some(time) = expires_ms {
                arguments.insert(short("x-expires")?, AMQPValue::LongInt(time));
            }
            QueueDeclareOptions { durable, auto_delete, ..QueueDeclareOptions::default() }
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
