//! What a broker says that is different.

use std::borrow::Cow;

use crate::topology::{Argument, Properties};

/// One thing in which what exists differs from what was declared. A broker tells of the first that it finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Difference {
    pub(crate) argument: String,
    /// As it is; `None` for an argument that what exists does not have.
    pub(crate) current: Option<Argument>,
}

const DURABLE: &str = "durable";
const AUTO_DELETE: &str = "auto_delete";

impl Difference {
    /// From a broker's text: `inequivalent arg 'x-expires' for queue 'q' in vhost '/': received none but current is the value
    /// '1800000' of type 'signedint'`. AMQP cuts it after 255 bytes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (argument, rest) = text.split_once("inequivalent arg '")?.1.split_once('\'')?;
        let current = rest.rsplit_once("current is ")?.1;
        let current = if current == "none" {
            None
        } else if let Some(value) = current.strip_prefix("the value '") {
            let (value, kind) = value.rsplit_once("' of type '")?;
            let number = value.parse().ok().filter(|_| !kind.starts_with("longstr"));
            Some(number.map_or_else(|| text_of(value), Argument::Number))
        } else {
            Some(text_of(current.strip_prefix('\'')?.strip_suffix('\'')?))
        };
        Some(Self { argument: argument.to_owned(), current })
    }

    /// Whether what exists is durable and this is the difference.
    pub(crate) fn durable(&self) -> Option<bool> {
        (self.argument == DURABLE).then(|| self.truth()).flatten()
    }

    fn truth(&self) -> Option<bool> {
        match &self.current {
            Some(Argument::Text(text)) => text.parse().ok(),
            Some(Argument::Number(_)) | None => None,
        }
    }
}

fn text_of(value: &str) -> Argument {
    Argument::Text(Cow::Owned(value.to_owned()))
}

impl Properties {
    /// Takes over what was found to be different. `false` for what is none of the properties.
    pub(crate) fn take(&mut self, difference: Difference) -> bool {
        let flag = match difference.argument.as_str() {
            DURABLE => &mut self.lifetime.durable,
            AUTO_DELETE => &mut self.lifetime.auto_delete,
            name if name.starts_with("x-") => {
                self.set(Cow::Owned(difference.argument), difference.current);
                return true;
            }
            _ => return false,
        };
        difference.truth().is_some_and(|current| {
            *flag = current;
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_broker_says_is_understood() {
        let start = "406 PRECONDITION_FAILED - inequivalent arg";
        let text = |value: &'static str| Some(Argument::Text(value.into()));
        for (rest, argument, current) in [
            (
                "'durable' for exchange 'nova' in vhost '/': received 'false' but current is 'true'",
                "durable",
                text("true"),
            ),
            (
                "'x-queue-type' for queue 't' in vhost '/': received none but current is the value 'quorum' of type 'longstr'",
                "x-queue-type",
                text("quorum"),
            ),
            (
                "'x-expires' for queue 't' in vhost '/': received the value '1' of type 'signedint' but current is none",
                "x-expires",
                None,
            ),
            (
                "'x-expires' for queue 'current is' in vhost '/': received none but current is the value '1800000' of type 'signedint'",
                "x-expires",
                Some(Argument::Number(1_800_000)),
            ),
            (
                "'x-max-age' for queue 't' in vhost '/': received none but current is the value '10' of type 'longstr'",
                "x-max-age",
                text("10"),
            ),
        ] {
            let expected = Difference { argument: argument.to_owned(), current };
            assert_eq!(Difference::parse(&format!("{start} {rest}")), Some(expected), "{rest}");
        }
        for other in ["404 NOT_FOUND", "inequivalent arg 'durable' for queue 'a very long na", ""] {
            assert_eq!(Difference::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, tail: String) {
            let _ = Difference::parse(&text);
            let _ = Difference::parse(&format!("inequivalent arg '{text}' current is {tail}"));
        }
    }
}
