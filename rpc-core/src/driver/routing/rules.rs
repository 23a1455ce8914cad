//! Which driver accepts which events.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::glob::Globs;
use crate::driver::registry::misconfigured;
use crate::error::Error;
use crate::priority::Priority;

/// Rules by group and driver, as in a file:
///
/// ```toml
/// # [group.driver]
/// [audit.messaging]
/// accepted_events = ["compute.instance.*", "network.*"]
/// accepted_priorities = ["info", "error"]
/// ```
///
/// Groups only keep the rules of different people apart. The structure is that of oslo.messaging's routing file, which is in
/// YAML; a program that has a parser for that can read it into this type as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct RoutingRules(BTreeMap<String, BTreeMap<String, RoutingRule>>);

/// Which events a driver accepts. Without a list it accepts any; with both, an event has to be in both.
///
/// Patterns are those of a shell: `*` is any text, `?` any character, `[ab]` one of these, `[!ab]` any other. They match the
/// whole, so `foo.*` does not match `foo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RoutingRule {
    /// Patterns of event types.
    pub accepted_events: Option<Vec<String>>,
    /// Patterns of priorities, upper and lower case being the same.
    pub accepted_priorities: Option<Vec<String>>,
}

impl RoutingRules {
    /// Reads rules from the text of a TOML file. An empty one has none.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) with line and column of what is not understood.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| misconfigured(format!("routing rules: {error}")))
    }

    /// Reads a TOML file. Blocks the thread; for the start of a program.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) when it cannot be read, or is not understood. A file that
    /// is named and not there is a mistake: nobody would notice that no event goes anywhere.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let about = |what: &dyn fmt::Display| misconfigured(format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| about(&error))?;
        Self::from_toml(&text).map_err(|error| about(&error.message()))
    }

    /// Group, driver and rule of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &RoutingRule)> {
        let groups = self.0.iter();
        groups.flat_map(|(group, drivers)| {
            drivers.iter().map(move |(driver, rule)| (group.as_str(), driver.as_str(), rule))
        })
    }
}

/// A rule, ready to be asked.
#[derive(Debug)]
pub(super) struct Compiled {
    events: Option<Globs>,
    priorities: Option<Vec<Priority>>,
}

impl Compiled {
    pub(super) fn new(rule: &RoutingRule) -> Result<Self, String> {
        let events = rule.accepted_events.as_deref().map(Globs::new).transpose()?;
        let priorities = rule.accepted_priorities.as_deref().map(priorities).transpose()?;
        Ok(Self { events, priorities })
    }

    pub(super) fn accepts(&self, event_type: &str, priority: Priority) -> bool {
        self.priorities.as_ref().is_none_or(|priorities| priorities.contains(&priority))
            && self.events.as_ref().is_none_or(|events| events.match_any(event_type))
    }
}

fn priorities(patterns: &[String]) -> Result<Vec<Priority>, String> {
    let mut accepted = Vec::new();
    for pattern in patterns {
        let glob = Globs::new(&[pattern.to_lowercase()])?;
        let before = accepted.len();
        accepted.extend(Priority::ALL.iter().filter(|priority| glob.match_any(priority.as_str())));
        if accepted.len() == before {
            let known: Vec<_> = Priority::ALL.iter().map(|priority| priority.as_str()).collect();
            return Err(format!("no priority is like {pattern:?}: there are {}", known.join(", ")));
        }
    }
    Ok(accepted)
}
