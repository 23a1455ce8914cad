//! What a caller sees.

use std::time::Duration;

use rpc_core::{
    CallError, Client, Code, ContentType, Executed, MemoryTransport, NoError, Prepare, Value, Version,
};
use tokio::time::Instant;

use crate::support::{Refused, WorkClient, builder, one_server, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn results_and_errors_have_their_types() {
    let (work, _, _server, _) = one_server().await;
    assert_eq!(work.double(21).await.unwrap(), 42);
    match work.refuse("today".to_owned()).await {
        Err(CallError::Service(refused)) => assert_eq!(refused, Refused::Not("today".to_owned())),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn rc_10_11_a_call_ends_at_most_250_ms_after_its_deadline() {
    let (work, worker, _server, transport) = one_server().await;
    // Of the call, of the client, of the method: the more special one wins.
    let patient = work.prepare(|settings| settings.timeout(3 * SECOND));
    for (call, limit) in [
        (work.sleep(60_000).timeout(2 * SECOND), 2 * SECOND),
        (patient.sleep(60_000), 3 * SECOND),
        (work.sleep(60_000), Duration::from_millis(100)),
        (patient.prepare(Prepare::without_timeout).sleep(60_000), Duration::from_millis(100)),
        (work.sleep(60_000).timeout(Duration::from_millis(1)), Duration::from_millis(1)),
    ] {
        let started = Instant::now();
        let error = call.await.unwrap_err();
        let took = started.elapsed();
        assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Unknown));
        assert!(
            (limit..limit + Duration::from_millis(250)).contains(&took),
            "{took:?} for a limit of {limit:?}"
        );
    }
    assert_eq!(transport.as_ref().pending_calls(), 0);
    crate::support::settle().await;
    assert_eq!(worker.cancelled(), 5, "handlers are cancelled at their deadline");
}

#[tokio::test(start_paused = true)]
async fn rc_12_rs_07_a_deadline_of_nothing_sends_nothing() {
    let (work, worker, _server, _) = one_server().await;
    let error = work.double(1).timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::NotSent));
    work.double(2).timeout(Duration::MAX).await.unwrap();
    assert_eq!(worker.lines(), ["double 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_expired_in_the_queue_never_runs() {
    let (transport, worker) = (MemoryTransport::new(), crate::support::Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let busy = tokio::spawn(work.wait("busy".to_owned()).into_future());
    tokio::task::yield_now().await;
    let error = work.double(1).timeout(SECOND).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    worker.permits.add_permits(1);
    busy.await.unwrap().unwrap();
    assert_eq!(work.double(2).await.unwrap(), 4);
    assert_eq!(worker.lines(), ["start busy", "end busy", "double 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_cap_refuses_before_sending() {
    let (work, worker, _server, _) = one_server().await;
    let capped = work.prepare(|settings| settings.version_cap(Version::new(1, 1)));
    assert_eq!(capped.double(1).await.unwrap(), 2);
    let error = capped.tell("everybody".to_owned()).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::UnsupportedVersion, Executed::NotSent), "{error}");
    assert_eq!(worker.lines(), ["double 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_caller_does_not_know_keeps_name_and_text() {
    let (_work, _, _server, transport) = one_server().await;
    static METHOD: rpc_core::Method = rpc_core::Method::new("refuse", rpc_core::MethodKind::Call);
    let client = Client::new(&transport, target());
    let arguments = Value::map([("what", "today")]);
    let error = client.start_call::<(), NoError>(&METHOD, &arguments).await.unwrap_err();
    let error = rpc_core::Error::from(error);
    assert_eq!((error.code(), error.executed()), (Code::RemoteError, Executed::Executed));
    assert_eq!((error.error_type(), error.message()), (Some("Refused"), "not today"));
    assert_eq!(error.server(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_result_of_another_type_is_told() {
    let (_work, _, _server, transport) = one_server().await;
    static METHOD: rpc_core::Method = rpc_core::Method::new("double", rpc_core::MethodKind::Call);
    let client = Client::new(&transport, target());
    let call = client.start_call::<String, NoError>(&METHOD, &Value::map([("number", 1)]));
    let error = rpc_core::Error::from(call.await.unwrap_err());
    assert_eq!((error.code(), error.executed()), (Code::Malformed, Executed::Executed), "{error}");
}

#[tokio::test(start_paused = true)]
async fn json_works_the_same() {
    let (work, _, _server, _) = one_server().await;
    let work = work.prepare(|settings| settings.content_type(ContentType::Json));
    assert_eq!(work.double(21).await.unwrap(), 42);
    match work.refuse("today".to_owned()).await {
        Err(CallError::Service(refused)) => assert_eq!(refused, Refused::Not("today".to_owned())),
        other => panic!("{other:?}"),
    }
}

#[cfg(feature = "zstd")]
#[tokio::test(start_paused = true)]
async fn large_texts_travel_compressed() {
    use rpc_core::Compression;

    let on = Compression::Zstd { threshold: 1_000 };
    let (transport, worker) = (MemoryTransport::new(), crate::support::Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).compression(on);
    let _server = server.start().await.unwrap();
    let work = WorkClient::new(&transport, target()).prepare(|settings| settings.compression(on));
    // Larger than a message may be, smaller once compressed; what it inflates to is held to the limit, too.
    let fits = "x".repeat(4_000_000);
    assert_eq!(work.text(fits.clone()).await.unwrap(), fits);
    let error = work.text("x".repeat(6_000_000)).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::NotSent), "{error}");
}

#[tokio::test(start_paused = true)]
async fn names_that_are_empty_are_refused() {
    let (work, _, _server, _) = one_server().await;
    let error = work.prepare(|settings| settings.server("")).double(1).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArguments, "{error}");
}

#[tokio::test(start_paused = true)]
async fn closing_the_transport_ends_calls_that_wait() {
    let (work, _, _server, transport) = one_server().await;
    let waiting = tokio::spawn(work.wait("long".to_owned()).into_future());
    crate::support::settle().await;
    transport.close().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Unknown));
    let error = work.double(1).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_outlives_the_runtime_of_its_first_call() {
    let (work, _, _server, _) = one_server().await;
    let elsewhere = work.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(elsewhere.double(1).into_future()).unwrap(), 2);
    })
    .join()
    .unwrap();
    assert_eq!(work.double(2).timeout(SECOND).await.unwrap(), 4);
}
