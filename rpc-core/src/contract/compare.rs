//! The rules: which difference breaks whom.

#[cfg(test)]
mod tests;

use serde::Serialize;

use super::change::{Breaks, Change, What};
use super::schema::accepts;
use crate::introspection::{ArgumentDescription, InterfaceDescription, MethodDescription, TypeDescription};
use crate::version::Version;

/// How two descriptions of an interface differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The version before, as it is written there.
    pub old_version: String,
    /// The version after.
    pub new_version: String,
    changes: Vec<Change>,
}

impl Comparison {
    /// Every difference that matters on the wire, by method.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whom they break, all together.
    #[must_use]
    pub fn breaks(&self) -> Breaks {
        self.changes.iter().fold(Breaks::NOBODY, |breaks, change| breaks.or(change.breaks))
    }

    /// Whether nobody breaks, or the major version says that they do.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        !self.breaks().anybody() || is_major(&self.old_version, &self.new_version)
    }
}

/// How `new` differs from `old`.
///
/// A version that is none is taken for `0.0`.
#[must_use]
pub fn compare(old: &InterfaceDescription, new: &InterfaceDescription) -> Comparison {
    let mut changes = Vec::new();
    of_interface(old, new, &mut changes);
    let old_version = version(&old.version);
    for before in &old.methods {
        match new.methods.iter().find(|method| method.name == before.name) {
            None => changes.push(change(&before.name, What::MethodRemoved, Breaks::CALLERS)),
            Some(after) => of_method(before, after, old_version, &mut changes),
        }
    }
    for after in &new.methods {
        if !old.methods.iter().any(|method| method.name == after.name) {
            let what = What::MethodAdded { since: after.since.clone() };
            let breaks = Breaks::SERVERS.unless_servers_refuse(is_refused(old_version, after));
            changes.push(change(&after.name, what, breaks));
        }
    }
    Comparison { old_version: old.version.clone(), new_version: new.version.clone(), changes }
}

fn of_interface(old: &InterfaceDescription, new: &InterfaceDescription, changes: &mut Vec<Change>) {
    let mut push = |what, breaks| changes.push(Change { method: None, argument: None, what, breaks });
    if old.namespace != new.namespace {
        let what = What::Namespace { old: old.namespace.clone(), new: new.namespace.clone() };
        push(what, Breaks::BOTH);
    }
    let (before, after) = (version(&old.version), version(&new.version));
    if !after.serves(before) {
        // Callers ask for what they know. Servers are asked for what they have, or refuse by the version.
        push(What::Version { old: old.version.clone(), new: new.version.clone() }, Breaks::CALLERS);
    }
}

fn of_method(
    old: &MethodDescription,
    new: &MethodDescription,
    old_version: Version,
    changes: &mut Vec<Change>,
) {
    let refused = is_refused(old_version, new);
    let name = &new.name;
    let mut push = |argument: Option<&str>, what, breaks: Breaks| {
        let breaks = breaks.unless_servers_refuse(refused);
        let argument = argument.map(str::to_owned);
        changes.push(Change { method: Some(name.clone()), argument, what, breaks });
    };
    if old.kind != new.kind {
        push(None, What::Kind { old: old.kind.clone(), new: new.kind.clone() }, Breaks::BOTH);
    }
    for before in &old.arguments {
        match new.arguments.iter().find(|argument| argument.name == before.name) {
            // Who knows the old one gives it, and it is unknown. Who knows the new one gives none.
            None => {
                let breaks = Breaks { callers: true, servers: before.required };
                push(Some(&before.name), What::ArgumentRemoved, breaks);
            }
            Some(after) => of_argument(before, after, &mut push),
        }
    }
    for after in &new.arguments {
        if !old.arguments.iter().any(|argument| argument.name == after.name) {
            // Who knows the old one does not give it. Who knows the new one does, and it is unknown.
            let breaks = Breaks { callers: after.required, servers: true };
            push(Some(&after.name), What::ArgumentAdded { required: after.required }, breaks);
        }
    }
    if let Some(breaks) = of_answer(&old.result, &new.result) {
        let (old, new) = (old.result.type_name.clone(), new.result.type_name.clone());
        push(None, What::Result { old, new }, breaks);
    }
    let breaks = match (&old.error, &new.error) {
        (Some(before), Some(after)) => of_answer(before, after),
        (None, None) => None,
        // Who does not know the type of an error gets its name and text.
        (None, Some(_)) | (Some(_), None) => Some(Breaks::NOBODY),
    };
    if let Some(breaks) = breaks {
        let name = |error: &Option<TypeDescription>| error.as_ref().map(|error| error.type_name.clone());
        push(None, What::Error { old: name(&old.error), new: name(&new.error) }, breaks);
    }
}

fn of_argument(
    old: &ArgumentDescription,
    new: &ArgumentDescription,
    push: &mut impl FnMut(Option<&str>, What, Breaks),
) {
    let name = Some(new.name.as_str());
    match (old.required, new.required) {
        (false, true) => push(name, What::ArgumentRequired, Breaks::CALLERS),
        (true, false) => push(name, What::ArgumentOptional, Breaks::SERVERS),
        (true, true) | (false, false) => {}
    }
    // The new server reads what callers of the old interface send, and the old server what others do.
    let breaks = Breaks {
        callers: !accepts(&new.value.schema, &old.value.schema),
        servers: !accepts(&old.value.schema, &new.value.schema),
    };
    if breaks.anybody() {
        let (old, new) = (old.value.type_name.clone(), new.value.type_name.clone());
        push(name, What::ArgumentType { old, new }, breaks);
    }
}

/// An answer goes the other way than an argument. `None` when its values are the same.
fn of_answer(old: &TypeDescription, new: &TypeDescription) -> Option<Breaks> {
    let breaks =
        Breaks { callers: !accepts(&old.schema, &new.schema), servers: !accepts(&new.schema, &old.schema) };
    breaks.anybody().then_some(breaks)
}

fn change(method: &str, what: What, breaks: Breaks) -> Change {
    Change { method: Some(method.to_owned()), argument: None, what, breaks }
}

/// Whether a server of the old version refuses who asks for the method as it is now, since it asks for a later version.
fn is_refused(old_version: Version, method: &MethodDescription) -> bool {
    !old_version.serves(version(&method.since))
}

fn is_major(old: &str, new: &str) -> bool {
    version(new).major() > version(old).major()
}

fn version(text: &str) -> Version {
    text.parse().unwrap_or(Version::new(0, 0))
}
