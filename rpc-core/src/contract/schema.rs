//! Which schemas take the values of which others.

use crate::value::Value;

/// Whether every value that `narrow` describes is one that `wide` describes, as far as servers describe their types. `false`
/// when that cannot be told.
pub(super) fn accepts(wide: &Value, narrow: &Value) -> bool {
    if let Some(choices) = choices(narrow) {
        return choices.iter().all(|choice| accepts(wide, choice));
    }
    if let Some(choices) = choices(wide) {
        return choices.iter().any(|choice| accepts(choice, narrow));
    }
    match (kind(wide), kind(narrow)) {
        // Types of a service's own are known by their names.
        (None, None) => title(wide) == title(narrow),
        (Some("null"), Some("null"))
        | (Some("boolean"), Some("boolean"))
        | (Some("number"), Some("number" | "integer")) => true,
        (Some("integer"), Some("integer")) => accepts_bounds(wide, narrow, "minimum", "maximum"),
        (Some("string"), Some("string")) => accepts_bounds(wide, narrow, "minLength", "maxLength"),
        (Some("array"), Some("array")) => {
            accepts_bounds(wide, narrow, "minItems", "maxItems") && accepts_items(wide, narrow)
        }
        (Some("object"), Some("object")) => accepts_members(wide, narrow),
        _ => false,
    }
}

/// A bound that is not there bounds nothing.
fn accepts_bounds(wide: &Value, narrow: &Value, least: &str, most: &str) -> bool {
    let bound = |schema: &Value, key| schema.get(key).and_then(Value::as_whole);
    let above =
        bound(wide, least).is_none_or(|wide| bound(narrow, least).is_some_and(|narrow| narrow >= wide));
    let below = bound(wide, most).is_none_or(|wide| bound(narrow, most).is_some_and(|narrow| narrow <= wide));
    above && below
}

/// Where the narrow one has room for items, those have to fit.
fn accepts_items(wide: &Value, narrow: &Value) -> bool {
    let parts = |schema| <Value as Parts>::parts(schema).len();
    let places = parts(wide).max(parts(narrow));
    let most = narrow.get("maxItems").and_then(Value::as_whole).and_then(|most| usize::try_from(most).ok());
    // One place more stands for all that follow.
    let places = most.map_or(places + 1, |most| most.min(places + 1));
    (0..places).all(|place| match (wide.item(place), narrow.item(place)) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => accepts(wide, narrow),
        (Some(_), None) => false,
    })
}

/// Members by name have to fit, and those of any name.
fn accepts_members(wide: &Value, narrow: &Value) -> bool {
    let required = |schema: &Value, name: &str| {
        let names = schema.get("required").and_then(Value::as_list).unwrap_or_default();
        names.iter().any(|required| required.as_text() == Some(name))
    };
    let names = |schema: &Value| -> Vec<String> {
        let named = schema.get("properties").and_then(Value::as_map).map(|members| members.keys().cloned());
        let required = schema.get("required").and_then(Value::as_list).unwrap_or_default();
        let required = required.iter().filter_map(Value::as_text).map(str::to_owned);
        named.into_iter().flatten().chain(required).collect()
    };
    let member = |schema: &Value, name: &str| {
        let named = schema.get("properties").and_then(|members| members.get(name));
        named.or_else(|| schema.get("additionalProperties")).cloned()
    };
    let fits = |wide: Option<&Value>, narrow: Option<&Value>| match (wide, narrow) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => accepts(wide, narrow),
        (Some(_), None) => false,
    };
    let both: Vec<String> = names(wide).into_iter().chain(names(narrow)).collect();
    both.iter().all(|name| {
        (!required(wide, name) || required(narrow, name))
            && fits(member(wide, name).as_ref(), member(narrow, name).as_ref())
    }) && fits(wide.get("additionalProperties"), narrow.get("additionalProperties"))
}

/// The schema of the item at a place.
trait Parts {
    fn parts(&self) -> &[Value];
    fn item(&self, place: usize) -> Option<&Value>;
}

impl Parts for Value {
    fn parts(&self) -> &[Value] {
        self.get("prefixItems").and_then(Self::as_list).unwrap_or_default()
    }

    fn item(&self, place: usize) -> Option<&Value> {
        self.parts().get(place).or_else(|| self.get("items"))
    }
}

fn kind(schema: &Value) -> Option<&str> {
    schema.get("type")?.as_text()
}

fn choices(schema: &Value) -> Option<&[Value]> {
    schema.get("anyOf")?.as_list()
}

