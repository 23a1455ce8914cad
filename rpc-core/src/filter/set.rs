//! Filters, compiled together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{Regex, RegexSet};

use super::Filter;
use super::field::Field;
use super::texts::texts;
use crate::error::{Code, Error, Executed, Phase};
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

/// What filters ask of one field.
#[derive(Debug)]
struct Condition {
    field: Field,
    expressions: RegexSet,
    /// Those who ask nothing of the field.
    others: Bits,
    /// Those who want each of the expressions.
    wanting: Vec<Bits>,
}

/// Which filters an event has passed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Passed(Bits);

/// One bit for each filter.
type Bits = Vec<u64>;

impl FilterSet {
    /// Compiles filters.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] with the expression and what is wrong with it.
    pub(crate) fn new<'f>(filters: impl IntoIterator<Item = &'f Filter>) -> Result<Self, Error> {
        let mut fields: BTreeMap<Field, Vec<(&str, usize)>> = BTreeMap::new();
        let mut count = 0;
        for filter in filters {
            for (field, expression) in Field::of(filter) {
                // Alone, so that the error is about this one; and as it is, so that it does not end the group around it.
                let alone = Regex::new(expression).and_then(|_| compile(&[expression]));
                alone.map_err(|error| bad(&field, expression, &error))?;
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
    /// What `payload` says, and [`Code::Malformed`] when it is no value.
    pub(crate) fn matches(
        &self,
        message: &NotificationMessage,
        payload: impl FnOnce() -> Result<Payload, Error>,
    ) -> Result<Passed, Error> {
        let mut passed = ones(self.count);
        let in_payload = self.conditions.len() - self.keys.len();
        let (before, after) = self.conditions.split_at(in_payload);
        for condition in before {
            condition.narrow(&mut passed, condition.field.text(message).as_deref());
            if is_empty(&passed) {
                return Ok(Passed(passed));
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
        Ok(Passed(passed))
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Condition {
    fn new(field: Field, wants: &[(&str, usize)], count: usize) -> Result<Self, Error> {
        let mut others = ones(count);
        let mut wanting: BTreeMap<&str, Bits> = BTreeMap::new();
        for (expression, filter) in wants {
            set(wanting.entry(expression).or_insert_with(|| zeros(count)), *filter);
            others[filter / 64] &= !(1 << (filter % 64));
        }
        let expressions: Vec<&str> = wanting.keys().copied().collect();
        let expressions =
            compile(&expressions).map_err(|error| bad(&field, &expressions.join(" "), &error))?;
        Ok(Self { field, expressions, others, wanting: wanting.into_values().collect() })
    }

    /// Leaves those who want `text`, or ask nothing of it.
    fn narrow(&self, passed: &mut Bits, text: Option<&str>) {
        let mut allowed = Cow::Borrowed(&self.others);
        if let Some(text) = text {
            for expression in &self.expressions.matches(text) {
                for (allowed, wanting) in allowed.to_mut().iter_mut().zip(&self.wanting[expression]) {
                    *allowed |= wanting;
                }
            }
        }
        for (passed, allowed) in passed.iter_mut().zip(&*allowed) {
            *passed &= allowed;
        }
    }
}

impl Passed {
    /// Whether the filter at `index` was passed.
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Whether any was.
    pub(crate) fn any(&self) -> bool {
        !is_empty(&self.0)
    }
}

/// Expressions that match from the start of a text.
fn compile(expressions: &[&str]) -> Result<RegexSet, regex::Error> {
    RegexSet::new(expressions.iter().map(|expression| format!("^(?:{expression})")))
}

fn bad(field: &Field, expression: &str, error: &regex::Error) -> Error {
    let message = format!("the filter on {field} has no regular expression in {expression:?}: {error}");
    Error::new(Code::InvalidArguments, message).with_executed(Executed::NotSent).with_phase(Phase::Connect)
}

fn zeros(count: usize) -> Bits {
    vec![0; count.div_ceil(64)]
}

fn ones(count: usize) -> Bits {
    let mut bits = vec![u64::MAX; count.div_ceil(64)];
    if let Some(last) = bits.last_mut()
        && !count.is_multiple_of(64)
    {
        *last = (1 << (count % 64)) - 1;
    }
    bits
}

fn set(bits: &mut Bits, index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

fn is_empty(bits: &Bits) -> bool {
    bits.iter().all(|word| *word == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec;
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
