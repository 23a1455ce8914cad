//! From `key=value` to the arguments of a method.

mod reading;

use std::collections::BTreeMap;
use std::fmt;

use rpc_core::Value;
use rpc_core::introspection::{ArgumentDescription, MethodDescription};

/// Why arguments cannot be those of the method.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum WrongArgument {
    #[error("{text:?} is no argument: write KEY=VALUE")]
    NoKey { text: String },
    #[error("argument {name:?} is given twice")]
    Twice { name: String },
    #[error("{method} has no argument {name:?}; {known}")]
    Unknown { method: String, name: String, known: Known },
    #[error("argument {name:?} of {method} is missing: it is {expected} ({type_name})")]
    Missing { method: String, name: String, expected: String, type_name: String },
    #[error("argument {name:?} has to be {expected} ({type_name}), and is {given}")]
    Type { name: String, expected: String, type_name: String, given: String },
    #[error("--json takes an object with the arguments by name: {0}")]
    Json(String),
}

/// The arguments that a method has.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Known(Vec<String>);

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [] => formatter.write_str("it takes none"),
            names => write!(formatter, "it takes {}", names.join(", ")),
        }
    }
}

type Pairs = BTreeMap<String, Value>;

/// The arguments of `method`, which is described.
pub(crate) fn typed(
    method: &MethodDescription,
    json: Option<&str>,
    given: &[String],
) -> Result<Value, WrongArgument> {
    let described = |name: &str| {
        method.arguments.iter().find(|argument| argument.name == name).ok_or_else(|| WrongArgument::Unknown {
            method: method.name.clone(),
            name: name.to_owned(),
            known: Known(method.arguments.iter().map(|argument| argument.name.clone()).collect()),
        })
    };
    let mut pairs = object(json)?;
    for (name, value) in &pairs {
        let argument = described(name)?;
        reading::check(&argument.value.schema, value)
            .map_err(|expected| wrong(argument, expected, shown(value)))?;
    }
    for text in given {
        let (name, text) = split(text)?;
        let argument = described(name)?;
        let value = reading::read(&argument.value.schema, text)
            .map_err(|expected| wrong(argument, expected, format!("{text:?}")))?;
        insert(&mut pairs, name, value)?;
    }
    let missing =
        method.arguments.iter().find(|argument| argument.required && !pairs.contains_key(&argument.name));
    if let Some(ArgumentDescription { name, value, .. }) = missing {
        return Err(WrongArgument::Missing {
            method: method.name.clone(),
            name: name.clone(),
            expected: reading::describe(&value.schema),
            type_name: value.type_name.clone(),
        });
    }
    Ok(Value::Map(pairs))
}

/// Arguments that nobody describes: JSON where it is JSON, and text otherwise.
pub(crate) fn untyped(json: Option<&str>, given: &[String]) -> Result<Value, WrongArgument> {
    let mut pairs = object(json)?;
    for text in given {
        let (name, text) = split(text)?;
        insert(&mut pairs, name, reading::guess(text))?;
    }
    Ok(Value::Map(pairs))
}

fn object(json: Option<&str>) -> Result<Pairs, WrongArgument> {
    let Some(json) = json else { return Ok(Pairs::new()) };
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Map(pairs)) => Ok(pairs),
        Ok(_) => Err(WrongArgument::Json("this is JSON, and no object".to_owned())),
        Err(error) => Err(WrongArgument::Json(error.to_string())),
    }
}

fn split(text: &str) -> Result<(&str, &str), WrongArgument> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.ok_or_else(|| WrongArgument::NoKey { text: text.to_owned() })
}

fn insert(pairs: &mut Pairs, name: &str, value: Value) -> Result<(), WrongArgument> {
    match pairs.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(WrongArgument::Twice { name: name.to_owned() }),
    }
}

fn wrong(argument: &ArgumentDescription, expected: String, given: String) -> WrongArgument {
    let (name, type_name) = (argument.name.clone(), argument.value.type_name.clone());
    WrongArgument::Type { name, expected, type_name, given }
}

fn shown(value: &Value) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method() -> MethodDescription {
        serde_json::from_value(serde_json::json!({
            "name": "change_power", "kind": "call", "since": "1.0", "timeout_ms": null, "idempotent": false,
            "at_most_once": false, "docs": "", "error": null,
            "result": { "type": "()", "schema": { "type": "null" } },
            "arguments": [
                { "name": "node", "required": true, "type": "u8", "schema": { "type": "integer", "minimum": 0, "maximum": 255 } },
                { "name": "note", "required": false, "type": "String", "schema": { "type": "string" } },
            ],
        }))
        .unwrap()
    }

    fn typed_of(json: Option<&str>, given: &[&str]) -> Result<String, String> {
        let given: Vec<_> = given.iter().map(|&text| text.to_owned()).collect();
        let value = typed(&method(), json, &given).map_err(|wrong| wrong.to_string())?;
        Ok(serde_json::to_string(&value).unwrap())
    }

    #[test]
    fn what_fits_is_taken() {
        assert_eq!(typed_of(None, &["node=7"]), Ok(r#"{"node":7}"#.to_owned()));
        assert_eq!(typed_of(None, &["node=7", "note=12=x"]), Ok(r#"{"node":7,"note":"12=x"}"#.to_owned()));
        assert_eq!(typed_of(Some(r#"{"node":7}"#), &["note="]), Ok(r#"{"node":7,"note":""}"#.to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_named_with_the_type() {
        for (json, given, complaint) in [
            (
                None,
                &["node=300"][..],
                r#"argument "node" has to be a whole number from 0 to 255 (u8), and is "300""#,
            ),
            (
                None,
                &["note=a"],
                r#"argument "node" of change_power is missing: it is a whole number from 0 to 255 (u8)"#,
            ),
            (None, &["nod=1"], r#"change_power has no argument "nod"; it takes node, note"#),
            (None, &["node"], r#""node" is no argument: write KEY=VALUE"#),
            (None, &["node=1", "node=2"], r#"argument "node" is given twice"#),
            (
                Some(r#"{"node":"a"}"#),
                &[],
                r#"argument "node" has to be a whole number from 0 to 255 (u8), and is "a""#,
            ),
            (Some(r#"{"node":1,"note":[]}"#), &[], r#"argument "note" has to be text (String), and is []"#),
            (
                Some("[1]"),
                &[],
                "--json takes an object with the arguments by name: this is JSON, and no object",
            ),
        ] {
            assert_eq!(typed_of(json, given), Err(complaint.to_owned()));
        }
    }

    #[test]
    fn nothing_is_required_of_what_nobody_describes() {
        let given = ["a=1", "b=x y", "c=[true,null]"].map(str::to_owned);
        let value = serde_json::to_string(&untyped(None, &given).unwrap()).unwrap();
        assert_eq!(value, r#"{"a":1,"b":"x y","c":[true,null]}"#);
    }
}
