//! What a caller learns about the queue when nobody answers.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, QueueDepth, Source, StatusWatch, Transport,
};
use rpc_core::{Client, Code, Deadline, Error, Executed, MemoryTransport, SharedTransport, Target};
use tokio::time::Instant;

use crate::support::{one_server, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_timeout_says_what_the_queue_looks_like() {
    let (work, worker, server, transport) = one_server().await;
    let error = work.sleep(60_000).await.unwrap_err();
    assert!(error.to_string().contains("queue exists, 1 consumer, 0 ready"), "{error}");
    drop(worker);
    server.shutdown(SECOND).await;
    // A look serves the calls of the next second.
    tokio::time::sleep(2 * SECOND).await;
    let client = Client::new(&transport, target());
    for _ in 0..37 {
        client.cast("double", &()).await.unwrap();
    }
    let error = client.call("double", &()).timeout(SECOND).await.unwrap_err();
    assert!(error.to_string().contains("queue exists, 0 consumers, 37 ready"), "{error}");
    assert_eq!(error.rpc().unwrap().executed(), Executed::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_it_learns_at_once_that_nobody_consumes() {
    let (work, _, server, transport) = one_server().await;
    let hasty = work.prepare(|settings| settings.fail_fast_no_consumers(true));
    assert_eq!(hasty.double(2).await.unwrap(), 4);
    server.shutdown(SECOND).await;
    let started = Instant::now();
    let error = hasty.double(2).await.unwrap_err();
    let error = error.rpc().unwrap();
    assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent));
    assert!(error.to_string().contains("0 consumers, 0 ready"), "{error}");
    assert_eq!(started.elapsed(), Duration::ZERO);
    let depth = transport.as_ref().transport().inspect(&target()).await.unwrap();
    assert_eq!(depth, Some(QueueDepth::new(0, 0)), "nothing was sent");
    let nobody = transport.as_ref().transport().inspect(&Target::topic("nobody")).await.unwrap_err();
    assert!(nobody.is_unroutable());
}

/// A transport on which nobody can look at a queue within a lifetime.
struct Blind(MemoryTransport);

#[async_trait]
impl Transport for Blind {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        self.0.as_ref().transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.0.as_ref().transport().consume(source, options).await
    }

    async fn inspect(&self, _: &Target) -> Result<Option<QueueDepth>, Error> {
        pending().await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.as_ref().capabilities()
    }

    fn status(&self) -> StatusWatch {
        self.0.status()
    }

    async fn close(&self, _: Duration) {
        self.0.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_be_asked_delays_no_outcome() {
    let (_work, _, _server, transport) = one_server().await;
    let blind = SharedTransport::new(Blind(transport.broker().connect()));
    let client = Client::new(&blind, target());
    let calls = (0..10_000).map(|_| async {
        let started = Instant::now();
        let error = client
            .call(
                "sleep",
                &[("milliseconds", 60_000)].into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            )
            .timeout(SECOND)
            .await
            .unwrap_err();
        assert_eq!(error.rpc().map(Error::code), Some(Code::DeadlineExceeded));
        started.elapsed()
    });
    let longest = join_all(calls).await.into_iter().max().unwrap();
    assert!(longest <= SECOND + Duration::from_millis(250), "{longest:?}");
    let hasty = client.prepare(|settings| settings.fail_fast_no_consumers(true));
    let started = Instant::now();
    assert!(hasty.call("nonsense", &()).await.is_err());
    assert_eq!(started.elapsed(), SECOND, "the call is made without a look");
}
