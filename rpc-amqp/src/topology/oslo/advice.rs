//! Which options would make our declarations those of the peers who were there first.

#[cfg(test)]
mod tests;

use crate::topology::declaration::{Declaration, ExchangeKind, Joined, QueueKind, Storage};
use crate::topology::properties::{
    Argument, DELIVERY_LIMIT, EXPIRES, MAX_AGE, MAX_IN_MEMORY_BYTES, MAX_IN_MEMORY_LENGTH, MIRRORING,
    Properties, QUEUE_TYPE, QUORUM,
};

/// The arguments of quorum queues, and the options that set them.
const LIMITS: [(&str, &str); 3] = [
    (DELIVERY_LIMIT, "quorum_delivery_limit"),
    (MAX_IN_MEMORY_LENGTH, "quorum_max_memory_length"),
    (MAX_IN_MEMORY_BYTES, "quorum_max_memory_bytes"),
];

/// What to do where `wanted` exists as `found`, for people. `None` when peers have no part in it.
pub(crate) fn advice(wanted: &Declaration, found: &Properties) -> Option<String> {
    let mut advice =
        Advice { wanted: wanted.properties()?, found, settings: Vec::new(), foreign: Vec::new() };
    match wanted {
        Declaration::Exchange { is_joined: true, kind: ExchangeKind::Topic, .. } => {
            advice.of_topic_exchange()
        }
        Declaration::Exchange { is_joined: true, kind: ExchangeKind::Fanout, .. } => {
            advice.of_fanout_exchange()
        }
        Declaration::Queue { kind: QueueKind::Joined(joined), .. } => match joined {
            Joined { storage: Storage::Stream, .. } => advice.of_stream(),
            Joined { is_own: true, .. } => advice.of_own_queue(),
            Joined { is_own: false, .. } => advice.of_shared_queue(),
        },
        _ => return None,
    }
    advice.finish()
}

/// What was found, taken apart.
struct Advice<'a> {
    wanted: Properties,
    found: &'a Properties,
    /// What to set here, and what that is in Python.
    settings: Vec<String>,
    /// What no option makes.
    foreign: Vec<String>,
}

/// How a queue is kept, as far as options of peers decide.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kept {
    Classic,
    Quorum,
    Otherwise,
}

