//! What comes back to whom, and what is logged of it. A name begins with the rows of `docs/conformance.md` that it shows.

use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::{CallError, Code, MemoryTransport, Server, Target, Value, service};
use tokio::time::Instant;

use crate::lines::Lines;
use crate::support::{Refused, WorkClient, builder, one_server, settle, target};

const SECOND: Duration = Duration::from_secs(1);

/// Answers what it is asked to, when it is asked to.
#[service]
trait Answers {
    /// Answers with `value`, or with an error of its own.
    #[call(timeout = "1m")]
    async fn answer(&self, value: Value, milliseconds: u64, fails: bool) -> Result<Value, Refused>;
}

struct Service;

impl Answers for Service {
    async fn answer(&self, value: Value, milliseconds: u64, fails: bool) -> Result<Value, Refused> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        if fails { Err(Refused::Not(format!("{milliseconds}"))) } else { Ok(value) }
    }
}

fn values() -> [Value; 8] {
    [
        Value::Null,
        Value::Integer(0),
        Value::Bool(false),
        Value::List(Vec::new()),
        Value::Map(Default::default()),
        "".into(),
        "success".into(),
        Value::map([("nested", Value::List(vec![Value::Null, Value::Integer(-1)]))]),
    ]
}

#[tokio::test(start_paused = true)]
async fn rs_09_rb_25_answers_out_of_order_reach_their_callers_as_they_were() {
    let (transport, elsewhere) = (MemoryTransport::new(), Target::topic("answers"));
    let server = Server::builder(&transport.broker().connect(), elsewhere.clone());
    let _server = server.endpoint(Service.into_endpoint()).start().await.unwrap();
    let client = AnswersClient::new(&transport, elsewhere);
    for senders in [1, 10] {
        for value in values() {
            // The first one is answered last, every third fails, and every fourth is given up before.
            let calls = (0..senders).map(|sender| {
                let (milliseconds, fails) = (100 * (senders - sender), sender % 3 == 2);
                let time = if sender % 4 == 3 { milliseconds / 2 } else { 60_000 };
                let called =
                    Value::List(vec![value.clone(), sender.try_into().map_or(Value::Null, Value::Integer)]);
                let call = client.answer(called.clone(), milliseconds, fails);
                async move { (sender, called, call.timeout(Duration::from_millis(time)).await) }
            });
            for (sender, called, answer) in join_all(calls).await {
                match (sender % 4 == 3, sender % 3 == 2, answer) {
                    (true, _, Err(error)) => assert!(error.is_timeout(), "{error}"),
                    (false, true, Err(CallError::Service(Refused::Not(text)))) => {
                        assert_eq!(text, (100 * (senders - sender)).to_string());
                    }
                    (false, false, Ok(answer)) => assert_eq!(answer, called),
                    (_, _, other) => panic!("{sender} of {senders}: {other:?}"),
                }
            }
            assert_eq!(client.answer(value.clone(), 0, false).await.unwrap(), value);
        }
    }
    settle().await;
    assert_eq!(transport.as_ref().pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn fn_06_a_call_that_takes_too_long_holds_up_no_other() {
    let (work, _, _server, _) = one_server().await;
    let started = Instant::now();
    let long = tokio::spawn(work.wait("long".to_owned()).timeout(5 * SECOND).into_future());
    for number in 0..10 {
        assert_eq!(work.double(number).timeout(SECOND).await.unwrap(), 2 * number);
    }
    assert!(long.await.unwrap().unwrap_err().is_timeout());
    let took = started.elapsed();
    assert!((5 * SECOND..5 * SECOND + Duration::from_millis(250)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn fn_04_07_a_topic_that_nobody_serves_is_told_at_once() {
    let work = WorkClient::new(&MemoryTransport::new(), target());
    let started = Instant::now();
    assert_eq!(work.double(1).timeout(60 * SECOND).await.unwrap_err().code(), Code::Unroutable);
    assert!(started.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn rs_12_13_25_27_a_panic_is_logged_as_an_error_and_an_error_of_the_service_is_not() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    let (transport, worker) = (MemoryTransport::new(), crate::support::Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let work = WorkClient::new(&transport, target());

    let refused = work.refuse("today".to_owned()).await;
    assert!(matches!(refused, Err(CallError::Service(Refused::Not(what))) if what == "today"));
    assert!(!lines.text().contains("ERROR"), "{}", lines.text());
    assert_eq!(work.crash().await.unwrap_err().code(), Code::Panicked);
    let text = lines.text();
    let error = text.lines().find(|line| line.contains("ERROR")).unwrap();
    assert!(error.contains("panicked") && error.contains("crash"), "{error}");
}
