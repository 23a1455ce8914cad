//! Answers from many servers.

use std::time::Duration;

use rpc_core::{CallError, Client, Code, MemoryTransport, Server, Target, Value, service};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, serde::Deserialize, serde::Serialize, thiserror::Error)]
#[error("too busy")]
struct Busy;

#[service(version = "1.1")]
trait Poll {
    /// Answers after this many times its number in milliseconds.
    #[fanout(timeout = "3s")]
    async fn number(&self, milliseconds: u64) -> u64;
    /// Only even numbers have time.
    #[fanout]
    async fn time(&self) -> Result<u64, Busy>;
    /// Asks all others of the topic.
    #[call(timeout = "500ms")]
    async fn sum(&self) -> u64;
}

struct Voter {
    number: u64,
    client: PollClient,
}

impl Poll for Voter {
    async fn number(&self, milliseconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(self.number * milliseconds)).await;
        self.number
    }

    async fn time(&self) -> Result<u64, Busy> {
        if self.number.is_multiple_of(2) { Ok(self.number) } else { Err(Busy) }
    }

    async fn sum(&self) -> u64 {
        let answers = self.client.number(0).await.unwrap().all().await;
        answers.into_iter().map(|answer| answer.result.unwrap()).sum()
    }
}

fn target() -> Target {
    Target::topic("poll")
}

async fn servers(transport: &MemoryTransport, numbers: impl IntoIterator<Item = u64>) -> Vec<Server> {
    let mut servers = Vec::new();
    for number in numbers {
        let voter = Voter { number, client: PollClient::new(transport, target()) };
        let target = target().server(format!("server-{number}"));
        servers
            .push(Server::builder(transport, target).endpoint(voter.into_endpoint()).start().await.unwrap());
    }
    servers
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_that_was_expected_or_at_its_deadline() {
    let transport = MemoryTransport::new();
    let _servers = servers(&transport, 1..=5).await;
    let client = PollClient::new(&transport, target());
    let names = |numbers: std::ops::RangeInclusive<u64>| numbers.map(|number| format!("server-{number}"));
    for (gather, took, numbers) in [
        (client.number(100).expected(3), 300, 1..=3),
        (client.number(100).expected_servers(names(2..=4)), 400, 1..=4),
        (client.number(100).expected_servers(names(1..=5)), 500, 1..=5),
        (client.number(100), 3_000, 1..=5),
        (client.number(100).timeout(SECOND), 1_000, 1..=5),
        (client.number(300).timeout(SECOND).expected(4), 1_000, 1..=3),
    ] {
        let started = Instant::now();
        let mut answers = gather.await.unwrap();
        let mut heard = Vec::new();
        while let Some(answer) = answers.next().await {
            let number = answer.result.unwrap();
            assert_eq!(answer.server, Some(format!("server-{number}")));
            heard.push(number);
        }
        assert_eq!(heard, numbers.clone().collect::<Vec<_>>());
        assert_eq!(answers.answered(), heard.len());
        let elapsed = started.elapsed();
        assert!((took..took + 20).contains(&elapsed.as_millis()), "{elapsed:?} instead of {took} ms");
        assert!(answers.next().await.is_none(), "it has ended");
        assert_eq!(transport.as_ref().pending_calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn absent_servers_are_named() {
    let transport = MemoryTransport::new();
    let _servers = servers(&transport, [1, 3]).await;
    let client = PollClient::new(&transport, target());
    let expected = ["server-1", "server-2", "server-3", "server-4"];
    let mut answers = client.number(0).expected_servers(expected).await.unwrap();
    while answers.next().await.is_some() {}
    assert_eq!(answers.missing().collect::<Vec<_>>(), ["server-2", "server-4"]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_answers() {
    let transport = MemoryTransport::new();
    let _servers = servers(&transport, 1..=4).await;
    let client = PollClient::new(&transport, target());
    let answers = client.time().expected(4).await.unwrap().all().await;
    let busy = answers.iter().filter(|answer| matches!(answer.result, Err(CallError::Service(Busy))));
    assert_eq!((answers.len(), busy.count()), (4, 2));

    let untyped = Client::new(&transport, target());
    let answers = untyped.gather("missing", &()).expected(4).await.unwrap().all().await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.result.as_ref().unwrap_err().code()).collect();
    assert_eq!(codes, [Code::NoSuchMethod; 4]);
    let arguments = Value::map([("milliseconds", 0)]);
    let mut answers = untyped.gather("number", &arguments).expected(4).await.unwrap();
    assert!(answers.next().await.unwrap().result.unwrap().as_integer().is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_there_is_no_error_and_one_who_is_not_there_is() {
    let transport = MemoryTransport::new();
    let client = PollClient::new(&transport, target());
    let started = Instant::now();
    assert!(client.time().await.unwrap().all().await.is_empty());
    assert_eq!(started.elapsed(), Client::DEFAULT_GATHER_TIMEOUT);
    let absent = client.prepare(|settings| settings.server("absent"));
    assert_eq!(absent.time().await.unwrap_err().code(), Code::Unroutable);
    let _servers = servers(&transport, 1..=2).await;
    let answers = client.prepare(|settings| settings.server("server-2")).time().await.unwrap().all().await;
    assert_eq!(answers.len(), 1, "one server has one answer, and nobody waits for more");
    assert_eq!(started.elapsed(), Client::DEFAULT_GATHER_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_handler_gathers_within_its_own_deadline() {
    let transport = MemoryTransport::new();
    let _servers = servers(&transport, 1..=3).await;
    let client = PollClient::new(&transport, target());
    let error = client.sum().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded, "it gathers until its caller has given up: {error}");
    crate::support::settle().await;
    assert_eq!(transport.as_ref().pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_or_closed_it_leaves_nothing_behind() {
    let transport = MemoryTransport::new();
    let others = transport.broker().connect();
    let _servers = servers(&others, 1..=3).await;
    let client = PollClient::new(&transport, target());
    let mut answers = client.number(0).await.unwrap();
    answers.next().await.unwrap();
    drop(answers);
    assert_eq!(transport.as_ref().pending_calls(), 0);
    crate::support::settle().await;

    let mut answers = client.number(100).await.unwrap();
    answers.next().await.unwrap().result.unwrap();
    transport.close().await;
    let last = answers.next().await.unwrap();
    assert_eq!((last.server, last.result.unwrap_err().code()), (None, Code::Unavailable));
    assert!(answers.next().await.is_none());
}
