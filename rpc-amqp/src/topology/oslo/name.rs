//! Names as Python forms them.

use rpc_core::{Code, Error, Executed, Phase, Priority, Route as TargetRoute, Target};

use super::super::name::{checked, not_empty};

/// The key of requests to `target`, and the queue that takes them; for a fanout those of its topic.
pub(super) fn requests(target: &Target) -> Result<String, Error> {
    let topic = target.topic_name();
    not_empty("topic", topic)?;
    match target.route() {
        TargetRoute::Server(server) => {
            not_empty("server", server)?;
            usable(format!("{topic}.{server}"))
        }
        TargetRoute::Topic | TargetRoute::Fanout => usable(topic.to_owned()),
    }
}

/// The exchange of fanouts to a topic, whatever its exchange.
pub(super) fn fanout(topic: &str) -> Result<String, Error> {
    not_empty("topic", topic)?;
    checked(format!("{topic}_fanout"))
}

/// The key of notifications, and the queue of those who are in no pool.
pub(super) fn notifications(topic: &str, priority: Priority) -> Result<String, Error> {
    not_empty("topic", topic)?;
    usable(format!("{topic}.{priority}"))
}

pub(super) fn exchange(name: &str) -> Result<String, Error> {
    not_empty("exchange", name)?;
    checked(name.to_owned())
}

/// The key, if a topic exchange takes it for itself. A server called `#` would get everything.
fn usable(key: String) -> Result<String, Error> {
    if key.split('.').any(|word| matches!(word, "*" | "#")) {
        let message = format!("{key:?} is a pattern to the broker: a name has no word that is only * or #");
        return Err(Error::new(Code::InvalidArguments, message)
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish));
    }
    checked(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pythons() {
        let target = Target::topic("nova.compute").exchange("x");
        assert_eq!(requests(&target).unwrap(), "nova.compute");
        assert_eq!(requests(&target.server("host.example")).unwrap(), "nova.compute.host.example");
        assert_eq!(fanout("nova.compute").unwrap(), "nova.compute_fanout");
        assert_eq!(notifications("notifications", Priority::Warn).unwrap(), "notifications.warn");
    }

    #[test]
    fn patterns_are_refused() {
        for name in ["#", "*", "a.#", "*.b"] {
            assert!(requests(&Target::topic(name)).is_err(), "{name}");
        }
        assert!(requests(&Target::topic("a").server("#")).is_err());
        assert!(requests(&Target::topic("a#").server("c*")).is_ok());
        assert!(requests(&Target::topic("")).is_err() && requests(&Target::topic("a").server("")).is_err());
    }
}
