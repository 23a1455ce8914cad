//! The texts of a payload that filters look at, without decoding the rest.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::codec::{DecodeError, decode_seed};
use crate::payload::Payload;

/// For each of the `wanted` keys, which are in order, its text in the outermost map of an uncompressed payload, if it has one.
/// Copies nothing, save for a JSON text with escapes.
pub(super) fn texts<'a>(
    payload: &'a Payload,
    wanted: &[String],
) -> Result<Vec<Option<Cow<'a, str>>>, DecodeError> {
    decode_seed(payload, Texts { wanted, lifetime: PhantomData })
}

struct Texts<'w, 'a> {
    wanted: &'w [String],
    lifetime: PhantomData<&'a str>,
}

/// The place of a key among those that are wanted.
struct Key<'w>(&'w [String]);

/// A value, if it is text.
struct Text;

/// Whatever is not what is looked for: nothing.
macro_rules! nothing {
    ($de:lifetime) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(self.nothing())
        }

        fn visit_newtype_struct<D: Deserializer<$de>>(self, inner: D) -> Result<Self::Value, D::Error> {
            inner.deserialize_ignored_any(IgnoredAny)?;
            Ok(self.nothing())
        }

        fn visit_seq<A: SeqAccess<$de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            Ok(self.nothing())
        }
    };
}

impl<'a> Texts<'_, 'a> {
    fn nothing(&self) -> Vec<Option<Cow<'a, str>>> {
        vec![None; self.wanted.len()]
    }
}

impl<'de> DeserializeSeed<'de> for Texts<'_, 'de> {
    type Value = Vec<Option<Cow<'de, str>>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_, 'de> {
    type Value = Vec<Option<Cow<'de, str>>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    nothing!('de);

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(self.nothing())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let mut found = self.nothing();
        while let Some(place) = pairs.next_key_seed(Key(self.wanted))? {
            match place {
                Some(place) => found[place] = pairs.next_value_seed(Text)?,
                None => drop(pairs.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

impl Key<'_> {
    const fn nothing(&self) -> Option<usize> {
        None
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    nothing!('de);

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.binary_search_by(|wanted| wanted.as_str().cmp(key)).ok())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        while pairs.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Text {
    const fn nothing<'a>(&self) -> Option<Cow<'a, str>> {
        None
    }
}

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    nothing!('de);

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        while pairs.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec;
    use crate::payload::ContentType;
    use crate::value::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1.0e9..1.0e9).prop_map(Value::Float),
            "\\PC{0,5}|[\\n\"\\\\]{0,3}".prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        /// What is found is what decoding the whole would find.
        #[test]
        fn texts_are_those_of_the_decoded_value(value in value(), json: bool) {
            let content_type = if json { ContentType::Json } else { ContentType::MessagePack };
            let payload = codec::encode(content_type, &value).unwrap();
            let wanted = ["a", "b", "x"].map(str::to_owned);
            let found = texts(&payload, &wanted).unwrap();
            let found: Vec<_> = found.iter().map(Option::as_deref).collect();
            let expected = wanted.each_ref().map(|key| value.get(key).and_then(Value::as_text));
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn damaged_bytes_are_an_error_or_found_to_be_none(
            bytes in prop::collection::vec(any::<u8>(), 0..64), json: bool
        ) {
            let content_type = if json { ContentType::Json } else { ContentType::MessagePack };
            let payload = Payload::new(content_type, bytes.into());
            let _ = texts(&payload, &["a".to_owned()]);
        }
    }

    #[test]
    fn borrowed_and_not_copied() {
        let payload = Payload::new(ContentType::Json, "{\"a\":\"plain\",\"b\":\"two\\nlines\"}".into());
        let found = texts(&payload, &["a".to_owned(), "b".to_owned()]).unwrap();
        assert!(matches!(&found[0], Some(Cow::Borrowed("plain"))));
        assert_eq!(found[1].as_deref(), Some("two\nlines"));
    }
}
