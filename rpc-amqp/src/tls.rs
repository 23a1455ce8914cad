//! Encryption through rustls, always with verification.

use crate::secret::Secret;

/// What is trusted besides the system's certificates, and who we are.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    /// Certificates in PEM form.
    pub(crate) trusted: Option<String>,
    /// Certificate chain and key in PEM form.
    pub(crate) identity: Option<(String, Secret)>,
}
