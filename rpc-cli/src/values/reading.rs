//! Text as the value that a JSON Schema describes: as much of JSON Schema as servers describe their types with.

use rpc_core::Value;

/// The value that `text` stands for. JSON for lists and maps, and the bare text for everything else.
///
/// # Errors
///
/// What was expected, in words.
pub(super) fn read(schema: &Value, text: &str) -> Result<Value, String> {
    if let Some(choices) = choices(schema) {
        let read = choices.iter().find_map(|choice| read(choice, text).ok());
        return read.ok_or_else(|| describe(schema));
    }
    let expected = || describe(schema);
    let value = match kind(schema) {
        Some("string") => Value::Text(text.to_owned()),
        Some("null") => matches!(text, "null" | "").then_some(Value::Null).ok_or_else(expected)?,
        Some("boolean") => Value::Bool(text.parse().map_err(|_| expected())?),
        Some("integer") => whole(text).ok_or_else(expected)?,
        Some("number") => {
            let number: f64 = text.parse().map_err(|_| expected())?;
            number.is_finite().then_some(Value::Float(number)).ok_or_else(expected)?
        }
        Some(_) => serde_json::from_str(text).map_err(|_| expected())?,
        None => guess(text),
    };
    check(schema, &value).map(|()| value)
}

/// The value that `text` most likely stands for: JSON if it is JSON, and text otherwise.
pub(super) fn guess(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::Text(text.to_owned()))
}

/// Whether `value` is one that `schema` describes.
///
/// # Errors
///
/// What was expected, in words.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let fits = match choices(schema) {
        Some(choices) => choices.iter().any(|choice| check(choice, value).is_ok()),
        None => match (kind(schema), value) {
            (None, _)
            | (Some("null"), Value::Null)
            | (Some("boolean"), Value::Bool(_))
            | (Some("number"), Value::Integer(_) | Value::Unsigned(_) | Value::Float(_)) => true,
            (Some("integer"), Value::Integer(_) | Value::Unsigned(_)) => {
                let bound = |key| schema.get(key).and_then(Value::as_whole);
                let number = value.as_whole().unwrap_or_default();
                bound("minimum").is_none_or(|least| number >= least)
                    && bound("maximum").is_none_or(|most| number <= most)
            }
            (Some("string"), Value::Text(text)) => fits_length(schema, "Length", text.chars().count()),
            (Some("array"), Value::List(items)) => {
                let of_item = schema.get("items");
                let of_place = |place| schema.get("prefixItems")?.as_list()?.get(place);
                let fits = |(place, item): (usize, &Value)| {
                    of_place(place).or(of_item).is_none_or(|schema| check(schema, item).is_ok())
                };
                fits_length(schema, "Items", items.len()) && items.iter().enumerate().all(fits)
            }
            (Some("object"), Value::Map(pairs)) => {
                let required = schema.get("required").and_then(Value::as_list).unwrap_or_default();
                let has = |name: &Value| name.as_text().is_none_or(|name| pairs.contains_key(name));
                let fits = |(name, value): (&String, &Value)| {
                    let of_name = schema.get("properties").and_then(|properties| properties.get(name));
                    let schema = of_name.or_else(|| schema.get("additionalProperties"));
                    schema.is_none_or(|schema| check(schema, value).is_ok())
                };
                required.iter().all(has) && pairs.iter().all(fits)
            }
            (Some(_), _) => false,
        },
    };
    if fits { Ok(()) } else { Err(describe(schema)) }
}

/// What `schema` describes, in words that follow "has to be".
pub(super) fn describe(schema: &Value) -> String {
    if let Some(choices) = choices(schema) {
        return choices.iter().map(describe).collect::<Vec<_>>().join(" or ");
    }
    let bound = |key| schema.get(key).and_then(Value::as_whole);
    match kind(schema) {
        None => "any value".to_owned(),
        Some("null") => "null".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("integer") => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number from {least}"),
            _ => "a whole number".to_owned(),
        },
        Some("string") if bound("maxLength") == Some(1) => "one character".to_owned(),
        Some("string") => "text".to_owned(),
        Some("array") => match (schema.get("items"), schema.get("prefixItems").and_then(Value::as_list)) {
            (_, Some(parts)) => {
                format!("a JSON list of {}", parts.iter().map(describe).collect::<Vec<_>>().join(", "))
            }
            (Some(item), None) => format!("a JSON list, each {}", describe(item)),
            (None, None) => "a JSON list".to_owned(),
        },
        Some("object") => match schema.get("additionalProperties") {
            Some(value) => format!("a JSON object, each value {}", describe(value)),
            None => "a JSON object".to_owned(),
        },
        Some(other) => format!("a value of type {other}"),
    }
}

