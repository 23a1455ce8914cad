//! Why the broker did not do what it was asked to.

use lapin::ErrorKind;
use rpc_core::{Code, Error, Executed, Phase};

/// Why the broker did not do what it was asked to, sorted by what can be done about it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    /// The broker's own text, or the system's.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefusalKind {
    /// 403: the login, or a permission.
    Forbidden,
    /// 530: the vhost.
    NotAllowed,
    /// TLS: one side does not accept the other's certificate.
    Untrusted,
    /// There is no password to log in with.
    NoPassword,
    /// 406: something exists with other properties.
    Mismatch,
    /// 404 and 405: not there, or locked by another connection; can be so for a moment.
    Absent,
    /// 404: the queue is there, and the node that keeps it is not.
    NodeDown,
    /// A queue that is to have one consumer has another.
    Taken,
    /// 541: the broker failed, over what was asked or by itself.
    BrokerError,
    /// Nobody accepted a connection.
    Unreached,
    /// The broker did not answer in time.
    Silent,
    /// The connection or the channel ended.
    Lost,
}

impl Refusal {
    pub(crate) fn from_answer(error: &lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(answer) = error.kind() {
            let kind = match answer.get_id() {
                403 => RefusalKind::Forbidden,
                404 if is_home_down(answer.get_message().as_str()) => RefusalKind::NodeDown,
                404 | 405 => RefusalKind::Absent,
                406 => RefusalKind::Mismatch,
                530 => RefusalKind::NotAllowed,
                541 => RefusalKind::BrokerError,
                _ => RefusalKind::Lost,
            };
            return Self { kind, text: one_line(&format!("{} {}", answer.get_id(), answer.get_message())) };
        }
        Self { kind: RefusalKind::Lost, text: one_line(&error.to_string()) }
    }

    /// About a node that accepted no connection.
    pub(crate) fn unreached(text: String) -> Self {
        Self { kind: RefusalKind::Unreached, text }
    }

    pub(crate) fn silent(what: &str) -> Self {
        Self { kind: RefusalKind::Silent, text: format!("the broker did not answer in time: {what}") }
    }

    pub(crate) fn lost(text: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Lost, text: text.into() }
    }

    /// Whether trying the same again is pointless until a person changes something.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(
            self.kind,
            RefusalKind::Forbidden
                | RefusalKind::NotAllowed
                | RefusalKind::NoPassword
                | RefusalKind::Mismatch
                | RefusalKind::Untrusted
        )
    }

    /// Whether it may be over in a moment: the connection went away under the request.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            RefusalKind::Lost | RefusalKind::Silent | RefusalKind::Unreached | RefusalKind::Taken
        )
    }

    pub(crate) const fn code(&self) -> Code {
        match self.kind {
            RefusalKind::Forbidden => Code::PermissionDenied,
            _ => Code::Unavailable,
        }
    }

    /// The error for somebody whose request was not sent because of this.
    pub(crate) fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::new(self.code(), format!("{what}: {}", self.text))
            .with_executed(Executed::NotSent)
            .with_retryable(!self.is_final())
            .with_phase(Phase::Connect)
    }
}

/// A broker shows octets that it could not read over several lines; a log has one for each event.
fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The broker has no code of its own for it.
fn is_home_down(text: &str) -> bool {
    text.contains("home node") && text.contains("down")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_says_is_one_line() {
        let text = "FRAME_ERROR - first 16 octets = <<0,0,\n                        1>>: \u{1b}[2Jx";
        assert_eq!(one_line(text), "FRAME_ERROR - first 16 octets = <<0,0, 1>>: [2Jx");
    }
}