impl Advice<'_> {
    fn of_topic_exchange(&mut self) {
        self.durable("durable", "amqp_durable_queues");
        if self.wanted.lifetime.durable && !self.found.lifetime.durable {
            // Beside quorum queues it is durable whatever was said.
            self.set("queue_type=classic", "rabbit_quorum_queue=false");
        }
        self.auto_delete();
    }

    fn of_fanout_exchange(&mut self) {
        self.durable("transient_quorum", "rabbit_transient_quorum_queue");
        self.foreign_auto_delete();
    }

    fn of_shared_queue(&mut self) {
        if let Some(is_quorum) = self.storage_differs() {
            let kind = if is_quorum { "quorum" } else { "classic" };
            self.set(&format!("queue_type={kind}"), &format!("rabbit_quorum_queue={is_quorum}"));
        }
        // A quorum queue is durable whatever was said.
        if self.kept() == Kept::Classic {
            self.durable("durable", "amqp_durable_queues");
        }
        self.auto_delete();
        self.limits_and_mirrors();
        self.others(&[]);
    }

    fn of_own_queue(&mut self) {
        if let Some(is_quorum) = self.storage_differs() {
            self.truth("transient_quorum", "rabbit_transient_quorum_queue", is_quorum);
        }
        if self.kept() == Kept::Classic && self.found.lifetime.durable {
            self.foreign.push("durable=true".to_owned());
        }
        self.foreign_auto_delete();
        if self.differs(EXPIRES) {
            match self.found.argument(EXPIRES) {
                None => self.ttl(0),
                Some(Argument::Number(time)) if time % 1_000 == 0 => self.ttl(time / 1_000),
                Some(other) => self.foreign.push(format!("{EXPIRES}={other}")),
            }
        }
        self.limits_and_mirrors();
        self.others(&[EXPIRES]);
    }

    fn of_stream(&mut self) {
        if self.differs(MAX_AGE) {
            let age = self.found.argument(MAX_AGE).map(ToString::to_string);
            match age.as_deref().map(|age| age.strip_suffix('s').and_then(|seconds| seconds.parse().ok())) {
                None => self.ttl(0),
                Some(Some(seconds)) => self.ttl(seconds),
                Some(None) => self.foreign.extend(age.map(|age| format!("{MAX_AGE}={age}"))),
            }
        }
        if self.found.lifetime != self.wanted.lifetime {
            self.foreign.push("the lifetime of a queue that is no stream".to_owned());
        }
        if self.differs(QUEUE_TYPE) {
            self.foreign_argument(QUEUE_TYPE);
        }
        self.others(&[MAX_AGE]);
    }

    fn durable(&mut self, here: &str, there: &str) {
        let Properties { lifetime, .. } = self.found;
        if lifetime.durable != self.wanted.lifetime.durable {
            self.truth(here, there, lifetime.durable);
        }
    }

    fn auto_delete(&mut self) {
        let current = self.found.lifetime.auto_delete;
        if current != self.wanted.lifetime.auto_delete {
            self.truth("auto_delete", "amqp_auto_delete", current);
        }
    }

    fn foreign_auto_delete(&mut self) {
        let current = self.found.lifetime.auto_delete;
        if current != self.wanted.lifetime.auto_delete {
            self.foreign.push(format!("auto_delete={current}"));
        }
    }

    fn kept(&self) -> Kept {
        kept(self.found)
    }

    /// Whether it is a quorum queue, if that is different.
    fn storage_differs(&mut self) -> Option<bool> {
        let found = self.kept();
        if found == Kept::Otherwise {
            self.foreign_argument(QUEUE_TYPE);
            return None;
        }
        (found != kept(&self.wanted)).then_some(found == Kept::Quorum)
    }

    fn limits_and_mirrors(&mut self) {
        for (argument, option) in LIMITS {
            if self.kept() == Kept::Quorum && self.differs(argument) {
                let current =
                    self.found.argument(argument).map_or_else(|| "0".to_owned(), ToString::to_string);
                self.set(&format!("{option}={current}"), &format!("rabbit_{option}={current}"));
            }
        }
        if self.differs(MIRRORING) {
            self.truth("ha_queues", "rabbit_ha_queues", self.found.argument(MIRRORING).is_some());
        }
    }

    /// What is different and not among what was looked at.
    fn others(&mut self, seen: &[&str]) {
        let looked_at = |name: &str| {
            name == QUEUE_TYPE || name == MIRRORING || LIMITS.iter().any(|(limit, _)| *limit == name)
        };
        let both =
            self.wanted.arguments.iter().chain(&self.found.arguments).map(|(name, _)| name.to_string());
        let mut names: Vec<_> =
            both.filter(|name| !looked_at(name) && !seen.contains(&name.as_str())).collect();
        names.sort();
        names.dedup();
        for name in names {
            if self.differs(&name) {
                self.foreign_argument(&name);
            }
        }
    }

    fn differs(&self, name: &str) -> bool {
        self.found.argument(name) != self.wanted.argument(name)
    }

    fn foreign_argument(&mut self, name: &str) {
        let text = match self.found.argument(name) {
            Some(value) => format!("{name}={value}"),
            None => format!("no {name}"),
        };
        self.foreign.push(text);
    }

    fn ttl(&mut self, seconds: i64) {
        let [here, there] = ["", "rabbit_"].map(|prefix| format!("{prefix}transient_queues_ttl={seconds}"));
        self.set(&here, &there);
    }

    fn truth(&mut self, here: &str, there: &str, value: bool) {
        self.set(&format!("{here}={value}"), &format!("{there}={value}"));
    }

    fn set(&mut self, here: &str, there: &str) {
        self.settings.push(format!("{here} (in Python {there})"));
    }

    fn finish(self) -> Option<String> {
        let Self { settings, foreign, .. } = self;
        let delete = "delete it when it is empty";
        match (settings.join(" and "), foreign.join(" and ")) {
            (settings, foreign) if settings.is_empty() && foreign.is_empty() => None,
            (settings, foreign) if foreign.is_empty() => {
                Some(format!("set {settings} to agree with whoever made it, or {delete}"))
            }
            (_, foreign) => Some(format!("it has {foreign}, for which Python has no option: {delete}")),
        }
    }
}

fn kept(properties: &Properties) -> Kept {
    match properties.argument(QUEUE_TYPE) {
        None => Kept::Classic,
        Some(Argument::Text(text)) if text == "classic" => Kept::Classic,
        Some(Argument::Text(text)) if text == QUORUM => Kept::Quorum,
        Some(_) => Kept::Otherwise,
    }
}