fn kind(schema: &Value) -> Option<&str> {
    schema.get("type")?.as_text()
}

fn choices(schema: &Value) -> Option<&[Value]> {
    schema.get("anyOf")?.as_list()
}

fn fits_length(schema: &Value, what: &str, length: usize) -> bool {
    let bound = |which: &str| schema.get(&format!("{which}{what}")).and_then(Value::as_whole);
    let length = length as i128;
    bound("min").is_none_or(|least| length >= least) && bound("max").is_none_or(|most| length <= most)
}

fn whole(text: &str) -> Option<Value> {
    text.parse().map(Value::Integer).or_else(|_| text.parse().map(Value::Unsigned)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schema(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    fn read_as(json: &str, text: &str) -> Result<String, String> {
        read(&schema(json), text).map(|value| serde_json::to_string(&value).unwrap())
    }

    #[test]
    fn text_is_read_as_its_type() {
        for (json, text, value) in [
            (r#"{"type":"boolean"}"#, "true", "true"),
            (r#"{"type":"string"}"#, "true", r#""true""#),
            (r#"{"type":"integer"}"#, "-7", "-7"),
            (
                r#"{"type":"integer","maximum":18446744073709551615}"#,
                "18446744073709551615",
                "18446744073709551615",
            ),
            (r#"{"type":"number"}"#, "7", "7.0"),
            (r#"{"anyOf":[{"type":"integer"},{"type":"null"}]}"#, "null", "null"),
            (r#"{"anyOf":[{"type":"integer"},{"type":"null"}]}"#, "7", "7"),
            (r#"{"type":"array","items":{"type":"integer"}}"#, "[1, 2]", "[1,2]"),
            (
                r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2}"#,
                r#"[1,"a"]"#,
                r#"[1,"a"]"#,
            ),
            (
                r#"{"type":"object","additionalProperties":{"type":"boolean"}}"#,
                r#"{"a":true}"#,
                r#"{"a":true}"#,
            ),
            (r#"{"title":"Power"}"#, "On", r#""On""#),
            (r#"{"title":"Power"}"#, r#"{"Off":1}"#, r#"{"Off":1}"#),
        ] {
            assert_eq!(read_as(json, text), Ok(value.to_owned()), "{text} as {json}");
        }
    }

    #[test]
    fn what_was_expected_is_said() {
        for (json, text, expected) in [
            (r#"{"type":"boolean"}"#, "yes", "true or false"),
            (r#"{"type":"integer","minimum":-128,"maximum":127}"#, "128", "a whole number from -128 to 127"),
            (r#"{"type":"integer","minimum":0}"#, "-1", "a whole number from 0"),
            (r#"{"type":"number"}"#, "NaN", "a number"),
            (r#"{"type":"string","minLength":1,"maxLength":1}"#, "ab", "one character"),
            (r#"{"anyOf":[{"type":"boolean"},{"type":"null"}]}"#, "7", "true or false or null"),
            (r#"{"type":"array","items":{"type":"boolean"}}"#, "[1]", "a JSON list, each true or false"),
            (r#"{"type":"array","items":{"type":"boolean"}}"#, "true", "a JSON list, each true or false"),
            (
                r#"{"type":"array","prefixItems":[{"type":"boolean"}],"maxItems":1}"#,
                "[true,true]",
                "a JSON list of true or false",
            ),
            (r#"{"type":"object","required":["secs"]}"#, "{}", "a JSON object"),
        ] {
            assert_eq!(read_as(json, text), Err(expected.to_owned()), "{text} as {json}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_read_within_their_bounds(number in any::<i64>(), low in any::<i32>(), high in any::<i32>()) {
            let json = format!(r#"{{"type":"integer","minimum":{low},"maximum":{high}}}"#);
            let fits = (i64::from(low)..=i64::from(high)).contains(&number);
            prop_assert_eq!(read_as(&json, &number.to_string()).is_ok(), fits);
        }

        #[test]
        fn no_text_panics(text: String) {
            for json in [r#"{"type":"array"}"#, r#"{"type":"integer"}"#, r#"{"type":"number"}"#, "{}", r#"{"type":"odd"}"#] {
                let _ = read_as(json, &text);
            }
        }
    }
}
