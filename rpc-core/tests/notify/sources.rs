//! Topics, exchanges and pools.

use std::time::Duration;

use rpc_core::{
    Listener, MemoryTransport, NotificationEndpoint, Notifier, Priority, Received, RetryPolicy, Value,
};

use crate::journal::Journal;
use crate::support::{SECOND, settle};

#[tokio::test(start_paused = true)]
async fn nt_38_fn_18_an_event_arrives_with_everything_about_it() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            assert!(event.timestamp().elapsed().unwrap() < 60 * SECOND);
            journal.write(format!(
                "{} {} {} {:?} {:?} {}",
                event.publisher_id(),
                event.event_type(),
                event.priority(),
                event.payload().get("key").and_then(Value::as_integer),
                event.context().metadata.get("user"),
                event.message_id().as_str().len(),
            ));
            async {}
        }
    };
    let endpoint = NotificationEndpoint::new().on_priority(Priority::Info, handler);
    let builder = Listener::builder(&transport, ["one"]).endpoint(endpoint);
    let _server = builder.start().await.unwrap();
    let mut context = rpc_core::Context::new();
    context.metadata.insert("user", "ada").unwrap();
    let notifier = Notifier::new(&transport, "publisher").topics(["one"]);
    let notifier = notifier.context(&context).context_fields(["user"]);
    notifier.info("event.type", &Value::map([("key", 7)])).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), ["publisher event.type info Some(7) Some(\"ada\") 32"]);
}

#[tokio::test(start_paused = true)]
async fn nt_39_fn_19_fn_21_topics_reach_those_who_listen_to_them() {
    let (transport, both, other) = (MemoryTransport::new(), Journal::default(), Journal::default());
    let of = |journal: &Journal| NotificationEndpoint::new().on_any(journal.note::<Value>("h"));
    let _both = Listener::builder(&transport, ["one", "two"]).endpoint(of(&both)).start().await.unwrap();
    let _other = Listener::builder(&transport, ["three"]).endpoint(of(&other)).start().await.unwrap();
    for topic in ["one", "two", "three"] {
        Notifier::new(&transport, "p").topics([topic]).info(topic, &1).await.unwrap();
        settle().await;
    }
    assert_eq!(
        (both.lines(), other.lines()),
        (vec!["h one 1".into(), "h two 1".into()], vec!["h three 1".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn nt_40_only_the_listed_exchanges_are_received() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_any(journal.note::<Value>("h"));
    let builder = Listener::builder(&transport, ["t"]).exchanges(["a", "b", "a"]);
    let _server = builder.endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["t"]);
    for exchange in ["a", "b", "c", "a"] {
        notifier.prepare(|it| it.exchange(exchange)).info(exchange, &1).await.unwrap();
        settle().await;
    }
    assert_eq!(journal.lines(), ["h a 1", "h b 1", "h a 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_exchange_does_not_keep_another_from_its_turn() {
    let transport = MemoryTransport::new();
    let builder =
        Listener::builder(&transport, ["t"]).exchanges(["busy", "quiet"]).priorities([Priority::Info]);
    let mut events = builder.start::<i64>().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["t"]);
    for number in 0..20 {
        notifier.prepare(|it| it.exchange("busy")).info("busy", &number).await.unwrap();
    }
    notifier.prepare(|it| it.exchange("quiet")).info("quiet", &0).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let event = events.next().await.unwrap();
        seen.push(event.event_type().to_owned());
        event.ack().await.unwrap();
    }
    assert!(seen.contains(&"quiet".to_owned()), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn nt_43_each_pool_gets_every_event() {
    let transport = MemoryTransport::new();
    let journals = [Journal::default(), Journal::default()];
    let mut servers = Vec::new();
    for (journal, pool) in journals.iter().zip(["one", "two"]) {
        let endpoint = NotificationEndpoint::new().on_any(journal.note::<Value>("h"));
        let builder = Listener::builder(&transport, ["t"]).pool(pool);
        servers.push(builder.endpoint(endpoint).start().await.unwrap());
    }
    for number in 0..10 {
        Notifier::new(&transport, "p").topics(["t"]).info(&format!("e{number}"), &1).await.unwrap();
    }
    settle().await;
    let expected: Vec<_> = (0..10).map(|number| format!("h e{number} 1")).collect();
    assert!(journals.iter().all(|journal| journal.lines() == expected));
}

#[tokio::test(start_paused = true)]
async fn nt_44_fn_20_members_of_a_pool_share_and_lose_nothing_while_they_come_and_go() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let member = || async {
        let journal = journal.clone();
        let handler = move |event: Received<i64>| {
            let journal = journal.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(3)).await;
                journal.write(event.payload().to_string());
            }
        };
        let endpoint = NotificationEndpoint::new().on_any(handler);
        Listener::builder(&transport, ["t"]).pool("shared").endpoint(endpoint).start().await.unwrap()
    };
    let mut members = vec![member().await, member().await];
    let notifier = Notifier::new(&transport, "p").topics(["t"]);
    for number in 0..100_i64 {
        notifier.info("e", &number).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        if number % 10 == 9 {
            members.remove(0).shutdown(SECOND).await;
            members.push(member().await);
        }
    }
    tokio::time::sleep(SECOND).await;
    let mut seen: Vec<i64> = journal.lines().iter().map(|line| line.parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>(), "each once: an orderly end doubles nothing");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_anybody_listened_is_kept_and_nothing_gathers_beside_a_pool() {
    let transport = MemoryTransport::new();
    let notifier = Notifier::new(&transport, "p").topics(["t"]).retry(RetryPolicy::never());
    notifier.info("early", &-1).await.unwrap();
    let mut pool = Listener::builder(&transport, ["t"]).pool("billing").start::<i64>().await.unwrap();
    // More than a queue of this broker holds.
    for number in 0..70_000_i64 {
        notifier.info("e", &number).await.unwrap();
        let event = pool.next().await.unwrap();
        assert_eq!(*event.payload(), number);
        event.ack().await.unwrap();
    }
    let mut unnamed = Listener::builder(&transport, ["t"]).start::<i64>().await.unwrap();
    notifier.info("late", &70_000).await.unwrap();
    for wanted in [-1, 70_000] {
        let event = unnamed.next().await.unwrap();
        assert_eq!(*event.payload(), wanted);
        event.ack().await.unwrap();
    }
}

#[cfg(feature = "zstd")]
#[tokio::test(start_paused = true)]
async fn fn_24_a_compressed_event_arrives_intact() {
    use rpc_core::{Compression, Filter};

    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            journal.write(event.payload().get("text").unwrap().as_text().unwrap());
            async {}
        }
    };
    let endpoint = NotificationEndpoint::new().filter(Filter::new().payload("text", "aaa")).on_any(handler);
    let _server = Listener::builder(&transport, ["t"]).endpoint(endpoint).start().await.unwrap();
    let compression = Compression::Zstd { threshold: 100 };
    let notifier = Notifier::new(&transport, "p").topics(["t"]).compression(compression);
    let text = "a".repeat(10_000);
    notifier.info("e", &Value::map([("text", text.as_str())])).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), [text]);
}
