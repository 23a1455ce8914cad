//! Looking how something on the broker is.

use std::collections::BTreeMap;

use super::explanation::existing;
use super::{declare_one, leave};
use crate::link::{Refusal, RefusalKind, Session};
use crate::topology::{Declaration, Difference, remedy, shown};

/// How something on the broker is, beside how it is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Examination {
    Same,
    Absent,
    /// With its properties as text, and what to do.
    Different {
        found: BTreeMap<String, String>,
        advice: String,
    },
    /// With the reason.
    Unknown(String),
}

/// Looks at an exchange or a queue, on channels of its own.
///
/// Makes nothing, unless somebody deletes it between two looks: comparing takes declaring what has just been found.
pub(crate) async fn examine(session: &Session, declaration: &Declaration) -> Result<Examination, Refusal> {
    if matches!(declaration, Declaration::Binding { .. }) {
        return Ok(Examination::Unknown("AMQP has no way to look at a binding".to_owned()));
    }
    let channel = session.try_channel().await?;
    if let Err(refusal) = declare_one(&channel, declaration, true).await {
        return judged(refusal);
    }
    let refusal = match declare_one(&channel, declaration, false).await {
        Ok(()) => {
            leave(channel).await;
            return Ok(Examination::Same);
        }
        Err(refusal) if refusal.kind == RefusalKind::Mismatch => refusal,
        Err(refusal) => return judged(refusal),
    };
    Ok(match existing(session, declaration, &refusal).await {
        Some(found) => {
            let advice = remedy(declaration, &found);
            Examination::Different { found: shown(declaration, &found), advice }
        }
        None => of_text(declaration, &refusal),
    })
}

/// A look that was refused tells something, too.
fn judged(refusal: Refusal) -> Result<Examination, Refusal> {
    match refusal.kind {
        // 405 is one that somebody has to himself.
        RefusalKind::Absent if refusal.text.starts_with("404") => Ok(Examination::Absent),
        RefusalKind::Absent | RefusalKind::Forbidden | RefusalKind::NodeDown => {
            Ok(Examination::Unknown(refusal.text))
        }
        _ => Err(refusal),
    }
}

/// What is told of something that cannot be declared as it is, such as an exchange of a type of its own.
fn of_text(declaration: &Declaration, refusal: &Refusal) -> Examination {
    let mut found = declaration.properties().map(|wanted| shown(declaration, &wanted)).unwrap_or_default();
    if let Some(Difference { argument, current }) = Difference::parse(&refusal.text) {
        found.remove(&argument);
        found.extend(current.map(|current| (argument, current.to_string())));
    }
    Examination::Different {
        found,
        advice: format!("delete it when nobody needs it; the broker says: {}", refusal.text),
    }
}
