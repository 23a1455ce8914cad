//! Interfaces as a document of AsyncAPI 3.0.

use rpc_core::Value as Described;
use rpc_core::introspection::MethodDescription;
use serde_json::{Map, Value, json};

use super::definitions::{Labelled, definitions, word};

/// The channel on which servers of the topic take requests, and that on which a caller takes replies.
const REQUESTS: &str = "requests";
const REPLIES: &str = "replies";

/// What servers of `topic` do: they receive requests, and reply to the address that came with one.
pub(super) fn document(topic: &str, interfaces: &[Labelled<'_>]) -> Value {
    let mut document = Document::default();
    for labelled in interfaces {
        for method in &labelled.interface.methods {
            document.add(labelled, method);
        }
    }
    let versions: Vec<_> = interfaces.iter().map(|labelled| labelled.interface.version.as_str()).collect();
    let docs: Vec<_> = interfaces.iter().map(|labelled| labelled.interface.docs.as_str()).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": topic, "version": versions.join(", "), "description": docs.join("\n\n").trim() },
        "defaultContentType": "application/msgpack",
        "channels": {
            REQUESTS: {
                "address": topic,
                "description": "Any one server of the topic takes a request, or the one that it names, or all.",
                "messages": document.requests,
            },
            REPLIES: {
                "address": null,
                "description": "The address that came with the request.",
                "messages": document.replies,
            },
        },
        "operations": document.operations,
        "components": { "messages": document.messages, "schemas": definitions(interfaces, schema) },
    })
}

#[derive(Debug, Default)]
struct Document {
    requests: Map<String, Value>,
    replies: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
}

impl Document {
    fn add(&mut self, labelled: &Labelled<'_>, method: &MethodDescription) {
        let name = labelled.name(method);
        let interface = labelled.interface;
        let mut headers = json!({
            "method": { "const": method.name },
            "version": {
                "type": "string",
                "description": format!("{} or later, up to {}", method.since, interface.version),
            },
        });
        let mut required = vec!["method"];
        if let Some(namespace) = &interface.namespace {
            headers["namespace"] = json!({ "const": namespace });
            required.push("namespace");
        }
        let headers = json!({ "type": "object", "properties": headers, "required": required });
        let request = self.message(format!("{name}.request"), &format!("{name}.arguments"), &headers);
        self.requests.insert(request.clone(), component(&request));

        let mut operation = json!({
            "action": "receive",
            "channel": { "$ref": format!("#/channels/{REQUESTS}") },
            "messages": [{ "$ref": format!("#/channels/{REQUESTS}/messages/{request}") }],
            "summary": method.docs.lines().next().unwrap_or_default(),
            "description": method.docs,
            "x-rpc": {
                "kind": method.kind, "since": method.since, "timeout-ms": method.timeout_ms,
                "idempotent": method.idempotent, "at-most-once": method.at_most_once,
            },
        });
        // A fanout that has nothing to say is not answered.
        let is_answered = method.kind == "call"
            || method.kind == "fanout" && (method.error.is_some() || method.result.type_name != "()");
        if is_answered {
            let status = |word: &str| json!({ "type": "object", "properties": { "status": { "const": word } }, "required": ["status"] });
            let mut answers =
                vec![self.message(format!("{name}.reply"), &format!("{name}.result"), &status("ok"))];
            if method.error.is_some() {
                answers.push(self.message(
                    format!("{name}.failure"),
                    &format!("{name}.error"),
                    &status("error"),
                ));
            }
            for answer in &answers {
                self.replies.insert(answer.clone(), component(answer));
            }
            let references = answers
                .iter()
                .map(|answer| json!({ "$ref": format!("#/channels/{REPLIES}/messages/{answer}") }));
            operation["reply"] = json!({
                "address": { "location": "$message.header#/reply_to" },
                "channel": { "$ref": format!("#/channels/{REPLIES}") },
                "messages": references.collect::<Vec<_>>(),
            });
        }
        self.operations.insert(word(&name), operation);
    }

