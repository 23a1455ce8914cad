//! Filters, compiled together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Filter;
use super::bits::Bits;
use super::condition::Condition;
use super::field::Field;
use super::texts::texts;
use crate::error::Error;
use crate::message::NotificationMessage;
use crate::payload::Payload;

/// Filters, compiled together: each field of an event is looked at once for all of them.
#[derive(Debug, Default)]
pub(crate) struct FilterSet {
    count: usize,
    /// In order of what they cost.
    conditions: Vec<Condition>,
    /// The keys of the payload that are looked at, in order.
    keys: Vec<String>,
}

impl FilterSet {
    /// Compiles filters.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) with the expression and what is wrong with it.
    pub(crate) fn new<'f>(filters: impl IntoIterator<Item = &'f Filter>) -> Result<Self, Error> {
        let mut fields: BTreeMap<Field, Vec<(&str, usize)>> = BTreeMap::new();
        let mut count = 0;
        for filter in filters {
            for (field, expression) in Field::of(filter) {
                fields.entry(field).or_default().push((expression, count));
            }
            count += 1;
        }
        let keys = fields.keys().filter_map(|field| match field {
            Field::Payload(key) => Some(key.clone()),
            _ => None,
        });
        let keys = keys.collect();
        let conditions = fields.into_iter().map(|(field, wants)| Condition::new(field, &wants, count));
        Ok(Self { count, keys, conditions: conditions.collect::<Result<_, _>>()? })
    }

    /// Which filters an event passes, whose `payload` is asked for once if any of them looks at it. It is uncompressed.
    ///
    /// # Errors
    ///
    /// What `payload` says, and [`Code::Malformed`](crate::Code::Malformed) when it is no value.
    pub(crate) fn matches(
        &self,
        message: &NotificationMessage,
        payload: impl FnOnce() -> Result<Payload, Error>,
    ) -> Result<Bits, Error> {
        let mut passed = Bits::ones(self.count);
        let in_payload = self.conditions.len() - self.keys.len();
        let (before, after) = self.conditions.split_at(in_payload);
        for condition in before {
            condition.narrow(&mut passed, condition.field.text(message).as_deref());
            if !passed.any() {
                return Ok(passed);
            }
        }
        if !after.is_empty() {
            let payload = payload()?;
            let texts: Vec<Option<Cow<'_, str>>> = texts(&payload, &self.keys)?;
            // Both are in the order of the keys.
            for (condition, text) in after.iter().zip(texts) {
                condition.narrow(&mut passed, text.as_deref());
            }
        }
        Ok(passed)
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::codec;
    use crate::error::Code;
    use crate::payload::ContentType;
    use crate::value::Value;

    fn message(event_type: &str, payload: &Value) -> NotificationMessage {
        let payload = codec::encode(ContentType::MessagePack, payload).unwrap();
        let mut message = NotificationMessage::new("cell-1", event_type, payload);
        message.context.metadata.insert("user", "ada").unwrap();
        message
    }

    fn passes(filter: &Filter, event_type: &str, payload: &Value) -> bool {
        let message = message(event_type, payload);
        let set = FilterSet::new([filter]).unwrap();
        set.matches(&message, || Ok(message.payload.clone())).unwrap().contains(0)
    }

    #[test]
    fn a_bad_expression_says_which_it_is() {
        let error = FilterSet::new([&Filter::new().payload("state", "a(b")]).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArguments);
        assert!(error.message().contains("payload \"state\"") && error.message().contains("a(b"), "{error}");
        // It must not end the group that it is put into.
        assert!(FilterSet::new([&Filter::new().event_type("a)|(b")]).is_err());
    }

    #[test]
    fn an_alternative_is_held_to_the_start_too() {
        assert!(!passes(&Filter::new().event_type("x|b"), "ab", &Value::Null));
        assert!(passes(&Filter::new().event_type("x|a"), "ab", &Value::Null));
    }

    #[test]
    fn the_payload_is_not_touched_when_nobody_looks_or_nobody_is_left() {
        let untouched = || -> Result<Payload, Error> { panic!("nobody needs it") };
        let set = FilterSet::new([&Filter::new().event_type("a")]).unwrap();
        assert!(set.matches(&message("a", &Value::Null), untouched).unwrap().any());
        let set = FilterSet::new([&Filter::new().event_type("a").payload("k", "v")]).unwrap();
        assert!(!set.matches(&message("b", &Value::Null), untouched).unwrap().any());
    }

    #[test]
    fn a_payload_that_is_no_value_is_an_error() {
        let set = FilterSet::new([&Filter::new().payload("k", "v")]).unwrap();
        let broken = Payload::new(ContentType::MessagePack, vec![0x81].into());
        let error = set.matches(&message("a", &Value::Null), || Ok(broken)).unwrap_err();
        assert_eq!(error.code(), Code::Malformed);
    }

    /// Of 50 filters on five fields, on an event that some of them pass.
    #[test]
    #[ignore = "it measures: run it alone, with --release --nocapture"]
    fn fifty_filters_cost_less_than_two_microseconds() {
        let filters: Vec<Filter> = (0..50)
            .map(|number| {
                let filter =
                    Filter::new().event_type(format!(r"service{}\.(create|delete)\..*", number % 10));
                match number % 4 {
                    0 => filter.publisher_id(format!("cell-{}$", number % 3)),
                    1 => filter.payload("state", format!("active|error-{number}")),
                    2 => filter.payload("host", format!(r"host-\d+-{}", number % 5)).context("user", "a.a"),
                    _ => filter.context("user", format!("(ada|user-{number})$")),
                }
            })
            .collect();
        let set = FilterSet::new(&filters).unwrap();
        let payloads = (0..10_000).map(|number: i64| {
            Value::map([
                ("state", Value::from("active")),
                ("host", format!("host-{number}-{}", number % 7).into()),
                ("sizes", Value::List((0..8).map(Value::from).collect())),
                ("number", number.into()),
            ])
        });
        let messages: Vec<_> = payloads
            .enumerate()
            .map(|(number, payload)| message(&format!("service{}.create.end", number % 12), &payload))
            .collect();
        for round in 0..5 {
            let started = std::time::Instant::now();
            let passed = messages
                .iter()
                .filter(|message| set.matches(message, || Ok(message.payload.clone())).unwrap().any());
            let passed = passed.count();
            let filtering = started.elapsed() / 10_000;
            let started = std::time::Instant::now();
            for message in &messages {
                codec::decode::<Value>(&message.payload).unwrap();
            }
            let decoding = started.elapsed() / 10_000;
            println!("{passed} passed; {filtering:?} each, decoding {decoding:?}");
            assert!(round == 0 || cfg!(debug_assertions) || filtering.as_nanos() < 2_000);
        }
    }

    fn expression() -> impl Strategy<Value = Option<String>> {
        prop::option::weighted(0.6, prop_oneof!["[ab.]{0,3}", "[ab]{1,2}\\$", "(a|b)\\*"])
    }

    prop_compose! {
        fn filter()(
            publisher in expression(), event_type in expression(), user in expression(), other in expression(),
            x in expression(), y in expression(), id in expression(),
        ) -> Filter {
            let of = |pairs: &[(&str, Option<String>)]| {
                let given = pairs.iter().filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?)));
                given.collect::<BTreeMap<_, _>>()
            };
            Filter {
                publisher_id: publisher,
                event_type,
                context: of(&[("user", user)]),
                metadata: of(&[("message_id", id), ("none", other.filter(|text| text.len() == 1))]),
                payload: of(&[("x", x), ("y", y)]),
            }
        }
    }

    proptest! {
        // Most of the time goes into compiling expressions.
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// However many filters are compiled together, each decides as it would alone, field by field.
        #[test]
        fn a_set_decides_as_its_filters_do(
            filters in prop::collection::vec(filter(), 0..140),
            texts in prop::array::uniform5("[ab]{0,3}"),
            x_is_text: bool,
        ) {
            let [publisher, event_type, user, x, id] = texts;
            let x = if x_is_text { Value::from(x.as_str()) } else { Value::Null };
            let payload = Value::map([("x", x), ("z", Value::from("a"))]);
            let mut message = message(&event_type, &payload);
            message.publisher_id = publisher;
            message.context.metadata.insert("user", user.as_str()).unwrap();
            message.message_id = crate::MessageId::parse(&format!("a{id}")).unwrap();
            let set = FilterSet::new(&filters).unwrap();
            let passed = set.matches(&message, || Ok(message.payload.clone())).unwrap();
            let again = set.matches(&message, || Ok(message.payload.clone())).unwrap();
            prop_assert_eq!(&passed, &again, "what was seen before is decided as before");
            let matches = |expression: &str, text: Option<&str>| {
                let alone = Regex::new(&format!("^(?:{expression})")).unwrap();
                text.is_some_and(|text| alone.is_match(text))
            };
            let mut any = false;
            for (index, filter) in filters.iter().enumerate() {
                let expected = Field::of(filter).all(|(field, expression)| match &field {
                    Field::Payload(key) => matches(expression, payload.get(key).and_then(Value::as_text)),
                    field => matches(expression, field.text(&message).as_deref()),
                });
                any |= expected;
                prop_assert_eq!(passed.contains(index), expected, "{:?}", filter);
            }
            prop_assert_eq!(passed.any(), any);
        }
    }
}
