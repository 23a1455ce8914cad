//! What the name of a Rust type tells about its values.

use crate::value::Value;

/// A JSON Schema of the values of a type, by its name as written in a trait: what serde makes of the types of the standard
/// library. Any other type may be anything, and keeps its name as the title.
pub(crate) fn of(type_name: &str) -> Value {
    known(type_name, 0).unwrap_or_else(|| Value::map([("title", type_name.trim())]))
}

/// How many types may stand within each other. What is nested deeper may be anything.
const DEEPEST: usize = 16;

fn known(type_name: &str, depth: usize) -> Option<Value> {
    let type_name = type_name.trim();
    let within = |inner: &str| {
        if depth < DEEPEST { known(inner, depth + 1) } else { None }
            .unwrap_or_else(|| Value::map([("title", inner.trim())]))
    };
    if let Some(parts) = type_name.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let parts = split(parts, ',');
        return Some(if parts.is_empty() {
            named("null")
        } else {
            tuple(parts.into_iter().map(within).collect())
        });
    }
    if let Some(parts) = type_name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let [item, length] = split(parts, ';')[..] else { return None };
        let mut schema = list(within(item));
        if let (Value::Map(pairs), Ok(length)) = (&mut schema, length.trim().parse::<u32>()) {
            pairs.extend(["minItems", "maxItems"].map(|key| (key.to_owned(), Value::from(length))));
        }
        return Some(schema);
    }
    let (path, parameters) = match type_name.split_once('<') {
        Some((path, rest)) => (path, split(rest.strip_suffix('>')?, ',')),
        None => (type_name, Vec::new()),
    };
    let parameters: Vec<_> = parameters.into_iter().filter(|it| !it.trim().starts_with('\'')).collect();
    let name = path.rsplit("::").next().unwrap_or(path).trim();
    Some(match (name, &parameters[..]) {
        ("bool", []) => named("boolean"),
        ("String" | "str" | "PathBuf", []) => named("string"),
        ("char", []) => {
            Value::map([("type", "string".into()), ("minLength", 1.into()), ("maxLength", Value::from(1))])
        }
        ("f32" | "f64", []) => named("number"),
        ("i8", []) => integer(Some(i8::MIN.into()), Some(i8::MAX.into())),
        ("i16", []) => integer(Some(i16::MIN.into()), Some(i16::MAX.into())),
        ("i32", []) => integer(Some(i32::MIN.into()), Some(i32::MAX.into())),
        ("i64" | "isize", []) => integer(Some(i64::MIN.into()), Some(i64::MAX.into())),
        ("i128", []) => integer(None, None),
        ("u8", []) => integer(Some(0.into()), Some(u8::MAX.into())),
        ("u16", []) => integer(Some(0.into()), Some(u16::MAX.into())),
        ("u32", []) => integer(Some(0.into()), Some(u32::MAX.into())),
        ("u64" | "usize", []) => integer(Some(0.into()), Some(u64::MAX.into())),
        ("u128", []) => integer(Some(0.into()), None),
        ("Duration", []) => Value::map([
            ("type", "object".into()),
            ("properties", Value::map([("secs", within("u64")), ("nanos", within("u32"))])),
            ("required", vec![Value::from("secs"), "nanos".into()].into()),
        ]),
        ("Option", [inner]) => Value::map([("anyOf", vec![within(inner), named("null")])]),
        ("Vec" | "VecDeque" | "LinkedList" | "HashSet" | "BTreeSet", [item, ..]) => list(within(item)),
        ("HashMap" | "BTreeMap", [_, value, ..]) => {
            Value::map([("type", "object".into()), ("additionalProperties", within(value))])
        }
        ("Box" | "Arc" | "Rc" | "Cow", [inner]) => return known(inner, depth),
        _ => return None,
    })
}

fn named(name: &str) -> Value {
    Value::map([("type", name)])
}

fn integer(minimum: Option<Value>, maximum: Option<Value>) -> Value {
    let bounds = [("minimum", minimum), ("maximum", maximum)];
    let bounds = bounds.into_iter().filter_map(|(key, bound)| Some((key, bound?)));
    Value::map(std::iter::once(("type", Value::from("integer"))).chain(bounds))
}

fn list(item: Value) -> Value {
    Value::map([("type", Value::from("array")), ("items", item)])
}

fn tuple(mut parts: Vec<Value>) -> Value {
    if parts.len() == 1 {
        // Brackets around one type mean that type; a tuple of one is written with a comma, which leaves an empty part.
        return parts.remove(0);
    }
    parts.retain(|part| *part != Value::map([("title", "")]));
    let length = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    Value::map([
        ("type", "array".into()),
        ("prefixItems", parts.into()),
        ("minItems", length.into()),
        ("maxItems", Value::from(length)),
    ])
}

/// The parts between separators that stand in no brackets. None of nothing.
fn split(text: &str, separator: char) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && character == separator
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(type_name: &str) -> String {
        serde_json::to_string(&of(type_name)).unwrap()
    }

    #[test]
    fn types_of_the_standard_library_are_known() {
        for (type_name, schema) in [
            ("bool", r#"{"type":"boolean"}"#),
            ("std::string::String", r#"{"type":"string"}"#),
            ("u8", r#"{"maximum":255,"minimum":0,"type":"integer"}"#),
            ("u64", r#"{"maximum":18446744073709551615,"minimum":0,"type":"integer"}"#),
            ("()", r#"{"type":"null"}"#),
            ("(bool)", r#"{"type":"boolean"}"#),
            (
                "Option<Vec<bool>>",
                r#"{"anyOf":[{"items":{"type":"boolean"},"type":"array"},{"type":"null"}]}"#,
            ),
            ("[f32; 2]", r#"{"items":{"type":"number"},"maxItems":2,"minItems":2,"type":"array"}"#),
            ("std::borrow::Cow<'static, str>", r#"{"type":"string"}"#),
            (
                "BTreeMap<String, (bool, f64)>",
                r#"{"additionalProperties":{"maxItems":2,"minItems":2,"prefixItems":[{"type":"boolean"},{"type":"number"}],"type":"array"},"type":"object"}"#,
            ),
            ("(bool,)", r#"{"maxItems":1,"minItems":1,"prefixItems":[{"type":"boolean"}],"type":"array"}"#),
        ] {
            assert_eq!(json(type_name), schema, "{type_name}");
        }
    }

    #[test]
    fn other_types_may_be_anything_and_keep_their_names() {
        assert_eq!(json("nodes::NodeId"), r#"{"title":"nodes::NodeId"}"#);
        assert_eq!(json("Vec<Power>"), r#"{"items":{"title":"Power"},"type":"array"}"#);
        assert_eq!(json("Vec<u8"), r#"{"title":"Vec<u8"}"#);
        let deep = format!("{}u8{}", "Vec<".repeat(10_000), ">".repeat(10_000));
        assert!(json(&deep).contains("title"), "it is bounded");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z0-9<>()\\[\\],;: ']{0,40}") {
            of(&text);
        }
    }
}
