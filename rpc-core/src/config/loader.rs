//! From a file, variables and the program to values by name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::place::ConfigPlace;
use super::reader::{Given, Raw, Reader};
use super::sections::Config;

/// The table in which everything stands, and what all variables begin with.
const ROOT: &str = "rpc";
/// How variables begin that have to be known. Others that begin with `RPC_` are somebody else's.
const SECTIONS: [&str; 4] = ["RPC_TRANSPORT_", "RPC_CLIENT_", "RPC_SERVER_", "RPC_NOTIFIER_"];
const EXCHANGE: &str = "RPC_EXCHANGE";

/// Collects the values of a [`Config`]. What is added later wins.
#[derive(Default)]
#[must_use = "it has to be loaded"]
pub struct ConfigLoader {
    given: BTreeMap<String, Given>,
}

impl ConfigLoader {
    /// A loader without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the values of a TOML file. Blocks the thread; for the start of a program.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`] when it cannot be read, and [`ConfigError::Syntax`] when it is no TOML.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let failed = |source| ConfigError::File { path: path.to_owned(), place: None, source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        self.text(path, &text)
    }

    /// Adds the values of TOML `text`, which errors call `name`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Syntax`] when it is no TOML.
    pub fn text(mut self, name: impl Into<PathBuf>, text: &str) -> Result<Self, ConfigError> {
        let path = name.into();
        let place = |offset: usize| ConfigPlace::File { path: path.clone(), line: line(text, offset) };
        let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            place: place(error.span().map_or(0, |span| span.start)),
            // Without the line itself, which the error's own text has: it may hold a password.
            message: error.message().to_owned(),
        })?;
        if let Some(root) = document.get_ref().get(ROOT) {
            self.add(ROOT, root, &place);
        }
        Ok(self)
    }

    /// Adds environment variables, those of the process being [`std::env::vars_os`]. Others than its own are left alone.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] for one that is no text.
    pub fn variables(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| is_ours(name)) else { continue };
            let (key, place) = (key(name), ConfigPlace::Variable(name.to_owned()));
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::Value { place, key, expected: "text in UTF-8", given: None });
            };
            self.insert(key, Given { raw: Raw::Plain(value), place });
        }
        Ok(self)
    }

    /// Sets the value of a name such as `transport.url`, from what errors call `name`, such as `--transport-url`. Written as in a
    /// variable.
    pub fn set(mut self, key: &str, value: impl Into<String>, name: impl Into<String>) -> Self {
        let (raw, place) = (Raw::Plain(value.into()), ConfigPlace::Program(name.into()));
        self.insert(format!("{ROOT}.{key}"), Given { raw, place });
        self
    }

    /// Reads what was collected. Reads `url_file`, too, which blocks the thread.
    ///
    /// # Errors
    ///
    /// The first value that is not understood, with its place.
    pub fn load(self) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(self.given);
        let config = Config::read(&mut reader)?;
        reader.finish()?;
        Ok(config)
    }

    fn add(&mut self, key: &str, value: &Spanned<DeValue<'_>>, place: &impl Fn(usize) -> ConfigPlace) {
        if let DeValue::Table(table) = value.get_ref() {
            for (name, value) in table {
                self.add(&format!("{key}.{}", name.get_ref()), value, place);
            }
            return;
        }
        let given = Given { raw: raw(value.get_ref()), place: place(value.span().start) };
        self.insert(key.to_owned(), given);
    }

    /// The URL and the file that holds it are one value: what is added later takes the place of both.
    fn insert(&mut self, key: String, given: Given) {
        let other = match key.as_str() {
            "rpc.transport.url" => Some("rpc.transport.url_file"),
            "rpc.transport.url_file" => Some("rpc.transport.url"),
            _ => None,
        };
        let is_earlier =
            |other: &Given| std::mem::discriminant(&other.place) != std::mem::discriminant(&given.place);
        if let Some(other) = other
            && self.given.get(other).is_some_and(is_earlier)
        {
            self.given.remove(other);
        }
        self.given.insert(key, given);
    }
}

/// Without values, which may be secret.
impl fmt::Debug for ConfigLoader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.given.iter().map(|(key, given)| (key, &given.place));
        formatter.debug_map().entries(places).finish()
    }
}

fn is_ours(variable: &str) -> bool {
    variable == EXCHANGE || SECTIONS.iter().any(|section| variable.starts_with(section))
}

/// `RPC_TRANSPORT_OPTIONS_QUEUE_TYPE` is `rpc.transport.options.queue_type`: what is before the name of a value has no
/// underscores itself.
fn key(variable: &str) -> String {
    let lower = variable.to_ascii_lowercase();
    let (root, rest) = lower.split_once('_').unwrap_or(("", &lower));
    let Some((section, name)) = rest.split_once('_') else { return format!("{root}.{rest}") };
    match name.strip_prefix("options_") {
        Some(option) if section == "transport" => format!("{root}.{section}.options.{option}"),
        _ => format!("{root}.{section}.{name}"),
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number(number.to_string()),
        DeValue::Float(number) => Raw::Number(number.to_string()),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts.collect::<Option<Vec<_>>>().map_or(Raw::Other, Raw::List)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => Raw::Other,
    }
}

/// The line of an offset in bytes, from 1.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
