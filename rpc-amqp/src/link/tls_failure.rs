//! What went wrong with TLS, and what to do about it.

use std::io;

use lapin::ErrorKind;
use rustls::{AlertDescription as Alert, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::refusal::{Refusal, RefusalKind};
use crate::url::Node;

/// The refusal behind an error of the stream, whichever side it comes from.
pub(super) fn refusal(node: &Node, error: &io::Error, shows_certificate: bool) -> Refusal {
    let Some(cause) = rustls(error) else {
        return Refusal::lost(format!("{}: TLS: {error}", node.address()));
    };
    let advice = advice(cause, &node.host, shows_certificate);
    Refusal {
        kind: if is_final(cause) { RefusalKind::Untrusted } else { RefusalKind::Lost },
        text: format!(
            "{}: TLS: {error}{}{advice}",
            node.address(),
            if advice.is_empty() { "" } else { ": " }
        ),
    }
}

/// The refusal behind an error of the library while it logged in. With TLS 1.3 a broker checks our certificate when we
/// believe that the handshake is over, so its answer comes late, and is often lost because it closes at once.
pub(super) fn later_refusal(node: &Node, error: &lapin::Error, shows_certificate: bool) -> Option<Refusal> {
    let ErrorKind::IOError(error) = error.kind() else { return None };
    if rustls(error).is_some() {
        return Some(refusal(node, error, shows_certificate));
    }
    let advice = if shows_certificate {
        "a broker that does not accept our client certificate may do that: is its authority in the broker's cacertfile?"
    } else {
        "a broker that asks for a client certificate may do that: give one to client_identity"
    };
    Some(Refusal::lost(format!("{}: closed after the TLS handshake: {error}; {advice}", node.address())))
}

fn rustls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether it stays so until a person changes something. Anything else may be different next time.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(_)
            | Error::InconsistentKeys(_)
            | Error::PeerIncompatible(_)
            | Error::AlertReceived(
                Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::CertificateRequired
                    | Alert::AccessDenied
                    | Alert::ProtocolVersion
                    | Alert::HandshakeFailure
            )
    )
}

fn advice(error: &Error, host: &str, shows_certificate: bool) -> String {
    match error {
        Error::InvalidCertificate(certificate) => of_the_broker(certificate, host),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | Error::AlertReceived(Alert::ProtocolVersion) => {
            "the broker must offer TLS 1.2 or 1.3 (its ssl_options.versions)".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what answers there does not speak TLS: is it the port for amqp://? The usual one for amqps:// is 5671"
                .to_owned()
        }
        Error::AlertReceived(Alert::CertificateRequired | Alert::HandshakeFailure) if !shows_certificate => {
            "the broker asks for a client certificate, it seems: give one to client_identity".to_owned()
        }
        Error::AlertReceived(Alert::CertificateExpired) => {
            "the broker says that our client certificate has expired: renew it".to_owned()
        }
        Error::AlertReceived(
            Alert::UnknownCA | Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate,
        ) => "the broker does not accept our client certificate: is its authority in the broker's cacertfile?"
            .to_owned(),
        Error::InconsistentKeys(_) => "the key given to client_identity is not that of its certificate".to_owned(),
        _ => String::new(),
    }
}

fn of_the_broker(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "nobody who is trusted here has signed the broker's certificate: give its authority's certificate to \
             ca_certificates, or add it to the system's"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired: renew it".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet: is the clock right, here and there?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the broker's certificate is for other names than {host}: connect by one of those, or renew it")
        }
        _ => String::new(),
    }
}
