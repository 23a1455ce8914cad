//! Words that are one of a list.

/// A text that names none of the values that there are.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a {what}: use {}", .known.join(", "))]
pub struct ParseNameError {
    text: String,
    what: &'static str,
    known: Vec<&'static str>,
}

/// The value whose name `text` is.
pub(crate) fn parse_name<T: Copy>(
    text: &str,
    what: &'static str,
    values: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, ParseNameError> {
    values.iter().copied().find(|&value| name(value) == text).ok_or_else(|| ParseNameError {
        text: text.chars().take(64).collect(),
        what,
        known: values.iter().map(|&value| name(value)).collect(),
    })
}
