//! `amqps` verifies, and each way to fail says what is wrong and what to do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{Code, Error, Server, Target};
use tests::broker::{Broker, Certificates, ClientCertificate, unique};

use crate::service::{SumsClient, endpoint};

async fn refused(connecting: impl Future<Output = Result<AmqpTransport, Error>>) -> Error {
    let started = Instant::now();
    let error = connecting.await.map(drop).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}: {error}", started.elapsed());
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    error
}

/// Refused for good, with an error that says all of `words`.
async fn refused_saying(words: &[&str], connecting: impl Future<Output = Result<AmqpTransport, Error>>) {
    let error = refused(connecting).await;
    assert!(words.iter().all(|word| error.message().contains(word)), "{words:?}: {error}");
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_08_a_broker_with_a_certificate_of_a_trusted_authority_is_used() {
    let certificates = Certificates::generate();
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::NotAsked).start();
    let builder = || AmqpTransport::builder(broker.tls_url()).ca_certificates(&certificates.authority);
    let (transport, elsewhere) = (builder().connect().await.unwrap(), builder().connect().await.unwrap());
    let target = Target::topic(unique("tls"));
    let _server = Server::builder(&elsewhere, target.clone()).endpoint(endpoint()).start().await.unwrap();
    assert_eq!(SumsClient::new(&transport, target).square(12).await.unwrap(), 144);
    assert!(broker.connections().iter().all(|connection| connection.ssl));

    let unknown = ["TLS", "UnknownIssuer", "ca_certificates"];
    refused_saying(&unknown, AmqpTransport::builder(broker.tls_url()).connect()).await;
    let other = Certificates::generate().authority;
    // Of the same name as the right one, so that it is tried and does not fit.
    let connecting = AmqpTransport::builder(broker.tls_url()).ca_certificates(other).connect();
    refused_saying(&["TLS", "certificate"], connecting).await;
    // TLS spoken to the port without, and the other way round.
    let plain = broker.url().replace("amqp://", "amqps://");
    let error =
        refused(AmqpTransport::builder(plain).ca_certificates(&certificates.authority).connect()).await;
    assert!(error.message().contains("does not speak TLS") && error.is_retryable(), "{error}");
    let error =
        refused(AmqpTransport::builder(broker.tls_url().replace("amqps://", "amqp://")).connect()).await;
    println!("amqp to the TLS port: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_10_12_13_the_name_of_the_host_is_checked_and_a_client_certificate_can_be_shown() {
    let certificates = Certificates::for_names(&["localhost"]);
    let broker = Broker::builder()
        .tls(certificates.clone(), ClientCertificate::Required)
        .plugin("rabbitmq_auth_mechanism_ssl")
        .setting("auth_mechanisms.1 = PLAIN")
        .setting("auth_mechanisms.2 = EXTERNAL")
        .setting("ssl_cert_login_from = common_name")
        .start();
    let builder = |url: String| AmqpTransport::builder(url).ca_certificates(&certificates.authority);
    let identified = |url| builder(url).client_identity(&certificates.client, &certificates.client_key);
    identified(broker.tls_url()).connect().await.unwrap();
    // With TLS 1.3 the broker's word may be lost, since it closes at once.
    let error = refused(builder(broker.tls_url()).connect()).await;
    assert!(error.message().contains("TLS") && error.message().contains("client_identity"), "{error}");
    let other_name = broker.tls_url().replace("localhost", "127.0.0.1");
    refused_saying(&["not valid for name", "other names than 127.0.0.1"], identified(other_name).connect())
        .await;
    let stranger = Certificates::generate();
    let shown = builder(broker.tls_url()).client_identity(stranger.client, stranger.client_key);
    let error = refused(shown.connect()).await;
    assert!(error.message().contains("TLS") && error.message().contains("our client certificate"), "{error}");
    let mixed = Certificates::generate().client_key;
    let shown = builder(broker.tls_url()).client_identity(&certificates.client, mixed);
    refused_saying(&["key", "client_identity"], shown.connect()).await;

    // The certificate in place of user and password.
    let external = format!("{}?auth_mechanism=external", broker.tls_url().replace("guest:guest@", ""));
    let error = identified(external.clone()).connect().await.map(drop).unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::PermissionDenied, false), "{error}");
    assert!(error.message().contains("certificate as a login"), "{error}");
    broker.ctl(&["add_user", "RPC test client", "unused"]);
    broker.ctl(&["set_permissions", "RPC test client", ".*", ".*", ".*"]);
    let transport = identified(external.clone()).connect().await.unwrap();
    let users: Vec<_> = broker.connections().into_iter().map(|connection| connection.user).collect();
    assert!(users.iter().any(|user| user == "RPC test client"), "{users:?}");
    transport.close(Duration::from_secs(2)).await;
    let error = builder(external).connect().await.map(drop).unwrap_err();
    assert!(error.message().contains("client_identity") && !error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_11_the_name_that_is_checked_is_that_of_the_host_that_was_dialled() {
    let certificates = Certificates::for_names(&["localhost"]);
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::NotAsked).start();
    let port = broker.tls_port();
    let connect = async |hosts: String| {
        let builder = AmqpTransport::builder(format!("amqps://guest:guest@{hosts}"));
        builder.ca_certificates(&certificates.authority).connect().await
    };
    // Wherever it begins, it ends at the host that shows its own name.
    for _ in 0..4 {
        let transport = connect(format!("127.0.0.1:{port},localhost:{port}")).await.unwrap();
        transport.close(Duration::from_secs(2)).await;
    }
    let strangers = connect(format!("127.0.0.1:{port},127.0.0.1:{port}"));
    refused_saying(&["not valid for name", "other names than 127.0.0.1"], strangers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_without_external_says_how_to_get_it() {
    let certificates = Certificates::generate();
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::Required).start();
    let external = format!("{}?auth_mechanism=external", broker.tls_url().replace("guest:guest@", ""));
    let connecting = AmqpTransport::builder(external)
        .ca_certificates(&certificates.authority)
        .client_identity(&certificates.client, &certificates.client_key)
        .connect();
    let started = Instant::now();
    let error = connecting.await.map(drop).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(error.message().contains("rabbitmq_auth_mechanism_ssl"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_refused() {
    let certificates = Certificates::expired();
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::NotAsked).start();
    let connecting =
        AmqpTransport::builder(broker.tls_url()).ca_certificates(certificates.authority).connect();
    refused_saying(&["TLS", "expired", "renew"], connecting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_older_than_tls_1_2_is_spoken() {
    let certificates = Certificates::generate();
    let broker = Broker::builder()
        .tls(certificates.clone(), ClientCertificate::NotAsked)
        .setting("ssl_options.versions.1 = tlsv1.1")
        .setting("ssl_options.versions.2 = tlsv1")
        .start();
    let connecting =
        AmqpTransport::builder(broker.tls_url()).ca_certificates(certificates.authority).connect();
    refused_saying(&["TLS", "1.2 or 1.3"], connecting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_certificate_is_told_before_anything_is_tried() {
    let builder = || AmqpTransport::builder("amqps://localhost:1");
    refused_saying(&["ca_certificates"], builder().ca_certificates("/etc/ssl/ca.pem").connect()).await;
    refused_saying(&["client_identity"], builder().client_identity("a.pem", "a.key").connect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_stalls_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqps://localhost:{}", listener.local_addr().unwrap().port());
    let silent = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            // The start of a record that never ends.
            let _ = stream.write_all(b"\x16\x03\x03\x40\x00\x02");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let error = refused(AmqpTransport::builder(url).connect()).await;
    assert!(error.message().contains("no login in time"), "{error}");
    silent.join().unwrap();
}
