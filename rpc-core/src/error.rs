//! What can go wrong, as data.

mod call_error;
mod code;
mod executed;
mod phase;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub use self::call_error::{CallError, NoError};
pub use self::code::Code;
pub use self::executed::Executed;
pub use self::phase::Phase;
use crate::identity::RequestId;
use crate::message::Traceback;

/// Why a call, a cast, a fanout or a notification failed.
///
/// Every error answers the questions that a caller has: what happened ([`code`](Self::code)), may the method
/// have run ([`executed`](Self::executed)), can a retry help ([`is_retryable`](Self::is_retryable)), where did
/// it stop ([`phase`](Self::phase)), and which service, method and request it was about. Never a password and
/// never a payload.
///
/// One pointer wide, so a `Result` stays small.
pub struct Error(Box<Facts>);

struct Facts {
    code: Code,
    executed: Executed,
    retryable: bool,
    phase: Phase,
    message: String,
    retry_after: Option<Duration>,
    service: Option<String>,
    method: Option<String>,
    request_id: Option<RequestId>,
    error_type: Option<String>,
    server: Option<String>,
    traceback: Option<Box<Traceback>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `code`. Whether the method may have run and whether a retry can help are first taken from
    /// the code ([`Code::executed`], [`Code::is_retryable`]); the message says what happened, to what, and
    /// what to do.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            code,
            executed: code.executed(),
            retryable: code.is_retryable(),
            phase: code.phase(),
            message: message.into(),
            retry_after: None,
            service: None,
            method: None,
            request_id: None,
            error_type: None,
            server: None,
            traceback: None,
            source: None,
        }))
    }

    /// Says whether the method may have run.
    #[must_use]
    pub fn with_executed(mut self, executed: Executed) -> Self {
        self.0.executed = executed;
        self
    }

    /// Says whether a retry can help.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Says where the work stopped.
    #[must_use]
    pub fn with_phase(mut self, phase: Phase) -> Self {
        self.0.phase = phase;
        self
    }

    /// Says how long to wait before a retry.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Names the type of the service's own error, for one that could not be decoded here.
    #[must_use]
    pub fn with_error_type(mut self, error_type: Option<String>) -> Self {
        self.0.error_type = error_type;
        self
    }

    /// Names the server that answered.
    #[must_use]
    pub fn with_server(mut self, server: Option<String>) -> Self {
        self.0.server = server;
        self
    }

    /// Keeps where it happened at a server in another language.
    #[must_use]
    pub fn with_traceback(mut self, traceback: Option<Box<Traceback>>) -> Self {
        self.0.traceback = traceback;
        self
    }

    /// Attaches the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says before the message where the mistake is.
    #[must_use]
    pub(crate) fn within(mut self, place: &impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// Names service, method and request, where they are not named yet.
    #[must_use]
    pub fn about(mut self, service: impl fmt::Display, method: &str, request_id: &RequestId) -> Self {
        self.0.service.get_or_insert_with(|| service.to_string());
        self.0.method.get_or_insert_with(|| method.to_owned());
        self.0.request_id.get_or_insert_with(|| request_id.clone());
        self
    }

    /// What happened.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether the method may have run.
    #[must_use]
    pub fn executed(&self) -> Executed {
        self.0.executed
    }

    /// Whether the same request can succeed later. It says nothing about safety: a retry is safe when
    /// [`executed`](Self::executed) is [`Executed::NotSent`] or the method is idempotent.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Where the work stopped.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What happened, in words, without the cause and without the names of service and method.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How long the peer asks to wait before a retry.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The target of the request, as text.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.0.service.as_deref()
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The request id, as it stands in the logs of every service that took part.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.as_ref()
    }

    /// The type of the service's own error, when it could not be decoded into the caller's type.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.0.error_type.as_deref()
    }

    /// The server that answered, when one did.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.0.server.as_deref()
    }

    /// Where it happened at the server, when that is written in a language that tells. It is in neither form of the error's
    /// text.
    #[must_use]
    pub fn traceback(&self) -> Option<&Traceback> {
        self.0.traceback.as_deref()
    }

    /// Whether the deadline passed. Not so for [`Code::Unresponsive`], which oslo.messaging reports as the same
    /// `MessagingTimeout`: there time is left, and somebody else may be asked.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.code == Code::DeadlineExceeded
    }

    /// Whether nobody serves the target.
    #[must_use]
    pub fn is_unroutable(&self) -> bool {
        self.0.code == Code::Unroutable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.service, &self.0.method) {
            (Some(service), Some(method)) => write!(formatter, "{method} of {service}: ")?,
            (Some(service), None) => write!(formatter, "{service}: ")?,
            (None, Some(method)) => write!(formatter, "{method}: ")?,
            (None, None) => {}
        }
        write!(formatter, "{} [{}, {}", self.0.message, self.0.code, self.0.executed)?;
        if let Some(request_id) = &self.0.request_id {
            write!(formatter, ", request {request_id}")?;
        }
        formatter.write_str("]")
    }
}

/// `{:?}` is what a program prints when its `main` returns the error: the text, and what caused it. `{:#?}` lists the
/// facts.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !formatter.alternate() {
            fmt::Display::fmt(self, formatter)?;
            return self.0.source.as_ref().map_or(Ok(()), |source| write!(formatter, ", because: {source}"));
        }
        let facts = &*self.0;
        formatter
            .debug_struct("Error")
            .field("code", &facts.code)
            .field("message", &facts.message)
            .field("executed", &facts.executed)
            .field("retryable", &facts.retryable)
            .field("phase", &facts.phase)
            .field("service", &facts.service)
            .field("method", &facts.method)
            .field("request_id", &facts.request_id)
            .field("server", &facts.server)
            .field("source", &facts.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| -> &(dyn StdError + 'static) { source })
    }
}

const _: () = {
    const fn sendable<T: Send + Sync>() {}
    sendable::<Error>();
    assert!(size_of::<Error>() == size_of::<usize>(), "results stay small");
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_a_person_has_to_know() {
        let request_id = RequestId::parse("r-1").unwrap();
        let error = Error::new(Code::Unroutable, "no server of this topic has ever started");
        let error = error.about("conductor", "change_power", &request_id);
        assert_eq!(
            error.to_string(),
            "change_power of conductor: no server of this topic has ever started \
             [unroutable, not_sent, request r-1]"
        );
    }

    #[test]
    fn a_program_that_ends_with_it_prints_what_a_person_can_read() {
        let cause = std::io::Error::other("connection refused");
        let error = Error::new(Code::Unavailable, "no broker at localhost").with_source(cause);
        let text = "no broker at localhost [unavailable, unknown], because: connection refused";
        assert_eq!(format!("{error:?}"), text);
        assert!(format!("{error:#?}").contains("phase: Connect"));
    }

    #[test]
    fn the_first_word_on_service_and_method_stays() {
        let first = RequestId::parse("r-1").unwrap();
        let second = RequestId::parse("r-2").unwrap();
        let error = Error::new(Code::Unavailable, "x").about("a", "m", &first).about("b", "n", &second);
        assert_eq!(
            (error.service(), error.method(), error.request_id()),
            (Some("a"), Some("m"), Some(&first))
        );
    }
}
