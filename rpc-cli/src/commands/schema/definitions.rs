//! Interfaces as definitions of JSON Schema.

use rpc_core::Value as Described;
use rpc_core::introspection::{InterfaceDescription, MethodDescription};
use serde_json::{Map, Value, json};

/// An interface with the word that its definitions begin with.
#[derive(Debug)]
pub(super) struct Labelled<'a> {
    pub(super) label: String,
    pub(super) interface: &'a InterfaceDescription,
}

impl<'a> Labelled<'a> {
    /// Each has its namespace, or its name where it has none; and its major version, if there are several.
    pub(super) fn all(interfaces: &'a [InterfaceDescription]) -> Vec<Self> {
        let plain = |interface: &InterfaceDescription| {
            word(interface.namespace.as_deref().unwrap_or(&interface.name))
        };
        let label = |interface: &'a InterfaceDescription| {
            let label = plain(interface);
            let is_alone = interfaces.iter().filter(|other| plain(other) == label).count() == 1;
            let major = interface.version.split('.').next().unwrap_or_default();
            let label = if is_alone { label } else { format!("{label}.v{}", word(major)) };
            Self { label, interface }
        };
        interfaces.iter().map(label).collect()
    }

    /// The name of what is said of a method.
    pub(super) fn name(&self, method: &MethodDescription) -> String {
        format!("{}.{}", self.label, word(&method.name))
    }
}

/// A document with the arguments, results and errors of all methods.
pub(super) fn document(topic: &str, interfaces: &[Labelled<'_>]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": topic,
        "$defs": definitions(interfaces, schema),
    })
}

/// The arguments, results and errors of all methods, with schemas as `write` writes them.
pub(super) fn definitions(interfaces: &[Labelled<'_>], write: fn(&Described) -> Value) -> Map<String, Value> {
    let mut definitions = Map::new();
    for labelled in interfaces {
        for method in &labelled.interface.methods {
            let name = labelled.name(method);
            definitions.insert(format!("{name}.arguments"), arguments(method, write));
            definitions.insert(format!("{name}.result"), write(&method.result.schema));
            if let Some(error) = &method.error {
                definitions.insert(format!("{name}.error"), write(&error.schema));
            }
        }
    }
    definitions
}

/// As it is described, in JSON.
fn schema(described: &Described) -> Value {
    serde_json::to_value(described).unwrap_or_default()
}

/// Arguments travel by name, and unknown ones fail.
fn arguments(method: &MethodDescription, write: fn(&Described) -> Value) -> Value {
    let properties: Map<_, _> = method
        .arguments
        .iter()
        .map(|argument| (argument.name.clone(), write(&argument.value.schema)))
        .collect();
    let required: Vec<_> =
        method.arguments.iter().filter(|argument| argument.required).map(|argument| &argument.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// Names come from strangers, and definitions have names of some characters only.
pub(super) fn word(name: &str) -> String {
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    name.chars().map(|character| if is_allowed(character) { character } else { '_' }).collect()
}
