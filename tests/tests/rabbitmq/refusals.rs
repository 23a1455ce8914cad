//! What the broker refuses is told to whom it belongs, and costs nobody else anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rpc_amqp::{AmqpTransport, RequestRouting};
use rpc_core::{Client, Code, Executed, Notifier, RetryPolicy, Server, Target};
use tests::broker::{Broker, unique};
use tests::raw::{RawClient, eventually};

use crate::publishing::{SOON, consume, request, send};
use crate::service::{SumsClient, connect, endpoint};

/// A user who may do everything but write to exchanges of which the name starts with `x.closed`.
async fn connect_without_permission(broker: &Broker) -> AmqpTransport {
    let user = unique("limited");
    broker.ctl(&["add_user", &user, "secret"]);
    broker.ctl(&["set_permissions", &user, ".*", "^(?!x\\.closed).*$", ".*"]);
    let url = broker.url_for(&user, "secret", "%2f").replace("%252f", "%2f");
    AmqpTransport::builder(url).request_routing(RequestRouting::Exchange).connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_20_an_exchange_without_permission_harms_no_message_of_others() {
    let broker = Broker::shared();
    let transport = connect_without_permission(broker).await;
    let (target, closed) = (Target::topic(unique("sums")), Target::topic("t").exchange(unique("closed")));
    let server_transport = connect(broker).await;
    let server = Server::builder(&server_transport, target.clone().server("one"));
    let _server = server.endpoint(endpoint()).start().await.unwrap();
    let client = SumsClient::new(&transport, target.clone());
    assert_eq!(client.square(3).await.unwrap(), 9);

    let calls: Vec<_> =
        (0..1_000).map(|_| tokio::spawn(client.sleep(20).timeout(SOON * 12).into_future())).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    // Messages whose confirm is awaited: their outcome would be unknown when their channel is closed.
    let casts: Vec<_> = (0..16)
        .map(|_| {
            let (transport, target, is_over) = (transport.clone(), target.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut count = 0;
                while !is_over.load(Ordering::Relaxed) {
                    send(&transport, &target, request("nonsense"), SOON * 2).await.unwrap();
                    count += 1;
                }
                count
            })
        })
        .collect();
    for round in 0..3 {
        let started = Instant::now();
        let refused = join_all((0..200).map(|_| send(&transport, &closed, request("m"), SOON * 2))).await;
        for outcome in refused {
            let error = outcome.unwrap_err();
            assert_eq!(
                (error.code(), error.executed()),
                (Code::PermissionDenied, Executed::NotSent),
                "{error}"
            );
            assert!(error.to_string().contains("ACCESS_REFUSED"), "{error}");
        }
        assert!(started.elapsed() < SOON, "round {round}: {:?}", started.elapsed());
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let counts: Vec<u32> = join_all(casts).await.into_iter().map(Result::unwrap).collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(transport.status().now().epoch, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_exchange_is_declared_again_but_not_for_ever() {
    let broker = Broker::shared();
    let (transport, name) = (connect(broker).await, unique("gone"));
    let raw = RawClient::connect(&broker.url()).await;
    let notifier = Notifier::new(&transport, "test").exchange(&name).retry(RetryPolicy::never());
    let exchange = format!("n.{name}");
    notifier.info("first", &1).await.unwrap();

    raw.delete_exchange(&exchange).await;
    let error = notifier.info("second", &1).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
    assert!(error.to_string().contains("NOT_FOUND") && error.is_retryable(), "{error}");
    notifier.info("third", &1).await.unwrap();

    raw.delete_exchange(&exchange).await;
    let deleted = Instant::now();
    // From now on the broker is not asked.
    for _ in 0..100 {
        let error = notifier.info("fourth", &1).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
    }
    assert!(deleted.elapsed() < Duration::from_secs(3), "{:?}", deleted.elapsed());
    let back = eventually(async || notifier.info("fifth", &1).await.ok()).await;
    assert!(back.is_some() && deleted.elapsed() > Duration::from_secs(4), "{:?}", deleted.elapsed());
    assert_eq!(transport.status().now().epoch, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_lost_channels_leave_nothing_behind() {
    let broker = Broker::shared();
    let service = unique("channels");
    let builder = AmqpTransport::builder(broker.url()).service_name(&service);
    let transport = builder.request_routing(RequestRouting::Exchange).connect().await.unwrap();
    let raw = RawClient::connect(&broker.url()).await;
    let good = Target::topic(unique("good"));
    let _consumer = consume(&transport, &good).await;
    for number in 0..1_000 {
        let name = format!("{service}-{number}");
        let target = Target::topic("t").exchange(&name);
        let nobody = send(&transport, &target, request("m"), SOON).await.unwrap_err();
        assert_eq!(nobody.code(), Code::Unroutable, "{nobody}");
        raw.delete_exchange(&format!("x.{name}")).await;
        let gone = send(&transport, &target, request("m"), SOON).await.unwrap_err();
        assert_eq!((gone.code(), gone.executed()), (Code::Unavailable, Executed::NotSent), "{gone}");
    }
    send(&transport, &good, request("m"), SOON).await.unwrap();
    assert_eq!(transport.status().now().epoch, 1);
    let channels = eventually(async || {
        let mine = broker.connections().into_iter().filter(|it| it.name.starts_with(&service));
        let channels: Vec<_> = mine.map(|it| it.channels).collect();
        // One for all and a spare one to publish; one to consume.
        (channels.iter().sum::<u64>() <= 3).then_some(channels)
    });
    assert!(channels.await.is_some(), "{:?}", broker.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_what_is_beyond() {
    const PLACES: usize = 100;
    let broker = Broker::shared();
    let (transport, topic) = (connect(broker).await, unique("full"));
    let target = Target::topic(&topic);
    drop(consume(&transport, &target).await);
    let pattern = format!("^rpc\\.default\\.{topic}$");
    let policy = format!(r#"{{"max-length":{PLACES},"overflow":"reject-publish"}}"#);
    broker.ctl(&["set_policy", "--apply-to", "queues", &topic, &pattern, &policy]);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..PLACES + 50 {
        let started = Instant::now();
        match send(&transport, &target, request("m"), SOON).await {
            Ok(()) => taken += 1,
            Err(error) => {
                let facts = (error.code(), error.executed(), error.is_retryable());
                assert_eq!(facts, (Code::Overloaded, Executed::NotSent, true), "{error}");
                assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
                refused += 1;
            }
        }
    }
    broker.ctl(&["clear_policy", &topic]);
    // The broker counts what is ready when it gets to it, so it may take a message or two more.
    assert!((PLACES..PLACES + 10).contains(&taken) && refused >= 40, "{taken} taken, {refused} refused");
    let depth = transport.as_ref().transport().inspect(&target).await.unwrap().unwrap();
    assert_eq!((depth.ready as usize, depth.consumers), (taken, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_learns_that_nobody_consumes() {
    let (transport, topic) = (connect(Broker::shared()).await, unique("idle"));
    let target = Target::topic(&topic);
    drop(consume(&transport, &target).await);
    for _ in 0..37 {
        send(&transport, &target, request("m"), SOON).await.unwrap();
    }
    let client = Client::new(&transport, target.clone());
    let limit = Duration::from_secs(2);
    let calls = (0..1_000).map(|_| {
        let call = client.call("m", &()).timeout(limit);
        async move {
            let started = Instant::now();
            (call.await.unwrap_err(), started.elapsed())
        }
    });
    let outcomes = join_all(calls).await;
    let telling = outcomes.iter().filter(|(error, _)| {
        let text = error.to_string();
        text.contains("queue exists, 0 consumers") && text.contains(" ready")
    });
    assert!(telling.count() > 0, "{}", outcomes[0].0);
    let longest = outcomes.iter().map(|(_, took)| *took).max().unwrap();
    assert!(longest < limit + Duration::from_millis(250), "{longest:?}");

    let hasty = client.prepare(|settings| settings.fail_fast_no_consumers(true));
    let error = hasty.call("m", &()).await.unwrap_err();
    let error = error.rpc().unwrap();
    assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent), "{error}");
    assert!(error.to_string().contains("0 consumers"), "{error}");
    let nobody = transport.as_ref().transport().inspect(&Target::topic(unique("nobody"))).await;
    assert!(nobody.unwrap_err().is_unroutable());
}
