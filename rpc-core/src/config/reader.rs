//! From values by name to values of types.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::ConfigError;
use super::place::ConfigPlace;

/// A value as it was given.
pub(super) struct Given {
    pub(super) raw: Raw,
    pub(super) place: ConfigPlace,
}

/// What was written.
pub(super) enum Raw {
    /// Text of which nobody has said what it is.
    Plain(String),
    Text(String),
    Number(String),
    Flag(bool),
    List(Vec<String>),
    /// What no value is.
    Other,
}

/// Hands out each value once, and knows which names there are.
pub(super) struct Reader {
    given: BTreeMap<String, Given>,
    known: BTreeSet<&'static str>,
}

impl Reader {
    pub(super) const fn new(given: BTreeMap<String, Given>) -> Self {
        Self { given, known: BTreeSet::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Given> {
        self.known.insert(key);
        self.given.remove(key)
    }

    /// Text, with its place.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<(String, ConfigPlace)>, ConfigError> {
        let Some(Given { raw, place }) = self.take(key) else { return Ok(None) };
        match raw {
            Raw::Plain(text) | Raw::Text(text) if !text.is_empty() => Ok(Some((text, place))),
            raw => Err(wrong(place, key, "text", &raw)),
        }
    }

    /// A time from `least`, in units of ms, s, m and h.
    pub(super) fn time(
        &mut self,
        key: &'static str,
        least: Duration,
    ) -> Result<Option<Duration>, ConfigError> {
        let Some(Given { raw, place }) = self.take(key) else { return Ok(None) };
        let time = match &raw {
            Raw::Plain(text) | Raw::Text(text) => time(text).filter(|time| *time >= least),
            _ => None,
        };
        let expected = "a time such as \"500ms\", \"30s\", \"5m\" or \"1h\"";
        time.map(Some).ok_or_else(|| wrong(place, key, expected, &raw))
    }

    /// A whole number that is `expected`.
    pub(super) fn number<T: std::str::FromStr>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        is_allowed: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, ConfigError> {
        let Some(Given { raw, place }) = self.take(key) else { return Ok(None) };
        let number = match &raw {
            Raw::Plain(text) | Raw::Number(text) => text.parse().ok().filter(is_allowed),
            _ => None,
        };
        number.map(Some).ok_or_else(|| wrong(place, key, expected, &raw))
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        let Some(Given { raw, place }) = self.take(key) else { return Ok(None) };
        let flag = match &raw {
            Raw::Flag(flag) => Some(*flag),
            Raw::Plain(text) => text.parse().ok(),
            _ => None,
        };
        flag.map(Some).ok_or_else(|| wrong(place, key, "true or false", &raw))
    }

    /// Texts; in a variable with commas between.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(Given { raw, place }) = self.take(key) else { return Ok(None) };
        match raw {
            Raw::List(texts) => Ok(Some(texts)),
            Raw::Plain(text) => Ok(Some(text.split(',').map(|part| part.trim().to_owned()).collect())),
            raw => Err(wrong(place, key, "a list of texts", &raw)),
        }
    }

    /// What stands below `prefix`, by name, as text.
    pub(super) fn all_below(&mut self, prefix: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let keys: Vec<_> = self.given.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        let mut texts = Vec::new();
        for key in keys {
            let Some(Given { raw, place }) = self.given.remove(&key) else { continue };
            let text = match raw {
                Raw::Plain(text) | Raw::Text(text) | Raw::Number(text) => text,
                Raw::Flag(flag) => flag.to_string(),
                // Never shown: it belongs to a URL.
                Raw::List(_) | Raw::Other => {
                    let expected = "text, a number, or true or false";
                    return Err(ConfigError::Value { place, key, expected, given: None });
                }
            };
            texts.push((key[prefix.len()..].to_owned(), text));
        }
        Ok(texts)
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some((key, Given { place, .. })) = self.given.into_iter().next() else { return Ok(()) };
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let mut known: Vec<_> = self
            .known
            .iter()
            .copied()
            .filter(|known| known.rsplit_once('.').is_some_and(|(of, _)| of == section))
            .collect();
        if known.is_empty() {
            known = self.known.into_iter().collect();
        }
        Err(ConfigError::Unknown { place, key, known })
    }
}

fn wrong(place: ConfigPlace, key: &str, expected: &'static str, raw: &Raw) -> ConfigError {
    // A URL holds a password, and a file is named where nothing is secret.
    let is_secret = key == "rpc.transport.url";
    let given = match raw {
        Raw::Plain(text) | Raw::Text(text) | Raw::Number(text) => Some(text.clone()),
        Raw::Flag(flag) => Some(flag.to_string()),
        Raw::List(texts) => Some(texts.join(", ")),
        Raw::Other => None,
    };
    ConfigError::Value { place, key: key.to_owned(), expected, given: given.filter(|_| !is_secret) }
}

/// `500ms`, `30s`, `5m`, `1h`.
fn time(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_units() {
        let read = ["500ms", "30s", "5m", "1h", "0s"].map(time);
        let expected = [500, 30_000, 300_000, 3_600_000, 0].map(|it| Some(Duration::from_millis(it)));
        assert_eq!(read, expected);
        for text in ["", "s", "30", "30 s", "-1s", "1.5s", "1d", "18446744073709551615h", "١s"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = time(&text);
        }
    }
}
