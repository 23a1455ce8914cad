//! What clients send, where, and what preparing them changes. A name begins with the rows of `docs/conformance.md` that it
//! shows.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::message::{Message, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Source};
use rpc_core::{
    Client, Code, Context, Executed, Listener, MemoryTransport, Notifier, Prepare, Target, Value, Version,
};

use crate::support::WorkClient;

const SECOND: Duration = Duration::from_secs(1);

type Change = fn(Prepare) -> Prepare;
/// Major and minor.
type Numbers = (u32, u32);

/// Everybody who may get a request.
struct Places(Vec<(&'static str, Box<dyn Consumer>)>);

impl Places {
    async fn open(transport: &MemoryTransport) -> Self {
        let places = [
            ("topic", Target::topic("a")),
            ("other topic", Target::topic("b")),
            ("exchange", Target::topic("a").exchange("x")),
            ("server", Target::topic("a").server("s")),
            ("other server", Target::topic("a").server("r")),
            ("fanout", Target::topic("a").server("s").fanout()),
        ];
        let mut consumers = Vec::new();
        for (name, target) in places {
            let source = Source::Requests(target);
            let consumer = transport.as_ref().transport().consume(source, ConsumeOptions::new());
            consumers.push((name, consumer.await.unwrap()));
        }
        Self(consumers)
    }

    /// What has come, and where.
    async fn arrived(&mut self) -> Vec<(&'static str, Arc<Request>)> {
        let mut arrived = Vec::new();
        for (name, consumer) in &mut self.0 {
            while let Ok(Some(delivery)) = tokio::time::timeout(SECOND / 100, consumer.next()).await {
                let (message, acknowledger) = delivery.into_parts();
                acknowledger.ack().unwrap();
                let Ok(Message::Request(request)) = message else { panic!("{message:?}") };
                arrived.push((*name, request));
            }
        }
        arrived
    }

    /// Where the only request is that has come.
    async fn place(&mut self) -> &'static str {
        let arrived = self.arrived().await;
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived[0].0
    }

    async fn request(&mut self) -> Arc<Request> {
        self.arrived().await.remove(0).1
    }
}

async fn scene() -> (MemoryTransport, Places, Client) {
    let transport = MemoryTransport::new();
    let places = Places::open(&transport).await;
    let client = Client::new(&transport, Target::topic("a"));
    (transport, places, client)
}

#[tokio::test(start_paused = true)]
async fn rc_01_ur_28_a_request_has_its_method_its_arguments_and_its_context() {
    let (_transport, mut places, client) = scene().await;
    let mut context = Context::new();
    context.metadata.insert("user", "ada").unwrap();
    client.cast("foo", &()).context(&context).await.unwrap();
    let cast = places.request().await;
    assert_eq!(rpc_core::codec::decode::<Value>(&cast.arguments).unwrap(), Value::Null);
    assert_eq!(&*cast.method, "foo");
    assert_eq!(cast.context.metadata, context.metadata);
    assert!(cast.reply_to.is_none() && cast.time_to_live.is_none() && cast.durable);

    let call = client.call("foo", &Value::map([("bar", "blah")])).context(&context).timeout(SECOND);
    let call = tokio::spawn(call.into_future());
    let called = places.request().await;
    assert!(call.await.unwrap().unwrap_err().is_timeout());
    let arguments: Value = rpc_core::codec::decode(&called.arguments).unwrap();
    assert_eq!(arguments, Value::map([("bar", "blah")]));
    assert_eq!(called.context.request_id, context.request_id);
    assert!(called.reply_to.is_some() && called.time_to_live.is_some_and(|time| time <= SECOND));
}

#[tokio::test(start_paused = true)]
async fn rc_02_dv_38_whoever_reaches_nobody_is_told_without_asking_for_it() {
    let client = Client::new(&MemoryTransport::new(), Target::topic("a"));
    let called = client.call("foo", &()).await.unwrap_err();
    let cast = client.cast("foo", &()).await.unwrap_err();
    assert_eq!((called.code(), called.executed()), (Code::Unroutable, Executed::NotSent));
    assert_eq!((cast.code(), cast.executed()), (Code::Unroutable, Executed::NotSent));
}

#[tokio::test(start_paused = true)]
async fn rc_03_04_07_08_what_was_prepared_wins_and_can_be_taken_back() {
    let (transport, mut places, _) = scene().await;
    let (a, b) = (|| Target::topic("a"), || Target::topic("b"));
    let as_it_is: Change = |it| it;
    let cases: [(Target, Change, &str); 17] = [
        (a(), as_it_is, "topic"),
        (a().exchange("x"), as_it_is, "exchange"),
        (a(), |it| it.exchange("x"), "exchange"),
        (a().exchange("y"), |it| it.exchange("x"), "exchange"),
        (a().exchange("x"), |it| it.exchange(Target::DEFAULT_EXCHANGE), "topic"),
        (b(), as_it_is, "other topic"),
        (b(), |it| it.target(Target::topic("a")), "topic"),
        (a().server("s"), as_it_is, "server"),
        (a(), |it| it.server("s"), "server"),
        (a().server("r"), |it| it.server("s"), "server"),
        (a().server("s"), |it| it.any_server(), "topic"),
        (a().fanout(), as_it_is, "fanout"),
        (a(), |it| it.target(Target::topic("a").fanout()), "fanout"),
        (a().server("r").fanout(), as_it_is, "fanout"),
        (a().fanout(), |it| it.any_server(), "topic"),
        (a().fanout(), |it| it.server("s"), "server"),
        (b().exchange("x").server("s"), |it| it.target(Target::topic("a")), "topic"),
    ];
    for (target, change, expected) in cases {
        let client = Client::new(&transport, target.clone()).prepare(change);
        client.cast("foo", &()).await.unwrap();
        assert_eq!(places.place().await, expected, "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn rc_05_06_namespace_and_version_are_in_the_request() {
    let (_transport, mut places, client) = scene().await;
    let version = |major, minor| Version::new(major, minor);
    let named = client.prepare(|it| it.namespace("n").version(version(3, 2)));
    let cases: [(Client, Option<&str>, Version); 5] = [
        (client.clone(), None, Version::DEFAULT),
        (named.clone(), Some("n"), version(3, 2)),
        (named.prepare(|it| it.namespace("m").version(version(4, 0))), Some("m"), version(4, 0)),
        (named.prepare(Prepare::without_namespace), None, version(3, 2)),
        (named.prepare(Prepare::without_version), Some("n"), Version::DEFAULT),
    ];
    for (client, namespace, version) in cases {
        client.cast("foo", &()).await.unwrap();
        let request = places.request().await;
        assert_eq!((request.namespace.as_deref(), request.version), (namespace, version));
    }
}

#[tokio::test(start_paused = true)]
async fn rc_09_preparing_twice_adds_up_and_leaves_the_first_alone() {
    let (_transport, mut places, client) = scene().await;
    let once = client.prepare(|it| it.server("s").namespace("n"));
    let twice = client.prepare(|it| it.server("s")).prepare(|it| it.namespace("n"));
    for (client, place, namespace) in
        [(&once, "server", Some("n")), (&twice, "server", Some("n")), (&client, "topic", None)]
    {
        client.cast("foo", &()).await.unwrap();
        let (at, request) = places.arrived().await.remove(0);
        assert_eq!((at, request.namespace.as_deref()), (place, namespace));
    }
}

#[tokio::test(start_paused = true)]
async fn rc_15_a_call_to_every_server_is_refused() {
    let (transport, mut places, client) = scene().await;
    let everyone = Target::topic("a").fanout();
    let constructed = Client::new(&transport, everyone.clone());
    let prepared = client.prepare(|it| it.target(everyone.clone()));
    let both = constructed.prepare(|it| it.target(everyone));
    for client in [constructed, prepared, both] {
        let error = client.call("foo", &()).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent));
    }
    assert!(places.arrived().await.is_empty());
}

/// A cap, a version that is asked for, and whether it may be sent.
const CAPS: [(Option<Numbers>, Numbers, bool); 8] = [
    (None, (1, 0), true),
    (None, (9, 9), true),
    (Some((1, 5)), (1, 0), true),
    (Some((1, 5)), (1, 5), true),
    (Some((1, 5)), (1, 6), false),
    (Some((1, 5)), (2, 0), false),
    (Some((2, 0)), (1, 9), false),
    (Some((0, 9)), (1, 0), false),
];

fn capped(client: &Client, cap: Option<Numbers>, (major, minor): Numbers) -> Client {
    let client = client.prepare(|it| it.version(Version::new(major, minor)));
    cap.iter().fold(client, |client, (major, minor)| {
        client.prepare(|it| it.version_cap(Version::new(*major, *minor)))
    })
}

#[tokio::test(start_paused = true)]
async fn rc_18_20_a_cap_lets_through_what_such_a_server_would_serve() {
    let (_transport, mut places, client) = scene().await;
    for (cap, version, may_be_sent) in CAPS {
        let client = capped(&client, cap, version);
        let cast = client.cast("foo", &()).await;
        let called = tokio::spawn(client.call("foo", &()).timeout(SECOND).into_future());
        let arrived = places.arrived().await.len();
        let called = called.await.unwrap().unwrap_err();
        if may_be_sent {
            cast.unwrap();
            assert_eq!((arrived, called.is_timeout()), (2, true), "{cap:?} {version:?}: {called}");
        } else {
            let cast = cast.unwrap_err();
            assert_eq!((cast.code(), cast.executed()), (Code::UnsupportedVersion, Executed::NotSent));
            assert_eq!((arrived, called.code()), (0, Code::UnsupportedVersion), "{cap:?} {version:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rc_19_another_cap_wins_and_none_lifts_it() {
    let (_transport, _places, client) = scene().await;
    let capped = client.prepare(|it| it.version_cap(Version::new(1, 5)).version(Version::new(1, 7)));
    let error = capped.cast("foo", &()).await.unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedVersion);
    capped.prepare(|it| it.version_cap(Version::new(1, 7))).cast("foo", &()).await.unwrap();
    capped.prepare(Prepare::without_version_cap).cast("foo", &()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rc_21_a_request_without_a_version_is_held_to_the_cap_as_1_0() {
    let (_transport, _places, client) = scene().await;
    client.prepare(|it| it.version_cap(Version::new(1, 5))).cast("foo", &()).await.unwrap();
    let error = client.prepare(|it| it.version_cap(Version::new(2, 5))).cast("foo", &()).await.unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedVersion);
}

#[tokio::test(start_paused = true)]
async fn rc_22_whether_a_version_may_be_sent_can_be_asked() {
    let (transport, _places, client) = scene().await;
    for (cap, version, may_be_sent) in CAPS {
        let asked = Version::new(version.0, version.1);
        assert_eq!(capped(&client, cap, (1, 0)).can_send_version(asked), may_be_sent, "{cap:?} {version:?}");
    }
    // A typed client answers as well.
    let typed = WorkClient::new(&transport, Target::topic("a"));
    let typed = typed.prepare(|it| it.version_cap(Version::new(1, 1)));
    let can_send = |minor| typed.as_ref().can_send_version(Version::new(1, minor));
    assert_eq!((can_send(1), can_send(2)), (true, false));
}

#[tokio::test(start_paused = true)]
async fn rc_24_rs_14_nt_18_one_transport_serves_requests_and_notifications() {
    let (transport, mut places, client) = scene().await;
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    client.cast("foo", &()).await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    assert_eq!(places.place().await, "topic");
    assert_eq!(events.next().await.unwrap().event_type(), "e");
}
