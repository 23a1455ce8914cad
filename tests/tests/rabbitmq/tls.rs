//! `amqps` verifies, and each way to fail says what is wrong.

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_a_certificate_of_a_trusted_authority_is_used() {
    let certificates = Certificates::generate();
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::NotAsked).start();
    let builder = || AmqpTransport::builder(broker.tls_url()).ca_certificates(&certificates.authority);
    let (transport, elsewhere) = (builder().connect().await.unwrap(), builder().connect().await.unwrap());
    let target = Target::topic(unique("tls"));
    let _server = Server::builder(&elsewhere, target.clone()).endpoint(endpoint()).start().await.unwrap();
    assert_eq!(SumsClient::new(&transport, target).square(12).await.unwrap(), 144);
    assert!(broker.connections().iter().all(|connection| connection.ssl));

    let unknown = refused(AmqpTransport::builder(broker.tls_url()).connect()).await;
    assert!(unknown.message().contains("UnknownIssuer") && !unknown.is_retryable(), "{unknown}");
    let other = Certificates::generate().authority;
    let unknown = refused(AmqpTransport::builder(broker.tls_url()).ca_certificates(other).connect()).await;
    assert!(unknown.message().contains("TLS") && !unknown.is_retryable(), "{unknown}");
    // TLS spoken to the port without, and the other way round.
    let plain = broker.url().replace("amqp://", "amqps://");
    let error =
        refused(AmqpTransport::builder(plain).ca_certificates(&certificates.authority).connect()).await;
    assert!(error.message().contains("TLS") && error.is_retryable(), "{error}");
    refused(AmqpTransport::builder(broker.tls_url().replace("amqps://", "amqp://")).connect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_the_host_is_checked_and_a_client_certificate_can_be_shown() {
    let certificates = Certificates::for_names(&["localhost"]);
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::Required).start();
    let builder = |url: String| AmqpTransport::builder(url).ca_certificates(&certificates.authority);
    let identified = |url| builder(url).client_identity(&certificates.client, &certificates.client_key);
    identified(broker.tls_url()).connect().await.unwrap();
    refused(builder(broker.tls_url()).connect()).await;
    let other_name = broker.tls_url().replace("localhost", "127.0.0.1");
    let error = refused(identified(other_name).connect()).await;
    assert!(error.message().contains("not valid for name") && !error.is_retryable(), "{error}");
}