    /// Adds a message, and gives back its name.
    fn message(&mut self, name: String, payload: &str, headers: &Value) -> String {
        let message = json!({
            "name": name,
            "headers": headers,
            "payload": { "$ref": format!("#/components/schemas/{payload}") },
            "correlationId": { "location": "$message.header#/correlation_id" },
        });
        self.messages.insert(name.clone(), message);
        name
    }
}

fn component(message: &str) -> Value {
    json!({ "$ref": format!("#/components/messages/{message}") })
}

/// AsyncAPI's schemas are those of an older draft, which writes the parts of a tuple as its items.
fn schema(described: &Described) -> Value {
    older(serde_json::to_value(described).unwrap_or_default())
}

fn older(schema: Value) -> Value {
    match schema {
        Value::Object(mut members) => {
            if let Some(parts) = members.remove("prefixItems") {
                members.insert("items".to_owned(), parts);
            }
            Value::Object(members.into_iter().map(|(key, value)| (key, older(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(older).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::introspection::InterfaceDescription;

    use super::*;

    fn interface(version: &str) -> InterfaceDescription {
        let number = json!({ "type": "u8", "schema": { "type": "integer" } });
        let pair =
            json!({ "type": "(u8,)", "schema": { "type": "array", "prefixItems": [{ "type": "integer" }] } });
        let nothing = json!({ "type": "()", "schema": { "type": "null" } });
        let error = json!({ "type": "Odd", "schema": { "title": "Odd" } });
        let method = |name: &str, kind: &str, result: &Value, error: Option<&Value>| {
            json!({
                "name": name, "kind": kind, "since": "1.0", "timeout_ms": 5, "idempotent": false, "at_most_once": false,
                "docs": "Does it.\n\nReally.", "result": result, "error": error,
                "arguments": [{ "name": "node", "required": true, "type": "(u8,)", "schema": pair["schema"] }],
            })
        };
        serde_json::from_value(json!({
            "name": "Service", "namespace": "a b", "version": version, "docs": "Serves.",
            "methods": [
                method("ask", "call", &number, Some(&error)), method("tell", "cast", &nothing, None),
                method("shout", "fanout", &nothing, None), method("poll", "fanout", &number, None),
            ],
        }))
        .unwrap()
    }

    /// Every reference of the document leads somewhere.
    fn resolve(document: &Value, part: &Value) {
        match part {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                    assert!(found.is_some(), "{reference} leads nowhere: {document:#}");
                }
                members.values().for_each(|member| resolve(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| resolve(document, item)),
            _ => {}
        }
    }

    #[test]
    fn references_lead_somewhere_and_answers_are_where_they_belong() {
        let interfaces = [interface("1.2"), interface("2.0")];
        let document = document("compute/1", &Labelled::all(&interfaces));
        resolve(&document, &document);
        assert_eq!(document["channels"]["requests"]["address"], "compute/1");
        let operations = document["operations"].as_object().unwrap();
        assert_eq!(operations.len(), 8);
        let answers = |name: &str| operations[name]["reply"]["messages"].as_array().map(Vec::len);
        let kinds = ["ask", "tell", "shout", "poll"].map(|method| answers(&format!("a_b.v2.{method}")));
        assert_eq!(kinds, [Some(2), None, None, Some(1)]);
        let arguments = &document["components"]["schemas"]["a_b.v1.ask.arguments"];
        assert_eq!(arguments["properties"]["node"]["items"], json!([{ "type": "integer" }]));
        assert_eq!(arguments["additionalProperties"], json!(false));
    }

    #[test]
    fn one_version_needs_no_number() {
        let interfaces = [interface("1.2")];
        let document = super::super::definitions::document("t", &Labelled::all(&interfaces));
        let node = &document["$defs"]["a_b.ask.arguments"]["properties"]["node"];
        assert_eq!(node["prefixItems"], json!([{ "type": "integer" }]));
        assert_eq!(document["$defs"]["a_b.ask.error"], json!({ "title": "Odd" }));
    }
}
