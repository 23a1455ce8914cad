//! Exchanges that Python peers share with other settings.
//!
//! Services that share a control exchange may disagree about whether it is durable, and which of them is right depends on
//! which was there first. Python then takes one that is not durable for what it wanted, and fails over one that is. Whether
//! an exchange survives a restart of its broker matters little, since all who use it declare it again; so here it is used as
//! it is, either way, and said once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{declare_as, declare_one, leave};
use crate::link::{Refusal, RefusalKind, Session};
use crate::topology::{Declaration, Difference, ExchangeKind};

/// How many exchanges are remembered as told of.
const MOST_TOLD: usize = 1_000;

/// Whether it may be durable or not, as it was made.
pub(super) const fn is_adoptable(declaration: &Declaration) -> bool {
    matches!(declaration, Declaration::Exchange { kind: ExchangeKind::Topic, is_joined: true, .. })
}

/// Declares an exchange, or finds that it exists and differs in nothing but whether it is durable.
///
/// On channels of its own, since a refusal closes one, and what else is to be declared on that of the caller is not refused.
/// Whether a broker that does not answer is dead or only blocked is left to the caller.
pub(super) async fn declare_adopting(session: &Session, declaration: &Declaration) -> Result<(), Refusal> {
    let channel = session.try_channel().await?;
    let Err(refusal) = declare_one(&channel, declaration, false).await else {
        leave(channel).await;
        return Ok(());
    };
    let is_durable = Difference::parse(&refusal.text).and_then(|difference| difference.durable());
    let (Some(is_durable), Some(mut found), RefusalKind::Mismatch) =
        (is_durable, declaration.properties(), refusal.kind)
    else {
        return Err(refusal);
    };
    found.lifetime.durable = is_durable;
    let channel = session.try_channel().await?;
    declare_as(&channel, declaration, &found).await?;
    leave(channel).await;
    tell_once(declaration.name(), is_durable);
    Ok(())
}

fn tell_once(exchange: &str, is_durable: bool) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.len() < MOST_TOLD && told.insert(exchange.to_owned()) {
        let (is, options) = if is_durable {
            ("is", "durable=true")
        } else {
            ("is not", "durable=false and queue_type=classic")
        };
        tracing::warn!(
            exchange,
            "the exchange {is} durable, because somebody with other options made it first; it is used as it is. \
             Set {options} to agree"
        );
    }
}
