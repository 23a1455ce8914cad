//! W3C trace context, carried as text.

/// The trace that a request belongs to: the W3C headers `traceparent`, `tracestate` and `baggage`, carried
/// as they are. Each is at most 1,024 bytes; a longer one is dropped on arrival.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TraceContext {
    /// `traceparent`.
    pub parent: Option<String>,
    /// `tracestate`.
    pub state: Option<String>,
    /// `baggage`.
    pub baggage: Option<String>,
}

impl TraceContext {
    /// Longest value that is kept, in bytes.
    pub const LONGEST: usize = 1_024;

    /// A trace context from the three headers; a value longer than [`TraceContext::LONGEST`] is dropped.
    #[must_use]
    pub fn from_headers(parent: Option<String>, state: Option<String>, baggage: Option<String>) -> Self {
        let bounded = |value: Option<String>| value.filter(|text| text.len() <= Self::LONGEST);
        Self { parent: bounded(parent), state: bounded(state), baggage: bounded(baggage) }
    }
}
