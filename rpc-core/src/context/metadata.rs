//! The application's own key-value pairs.

use std::collections::BTreeMap;

/// The application's own key-value pairs that travel with a request, such as a user or a project.
///
/// Text only, and bounded, because they are repeated on every message: at most 32 pairs, keys of 1 to 64 bytes
/// out of `[a-z0-9_.-]`, values up to 1,024 bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata(BTreeMap<String, String>);

/// A pair that [`Metadata`] cannot take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key is empty, longer than 64 bytes, or has a character that is not allowed.
    #[error("{0:?} is not a metadata key: use 1 to 64 of the characters a-z 0-9 _ . -")]
    Key(String),
    /// The value is longer than 1,024 bytes.
    #[error("the value of metadata key {0:?} is longer than 1024 bytes")]
    Value(String),
    /// There are 32 pairs already.
    #[error("more than 32 metadata pairs: {0:?} does not fit")]
    Full(String),
}

impl Metadata {
    /// Most pairs.
    pub const MOST_PAIRS: usize = 32;
    /// Longest key, in bytes.
    pub const LONGEST_KEY: usize = 64;
    /// Longest value, in bytes.
    pub const LONGEST_VALUE: usize = 1_024;

    /// Sets `key` to `value`, replacing what was there.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) -> Result<(), MetadataError> {
        let (key, value) = (key.into(), value.into());
        let key_fits = (1..=Self::LONGEST_KEY).contains(&key.len())
            && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'));
        if !key_fits {
            return Err(MetadataError::Key(key.chars().take(Self::LONGEST_KEY).collect()));
        }
        if value.len() > Self::LONGEST_VALUE {
            return Err(MetadataError::Value(key));
        }
        if self.0.len() >= Self::MOST_PAIRS && !self.0.contains_key(&key) {
            return Err(MetadataError::Full(key));
        }
        self.0.insert(key, value);
        Ok(())
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Keeps the pairs whose key is wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|key, _| wanted(key));
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_bounded() {
        let mut metadata = Metadata::default();
        assert_eq!(metadata.insert("", "x"), Err(MetadataError::Key(String::new())));
        assert!(matches!(metadata.insert("User", "x"), Err(MetadataError::Key(_))));
        assert!(matches!(metadata.insert("k".repeat(65), "x"), Err(MetadataError::Key(_))));
        assert!(matches!(metadata.insert("k", "x".repeat(1_025)), Err(MetadataError::Value(_))));
        for number in 0..Metadata::MOST_PAIRS {
            metadata.insert(format!("key-{number}"), "x").unwrap();
        }
        assert_eq!(metadata.insert("one-more", "x"), Err(MetadataError::Full("one-more".to_owned())));
        metadata.insert("key-0", "replaced").unwrap();
        assert_eq!(metadata.get("key-0"), Some("replaced"));
    }
}
