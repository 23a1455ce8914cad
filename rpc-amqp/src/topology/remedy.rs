//! What to do about a queue of our own that exists with other properties.

use super::advice;
use super::declaration::{Declaration, QueueKind};
use super::properties::{Argument, Properties, QUEUE_TYPE};
use crate::settings::QueueType;

/// What to do where `wanted` exists as `found`, for people: the option that fits, if there is one.
pub(crate) fn remedy(wanted: &Declaration, found: &Properties) -> String {
    if let Some(advice) = advice(wanted, found) {
        return advice;
    }
    match queue_type(wanted, found) {
        Some(queue_type) => format!(
            "set queue_type={} to agree with whoever made it, or delete it when it is empty",
            queue_type.as_str()
        ),
        None => "no option makes it so: delete it when it is empty, and put limits into policies".to_owned(),
    }
}

/// The type that would make `wanted` what was found, if nothing else differs.
fn queue_type(wanted: &Declaration, found: &Properties) -> Option<QueueType> {
    let Declaration::Queue { name, kind: QueueKind::Durable { expires_ms, .. } } = wanted else {
        return None;
    };
    let Some(Argument::Text(text)) = found.argument(QUEUE_TYPE) else { return None };
    let queue_type = QueueType::ALL.into_iter().find(|queue_type| queue_type.as_str() == *text)?;
    let kind = QueueKind::Durable { queue_type, expires_ms: *expires_ms };
    let otherwise = Declaration::Queue { name: name.clone(), kind };
    is_same(&otherwise.properties()?, found).then_some(queue_type)
}

/// Whether both are the same, in whatever order.
fn is_same(one: &Properties, other: &Properties) -> bool {
    let has_all = |one: &Properties, other: &Properties| {
        one.arguments.iter().all(|(name, value)| other.argument(name) == Some(value))
    };
    let is_alike = (one.lifetime, one.is_exclusive) == (other.lifetime, other.is_exclusive);
    is_alike && has_all(one, other) && has_all(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Lifetime;

    #[test]
    fn the_option_that_fits_is_named() {
        let queue = |queue_type| Declaration::Queue {
            name: "rpc.default.t".to_owned(),
            kind: QueueKind::Durable { queue_type, expires_ms: Some(1) },
        };
        let found = queue(QueueType::Quorum).properties().unwrap();
        assert!(remedy(&queue(QueueType::Classic), &found).contains("queue_type=quorum"));
        for change in [
            (|found: &mut Properties| found.set("x-max-length".into(), Some(Argument::Number(1))))
                as fn(&mut Properties),
            |found| found.set("x-expires".into(), None),
            |found| found.lifetime = Lifetime { durable: false, auto_delete: false },
            |found| found.set("x-queue-type".into(), Some(Argument::Text("stream".into()))),
            |found| found.set("x-queue-type".into(), None),
        ] {
            let mut found = found.clone();
            change(&mut found);
            let remedy = remedy(&queue(QueueType::Classic), &found);
            assert!(remedy.contains("no option") && !remedy.contains("queue_type="), "{found:?}: {remedy}");
        }
    }
}
