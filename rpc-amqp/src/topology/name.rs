//! Names of exchanges and queues.
//!
//! A name is words with dots between. So that no two targets share one, a dot inside a part is escaped, and so are
//! the signs that a topic exchange reads as wildcards, and `%` itself. Only a server name at the end keeps its dots:
//! nothing follows that it could be confused with, and host names stay readable.

use std::fmt::Write as _;

use rpc_core::{Code, Error, Executed, Phase};

/// The longest name that AMQP carries, in bytes.
const LONGEST: usize = 255;

/// A part with dots escaped.
pub(super) fn part(text: &str) -> String {
    escape(text, &['.', '%', '*', '#'])
}

/// A last part, which keeps its dots.
pub(super) fn last_part(text: &str) -> String {
    escape(text, &['%', '*', '#'])
}

/// The name, if AMQP can carry it.
///
/// # Errors
///
/// [`Code::InvalidArguments`] above 255 bytes. Nothing was sent.
pub(super) fn checked(name: String) -> Result<String, Error> {
    if name.len() <= LONGEST {
        return Ok(name);
    }
    let start: String = name.chars().take(60).collect();
    Err(invalid(format!(
        "{start}… has {} bytes and AMQP carries names of {LONGEST}: shorten exchange, topic, server or pool",
        name.len()
    )))
}

/// Refuses an empty part, which would make two names meet.
pub(super) fn not_empty(what: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() { Err(invalid(format!("the {what} is empty"))) } else { Ok(()) }
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidArguments, message).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}

fn escape(text: &str, special: &[char]) -> String {
    if !text.contains(special) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut escaped, character| {
        if special.contains(&character) {
            // Every special character is ASCII, and writing to a String cannot fail.
            let _ = write!(escaped, "%{:02x}", u32::from(character));
        } else {
            escaped.push(character);
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_survive_only_at_the_end() {
        assert_eq!(part("a.b*c#d%e"), "a%2eb%2ac%23d%25e");
        assert_eq!(last_part("host.example.org"), "host.example.org");
        assert_eq!(last_part("a*#%"), "a%2a%23%25");
    }

    #[test]
    fn long_names_are_refused_before_they_are_sent() {
        assert!(checked("x".repeat(255)).is_ok());
        let error = checked("x".repeat(256)).unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent));
    }
}