/// A name without the modules that it is in, which a `use` changes and nothing else.
fn title(schema: &Value) -> String {
    let title = schema.get("title").and_then(Value::as_text).unwrap_or_default();
    let mut short = String::new();
    for part in title.split("::") {
        let kept =
            short.trim_end_matches(|character: char| character.is_alphanumeric() || character == '_').len();
        short.truncate(kept);
        short.push_str(part);
    }
    short.retain(|character| !character.is_whitespace());
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::introspection::schema_of;

    fn fits(wide: &str, narrow: &str) -> bool {
        accepts(&schema_of(wide), &schema_of(narrow))
    }

    #[test]
    fn a_type_takes_those_with_fewer_values() {
        for (wide, narrow) in [
            ("u32", "u8"),
            ("i16", "u8"),
            ("i128", "u64"),
            ("f64", "i32"),
            ("String", "char"),
            ("Option<u32>", "u8"),
            ("Option<u32>", "Option<u8>"),
            ("Option<u32>", "()"),
            ("Vec<u32>", "[u8; 3]"),
            ("Vec<f64>", "(u8, f32)"),
            ("(u32, Option<bool>)", "(u8, bool)"),
            ("HashMap<String, i64>", "BTreeMap<String, u8>"),
        ] {
            assert!(fits(wide, narrow), "{wide} takes {narrow}");
            assert!(!fits(narrow, wide), "{narrow} does not take {wide}");
        }
        for (one, other) in [
            ("u8", "bool"),
            ("String", "u8"),
            ("[u8; 2]", "[u8; 3]"),
            ("(u8, u8)", "(u8, u8, u8)"),
            ("Duration", "HashMap<String, u64>"),
            ("NodeId", "Uuid"),
            ("NodeId", "u64"),
            ("Vec<NodeId>", "Vec<u8>"),
        ] {
            assert!(!fits(one, other) && !fits(other, one), "{one} and {other}");
        }
    }

    #[test]
    fn types_that_are_the_same_fit_both_ways() {
        for (one, other) in [
            ("std::string::String", "String"),
            ("nodes::NodeId", "NodeId"),
            ("Page<nodes::Id, crate::b::C>", "Page<Id,C>"),
            ("Vec<u8>", "HashSet<u8>"),
            ("Box<u8>", "u8"),
            ("Duration", "std::time::Duration"),
        ] {
            assert!(fits(one, other) && fits(other, one), "{one} and {other}");
        }
    }

    /// Whether `schema` describes `value`, read as plainly as JSON Schema is written.
    fn describes(schema: &Value, value: &Value) -> bool {
        if let Some(choices) = choices(schema) {
            return choices.iter().any(|choice| describes(choice, value));
        }
        let bound = |key| schema.get(key).and_then(Value::as_whole);
        let within = |count: i128, least, most| {
            bound(least).is_none_or(|least| count >= least) && bound(most).is_none_or(|most| count <= most)
        };
        match (kind(schema), value) {
            (None, Value::Map(pairs)) => pairs.get("own").and_then(Value::as_text) == Some(&title(schema)),
            (Some("null"), Value::Null)
            | (Some("boolean"), Value::Bool(_))
            | (Some("number"), Value::Integer(_) | Value::Float(_)) => true,
            (Some("integer"), Value::Integer(value)) => within((*value).into(), "minimum", "maximum"),
            (Some("string"), Value::Text(text)) => {
                within(text.chars().count() as i128, "minLength", "maxLength")
            }
            (Some("array"), Value::List(items)) => {
                within(items.len() as i128, "minItems", "maxItems")
                    && items
                        .iter()
                        .enumerate()
                        .all(|(place, item)| schema.item(place).is_none_or(|it| describes(it, item)))
            }
            (Some("object"), Value::Map(pairs)) => {
                let required = schema.get("required").and_then(Value::as_list).unwrap_or_default();
                required.iter().filter_map(Value::as_text).all(|name| pairs.contains_key(name))
                    && pairs.iter().all(|(name, value)| {
                        let named = schema.get("properties").and_then(|members| members.get(name));
                        named
                            .or_else(|| schema.get("additionalProperties"))
                            .is_none_or(|it| describes(it, value))
                    })
            }
            _ => false,
        }
    }

    fn any_type() -> impl Strategy<Value = String> {
        let plain = prop::sample::select(vec![
            "bool", "String", "char", "f64", "u8", "i8", "u32", "i64", "i128", "()", "NodeId", "m::Power",
            "Duration",
        ]);
        plain.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|it| format!("Option<{it}>")),
                inner.clone().prop_map(|it| format!("Vec<{it}>")),
                (inner.clone(), 0..3_u8).prop_map(|(it, length)| format!("[{it}; {length}]")),
                prop::collection::vec(inner.clone(), 2..4)
                    .prop_map(|parts| format!("({})", parts.join(", "))),
                inner.prop_map(|it| format!("HashMap<String, {it}>")),
            ]
        })
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            prop::sample::select(vec![-200_i64, -1, 0, 1, 200, 70_000, i64::MAX]).prop_map(Value::Integer),
            Just(Value::Float(0.5)),
            "[a-z]{0,2}".prop_map(Value::Text),
            prop::sample::select(vec!["NodeId", "Power"]).prop_map(|name| Value::map([("own", name)])),
            Just(Value::map([("secs", 1), ("nanos", 2)])),
        ];
        plain.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[a-b]", inner, 0..3).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// What is said to fit does fit: no value of the narrow type is refused by the wide one.
        #[test]
        fn what_fits_takes_every_value(wide in any_type(), narrow in any_type(), values in prop::collection::vec(any_value(), 20)) {
            let (wide, narrow) = (schema_of(&wide), schema_of(&narrow));
            if accepts(&wide, &narrow) {
                for value in values {
                    prop_assert!(!describes(&narrow, &value) || describes(&wide, &value), "{value:?}");
                }
            }
        }

        #[test]
        fn fitting_is_a_partial_order(a in any_type(), b in any_type(), c in any_type()) {
            let [a, b, c] = [a, b, c].map(|it| schema_of(&it));
            prop_assert!(accepts(&a, &a));
            prop_assert!(!(accepts(&a, &b) && accepts(&b, &c)) || accepts(&a, &c));
        }

        #[test]
        fn more_of_the_same_fits(inner in any_type(), other in any_type()) {
            for wide in ["Option<_>", "Vec<_>", "HashMap<String, _>", "(_, bool)"] {
                let [one, two] = [&inner, &other].map(|it| schema_of(&wide.replace('_', it)));
                let fits = accepts(&schema_of(&inner), &schema_of(&other));
                prop_assert!(!fits || accepts(&one, &two));
            }
            let maybe = schema_of(&format!("Option<{inner}>"));
            prop_assert!(accepts(&maybe, &schema_of(&inner)) && accepts(&maybe, &schema_of("()")));
        }

        /// What a stranger wrote.
        #[test]
        fn no_schema_panics(one in any_value(), other in any_value()) {
            accepts(&one, &other);
        }
    }
}
