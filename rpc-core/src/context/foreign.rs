//! What callers of other frameworks put into their contexts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// Pairs of a foreign context that [`Metadata`](super::Metadata) cannot hold: values that are not text, such as the list
/// of roles of an OpenStack user, and keys or values beyond its limits.
///
/// Only a wire that is shared with another framework fills it, and its bound is that of the message. Cheap to clone. `Debug`
/// shows the keys only, since a token may be among the values.
#[derive(Clone, Default, PartialEq)]
pub struct Foreign(Option<Arc<BTreeMap<String, Value>>>);

impl Foreign {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// All pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|pairs| pairs.iter()).map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl FromIterator<(String, Value)> for Foreign {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        let pairs: BTreeMap<_, _> = pairs.into_iter().collect();
        Self((!pairs.is_empty()).then(|| Arc::new(pairs)))
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_is_not_shown() {
        let roles = Value::List(vec!["admin".into()]);
        let foreign: Foreign = [("roles".to_owned(), roles.clone())].into_iter().collect();
        assert_eq!((foreign.get("roles"), foreign.is_empty()), (Some(&roles), false));
        assert_eq!(format!("{foreign:?}"), r#"{"roles"}"#);
        assert!(Foreign::from_iter([]).is_empty());
    }
}
