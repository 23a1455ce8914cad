//! Which servers a request reaches. A name begins with the rows of `docs/conformance.md` that it shows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{Client, Code, MemoryTransport, Server, Target, Value, service};

use crate::support::settle;

/// Keeps a number and a log.
#[service]
trait State {
    /// The number with `increment`.
    #[call]
    async fn add(&self, increment: i64) -> i64;
    /// Appends to the log.
    #[cast]
    async fn append(&self, text: String);
    /// Appends to every log.
    #[fanout]
    async fn sync(&self, text: String);
}

#[derive(Clone, Default)]
struct Kept {
    number: Arc<Mutex<i64>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Kept {
    fn number(&self) -> i64 {
        *self.number.lock().unwrap()
    }

    /// What was appended since the last look.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl State for Kept {
    async fn add(&self, increment: i64) -> i64 {
        let mut number = self.number.lock().unwrap();
        *number += increment;
        *number
    }

    async fn append(&self, text: String) {
        self.log.lock().unwrap().push(text);
    }

    async fn sync(&self, text: String) {
        self.append(text).await;
    }
}

async fn serve(transport: &MemoryTransport, target: Target) -> (Server, Kept) {
    let kept = Kept::default();
    let server =
        Server::builder(&transport.broker().connect(), target).endpoint(kept.clone().into_endpoint());
    (server.start().await.unwrap(), kept)
}

fn topic() -> Target {
    Target::topic("state")
}

/// Three servers of one topic.
async fn three() -> (MemoryTransport, Vec<(Server, Kept)>, StateClient) {
    let transport = MemoryTransport::new();
    let mut servers = Vec::new();
    for name in ["one", "two", "three"] {
        servers.push(serve(&transport, topic().server(name)).await);
    }
    let client = StateClient::new(&transport, topic());
    (transport, servers, client)
}

#[tokio::test(start_paused = true)]
async fn fn_01_rs_10_a_call_to_one_server_changes_that_one_alone() {
    let (_transport, servers, client) = three().await;
    let two = client.prepare(|it| it.server("two"));
    assert_eq!(two.add(10).await.unwrap(), 10);
    assert_eq!(two.add(5).await.unwrap(), 15);
    assert_eq!(servers.iter().map(|(_, kept)| kept.number()).collect::<Vec<_>>(), [0, 15, 0]);
}

#[tokio::test(start_paused = true)]
async fn fn_02_16_requests_to_a_topic_are_spread_and_each_runs_once() {
    let (_transport, servers, client) = three().await;
    for _ in 0..14 {
        client.add(1).await.unwrap();
    }
    let numbers: Vec<_> = servers.iter().map(|(_, kept)| kept.number()).collect();
    assert!(numbers.iter().sum::<i64>() == 14 && numbers.iter().all(|&number| number > 0), "{numbers:?}");

    for text in 0..20 {
        client.append(format!("{text:02}")).await.unwrap();
    }
    settle().await;
    let logs: Vec<_> = servers.iter().map(|(_, kept)| kept.take()).collect();
    assert!(logs.iter().all(|log| !log.is_empty() && log.len() < 20), "{logs:?}");
    assert!(logs.iter().all(|log| log.is_sorted()), "each in the order in which they were sent: {logs:?}");
    let mut all = logs.concat();
    all.sort();
    assert_eq!(all, (0..20).map(|text| format!("{text:02}")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn fn_03_a_call_stays_in_its_exchange() {
    let transport = MemoryTransport::new();
    let exchanges = [Target::DEFAULT_EXCHANGE, "a", "b"];
    let mut servers = Vec::new();
    for exchange in exchanges {
        servers.push(serve(&transport, topic().exchange(exchange).server("s")).await);
    }
    for (index, exchange) in exchanges.into_iter().enumerate() {
        let target = topic().exchange(exchange);
        for target in [target.clone(), target.server("s")] {
            StateClient::new(&transport, target).add(1).await.unwrap();
        }
        let numbers: Vec<_> = servers.iter().map(|(_, kept)| kept.number()).collect();
        let expected: Vec<_> = (0..3).map(|other| if other <= index { 2 } else { 0 }).collect();
        assert_eq!(numbers, expected, "{exchange}");
    }
}

#[tokio::test(start_paused = true)]
async fn fn_15_casts_to_one_server_arrive_there_and_nowhere_else() {
    let (_transport, servers, client) = three().await;
    let two = client.prepare(|it| it.server("two"));
    for text in ["a", "b", "c"] {
        two.append(text.to_owned()).await.unwrap();
    }
    settle().await;
    let logs: Vec<_> = servers.iter().map(|(_, kept)| kept.take()).collect();
    assert_eq!(logs, [vec![], vec!["a", "b", "c"], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn fn_17_a_fanout_reaches_every_server_once() {
    let (_transport, servers, client) = three().await;
    for text in ["a", "b"] {
        client.sync(text.to_owned()).await.unwrap();
    }
    settle().await;
    for (_, kept) in &servers {
        assert_eq!(kept.take(), ["a", "b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn rs_15_every_request_arrives_where_its_target_says() {
    for case in 0..8 {
        let other = |bit: u8| case & (1 << bit) != 0;
        let transport = MemoryTransport::new();
        let first = topic().exchange("x").server("s");
        let second = Target::topic(if other(0) { "other" } else { "state" })
            .exchange(if other(1) { "y" } else { "x" })
            .server(if other(2) { "r" } else { "s" });
        let servers = [serve(&transport, first.clone()).await, serve(&transport, second.clone()).await];
        let sent = async |change: fn(Target) -> Target| {
            for (target, text) in [(&first, "to the first"), (&second, "to the second")] {
                let client = Client::new(&transport, change(target.clone()));
                client.cast("append", &Value::map([("text", text)])).await.unwrap();
            }
            settle().await;
            [servers[0].1.take(), servers[1].1.take()]
        };
        let own = [vec!["to the first"], vec!["to the second"]];
        let is_shared = !other(0) && !other(1);

        let [one, two] = sent(Target::any).await;
        if is_shared {
            assert_eq!(one.len() + two.len(), 2, "{first} and {second}");
        } else {
            assert_eq!([one, two], own, "{first} and {second}");
        }
        let [one, two] = sent(|target| target).await;
        if is_shared && !other(2) {
            assert_eq!(one.len() + two.len(), 2, "{first} and {second}");
        } else {
            assert_eq!([one, two], own, "{first} and {second}");
        }
        let all = sent(Target::fanout).await;
        if is_shared {
            assert!(all.iter().all(|log| *log == ["to the first", "to the second"]), "{all:?}");
        } else {
            assert_eq!(all, own, "{first} and {second}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rs_04_a_server_without_a_name_takes_what_is_for_its_topic() {
    let transport = MemoryTransport::new();
    let (_server, kept) = serve(&transport, topic()).await;
    let client = StateClient::new(&transport, topic());
    assert_eq!(client.add(1).await.unwrap(), 1);
    client.sync("all".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(kept.take(), ["all"]);
}

#[tokio::test(start_paused = true)]
async fn rs_05_06_a_topic_is_required() {
    let transport = MemoryTransport::new();
    let server = Server::builder(&transport, Target::topic("").server("s"));
    let error = server.endpoint(Kept::default().into_endpoint()).start().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArguments);
    let client = Client::new(&transport, Target::topic(""));
    let cast = client.cast("append", &()).await.unwrap_err();
    let called = client.call("add", &()).timeout(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((cast.code(), called.code()), (Code::InvalidArguments, Code::InvalidArguments));
    assert!(cast.message().contains("topic"), "{cast}");
}
