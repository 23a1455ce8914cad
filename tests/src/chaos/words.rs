//! A line of words: a command, and values by name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A line such as `load calls=64 pause=20`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words {
    /// The first word; empty when the line begins with a value.
    pub command: String,
    values: BTreeMap<String, String>,
}

impl Words {
    /// A command without values.
    #[must_use]
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), values: BTreeMap::new() }
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The number of `name`; 0 when there is none.
    ///
    /// # Panics
    ///
    /// When it is no number.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).map_or(0, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    }
}

impl FromStr for Words {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = Self::default();
        for (place, word) in line.split_whitespace().enumerate() {
            match word.split_once('=') {
                Some((name, value)) => _ = words.values.insert(name.to_owned(), value.to_owned()),
                None if place == 0 => word.clone_into(&mut words.command),
                None => return Err(format!("{word:?} is not name=value: {line:?}")),
            }
        }
        Ok(words)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.command)?;
        self.values.iter().try_for_each(|(name, value)| write!(formatter, " {name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip() {
        for line in ["stop", "load calls=64 pause=20", " pending=0"] {
            assert_eq!(line.parse::<Words>().unwrap().to_string(), line);
        }
        assert!("load 64".parse::<Words>().is_err());
        assert_eq!(Words::new("load").with("calls", 3).number("calls"), 3);
    }
}
