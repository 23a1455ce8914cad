//! What to do about a refusal.

use super::{declare_as, leave};
use crate::link::{Refusal, RefusalKind, Session};
use crate::topology::{Declaration, Difference, Properties, advice};

/// More than a queue has properties that could differ.
const MOST_DIFFERENCES: usize = 12;

/// The refusal of `declaration` with what was wanted, what the broker says, and what to do.
pub(super) async fn explained(
    session: &Session,
    declaration: &Declaration,
    refusal: &Refusal,
    is_verified: bool,
) -> Refusal {
    let advice = match refusal.kind {
        RefusalKind::Mismatch => agreement(session, declaration, refusal).await.unwrap_or_else(|| {
            "it cannot be changed: configure what it has, or delete it when it is empty".to_owned()
        }),
        RefusalKind::Forbidden => {
            "give the user permission to configure, write and read it, or create it and use topology=verify"
                .to_owned()
        }
        RefusalKind::NodeDown => {
            "it comes back with its node, and a quorum queue would not have gone".to_owned()
        }
        RefusalKind::Absent if is_verified => {
            "topology=verify makes nothing: create it, or let a process start with topology=declare once"
                .to_owned()
        }
        _ => String::new(),
    };
    let separator = if advice.is_empty() { "" } else { "; " };
    let text =
        format!("wanted a {}; the broker says: {}{separator}{advice}", declaration.wanted(), refusal.text);
    Refusal { kind: refusal.kind, text }
}

/// What would agree with the Python peers who were there first.
async fn agreement(session: &Session, declaration: &Declaration, refusal: &Refusal) -> Option<String> {
    // Where nothing can be advised, nobody is asked.
    if !declaration.is_joined() {
        return None;
    }
    let found = existing(session, declaration, refusal).await?;
    advice(declaration, &found)
}

/// What exists under the name of `declaration`.
///
/// AMQP has no way to ask, and a broker tells of one difference at a time. So it is declared with the one that was told, and
/// with the next, until nothing is different. That makes nothing, because it exists.
pub(super) async fn existing(
    session: &Session,
    declaration: &Declaration,
    refusal: &Refusal,
) -> Option<Properties> {
    let mut found = declaration.properties()?;
    let mut text = refusal.text.clone();
    for round in 0..MOST_DIFFERENCES {
        let is_told = Difference::parse(&text).is_some_and(|difference| found.take(difference));
        if !is_told {
            // What was found before is true all the same.
            return (round > 0).then_some(found);
        }
        let Ok(channel) = session.try_channel().await else { break };
        match declare_as(&channel, declaration, &found).await {
            Ok(()) => {
                leave(channel).await;
                break;
            }
            Err(refusal) => text = refusal.text,
        }
    }
    Some(found)
}
