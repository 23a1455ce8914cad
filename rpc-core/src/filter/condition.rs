//! What filters ask of one field.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use regex::{Regex, RegexSet};

use super::bits::Bits;
use super::field::Field;
use crate::error::{Code, Error, Executed, Phase};

/// What filters ask of one field.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) field: Field,
    expressions: RegexSet,
    /// Those who ask nothing of the field.
    others: Bits,
    /// Those who want each of the expressions.
    wanting: Vec<Bits>,
    seen: Mutex<Seen>,
}

/// Who wants texts that were seen before. There are few event types and publishers, and to find one here costs much less
/// than its expressions do. A field whose texts are all different fills it once, and then it stays as it is.
#[derive(Debug, Default)]
struct Seen(HashMap<Box<str>, Bits, foldhash::fast::RandomState>);

impl Condition {
    /// The condition of those filters, out of `count`, that want something of `field`.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] with the expression and what is wrong with it.
    pub(super) fn new(field: Field, wants: &[(&str, usize)], count: usize) -> Result<Self, Error> {
        let mut others = Bits::ones(count);
        let mut wanting: BTreeMap<&str, Bits> = BTreeMap::new();
        for (expression, filter) in wants {
            // Alone, so that the error is about this one; and as it is, so that it does not end the group around it.
            let alone = Regex::new(expression).and_then(|_| compile(&[expression]));
            alone.map_err(|error| bad(&field, expression, &error))?;
            wanting.entry(expression).or_insert_with(|| Bits::zeros(count)).set(*filter, true);
            others.set(*filter, false);
        }
        let expressions: Vec<&str> = wanting.keys().copied().collect();
        let expressions =
            compile(&expressions).map_err(|error| bad(&field, &expressions.join(" "), &error))?;
        let wanting = wanting.into_values().collect();
        Ok(Self { field, expressions, others, wanting, seen: Mutex::default() })
    }

    /// Leaves those who want `text`, or ask nothing of it.
    pub(super) fn narrow(&self, passed: &mut Bits, text: Option<&str>) {
        let Some(text) = text else { return passed.and(&self.others) };
        // Nothing that runs under this lock can panic or wait.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(allowed) = seen.0.get(text) {
            return passed.and(allowed);
        }
        drop(seen);
        let mut allowed = self.others.clone();
        for expression in &self.expressions.matches(text) {
            allowed.or(&self.wanting[expression]);
        }
        passed.and(&allowed);
        seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0.len() < Seen::MOST && text.len() <= Seen::LONGEST {
            seen.0.insert(text.into(), allowed);
        }
    }
}

impl Seen {
    /// Texts that are kept.
    const MOST: usize = 256;
    /// Of one of them, in bytes.
    const LONGEST: usize = 256;
}

/// Expressions that match from the start of a text.
fn compile(expressions: &[&str]) -> Result<RegexSet, regex::Error> {
    RegexSet::new(expressions.iter().map(|expression| format!("^(?:{expression})")))
}

fn bad(field: &Field, expression: &str, error: &regex::Error) -> Error {
    let message = format!("the filter on {field} has no regular expression in {expression:?}: {error}");
    Error::new(Code::InvalidArguments, message).with_executed(Executed::NotSent).with_phase(Phase::Connect)
}
