//! Certificates for a TLS listener, made for one run.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::ClientCertificate;

/// An authority, a server certificate for `localhost` and 127.0.0.1, and a client certificate; all PEM.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The authority's certificate: what a client has to trust.
    pub authority: String,
    /// The server's certificate.
    pub server: String,
    /// The server's key.
    pub server_key: String,
    /// The client's certificate.
    pub client: String,
    /// The client's key.
    pub client_key: String,
}

impl Certificates {
    /// New ones, with an authority that nobody else has. Valid names of the server: `localhost`, 127.0.0.1.
    #[must_use]
    pub fn generate() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// New ones for a server with other names, for example wrong ones.
    #[must_use]
    pub fn for_names(names: &[&str]) -> Self {
        Self::made(names, |_| ())
    }

    /// New ones, of which the server's has expired long ago.
    #[must_use]
    pub fn expired() -> Self {
        Self::made(&["localhost", "127.0.0.1"], |server| {
            server.not_before = rcgen::date_time_ymd(2001, 1, 1);
            server.not_after = rcgen::date_time_ymd(2002, 1, 1);
        })
    }

    fn made(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = parameters("RPC test authority", &[]);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&key).unwrap();
        let issuer = Issuer::new(authority, key);

        let mut server = parameters("RPC test broker", names);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut server);
        let server_key = KeyPair::generate().unwrap();
        let server_certificate = server.signed_by(&server_key, &issuer).unwrap();

        let mut client = parameters("RPC test client", &[]);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate().unwrap();
        let client_certificate = client.signed_by(&client_key, &issuer).unwrap();

        Self {
            authority: authority_certificate.pem(),
            server: server_certificate.pem(),
            server_key: server_key.serialize_pem(),
            client: client_certificate.pem(),
            client_key: client_key.serialize_pem(),
        }
    }
}

/// The lines of `rabbitmq.conf` for a TLS listener; paths are relative to the node's folder.
pub(super) fn settings(client: ClientCertificate) -> Vec<String> {
    let (verify, required) = match client {
        ClientCertificate::Required => ("verify_peer", "true"),
        ClientCertificate::NotAsked => ("verify_none", "false"),
    };
    vec![
        "listeners.ssl.1 = 127.0.0.1:{tls-port}".into(),
        "ssl_options.cacertfile = tls/authority.pem".into(),
        "ssl_options.certfile = tls/server.pem".into(),
        "ssl_options.keyfile = tls/server-key.pem".into(),
        format!("ssl_options.verify = {verify}"),
        format!("ssl_options.fail_if_no_peer_cert = {required}"),
    ]
}

fn parameters(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}
