//! `rpc schema diff`: which changes break whom.

use rpc_core::contract::{Change, Comparison, compare};
use rpc_core::introspection::InterfaceDescription;
use serde_json::json;

use super::major;
use crate::failure::Failure;
use crate::output::{Output, Table};

pub(super) fn show(
    old: &[InterfaceDescription],
    new: &[InterfaceDescription],
    output: Output,
) -> Result<(), Failure> {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let (mut compared, mut removed) = (Vec::new(), Vec::new());
    for before in old {
        let interface = format!("{} {}", before.name, before.version);
        if let Some(after) = successor(before, old, new) {
            let comparison = compare(before, after);
            let row = |change: &Change| (interface.clone(), change.to_string(), change.breaks.to_string());
            rows.extend(comparison.changes().iter().map(row));
            compared.push((before, comparison));
        } else {
            rows.push((interface, "removed".to_owned(), "callers".to_owned()));
            removed.push(&before.name);
        }
    }
    let described = |(before, comparison): &(&InterfaceDescription, Comparison)| {
        json!({
            "name": before.name, "namespace": before.namespace, "breaks": comparison.breaks(),
            "allowed": comparison.is_allowed(), "comparison": comparison,
        })
    };
    let told = json!({ "compared": compared.iter().map(described).collect::<Vec<_>>(), "removed": removed });
    if rows.is_empty() {
        output.note_nothing("no difference that matters");
    }
    output.show(&told, |_| {
        let mut table = Table::new(["INTERFACE", "CHANGE", "BREAKS"]);
        for (interface, change, breaks) in rows {
            table.row([interface, change, breaks]);
        }
        table.render()
    })?;
    let broken = compared.iter().filter(|(_, comparison)| !comparison.is_allowed());
    let broken: Vec<_> = broken
        .map(|(before, comparison)| {
            let Comparison { old_version, new_version, .. } = comparison;
            format!("{} {new_version} breaks {} of {old_version}", before.name, comparison.breaks())
        })
        .chain(removed.iter().map(|name| format!("{name} is gone")))
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(Failure::Contract(broken.join("; "))) }
}

/// What an interface has become: the one of the same namespace and major version, or else of a later one. An interface that
/// is alone on both sides is compared whatever it is called.
fn successor<'a>(
    before: &InterfaceDescription,
    old: &[InterfaceDescription],
    new: &'a [InterfaceDescription],
) -> Option<&'a InterfaceDescription> {
    if let ([_], [only]) = (old, new) {
        return Some(only);
    }
    let is_it = |after: &&InterfaceDescription| {
        let is_named = before.namespace.is_some() || after.name == before.name;
        after.namespace == before.namespace && is_named
    };
    let same = new.iter().filter(is_it).find(|after| major(after) == major(before));
    same.or_else(|| {
        new.iter().filter(is_it).filter(|after| major(after) > major(before)).min_by_key(|after| major(after))
    })
}
