//! Encryption through rustls, always with verification.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::secret::Secret;
use crate::url::UrlError;

/// What is trusted besides the system's certificates, and who we are.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    /// Certificates in PEM form.
    pub(crate) trusted: Option<String>,
    /// Certificate chain and key in PEM form.
    pub(crate) identity: Option<(String, Secret)>,
}

impl TlsSettings {
    /// Whether the texts hold what they should. Whether it fits together is seen when it is used.
    pub(crate) fn check(&self) -> Result<(), UrlError> {
        if self.trusted.as_deref().is_some_and(|pem| !holds_certificates(pem)) {
            let allowed = "one certificate or several, in PEM form";
            return Err(UrlError::Value { key: "ca_certificates", allowed });
        }
        let is_wrong = |(certificates, key): &(String, Secret)| {
            !holds_certificates(certificates)
                || PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).is_err()
        };
        if self.identity.as_ref().is_some_and(is_wrong) {
            let allowed = "a chain of certificates and a private key without a password, in PEM form";
            return Err(UrlError::Value { key: "client_identity", allowed });
        }
        Ok(())
    }
}

fn holds_certificates(pem: &str) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    #[test]
    fn what_is_no_pem_is_refused_before_it_is_used() {
        let trusting = |pem: &str| TlsSettings { trusted: Some(pem.to_owned()), identity: None };
        assert!(trusting(&CERTIFICATE.repeat(2)).check().is_ok());
        for pem in ["", "/etc/ssl/ca.pem", KEY] {
            assert!(trusting(pem).check().is_err(), "{pem}");
        }
        let showing = |certificate: &str, key: &str| TlsSettings {
            trusted: None,
            identity: Some((certificate.to_owned(), Secret::new(key))),
        };
        assert!(showing(CERTIFICATE, KEY).check().is_ok());
        assert!(showing(KEY, CERTIFICATE).check().is_err());
        assert!(showing(CERTIFICATE, "").check().is_err());
    }
}
