//! What oslo.messaging's own functional tests expect of a server, asked by its client library: of ours under each
//! configuration, and of Python's, which shows that the expectations are right.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rpc_amqp::{AmqpTransport, PythonException, PythonExceptions};
use rpc_core::message::Failure;
use rpc_core::{Server, Target, service};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::configuration::{Configuration, new_vhost};
use crate::python::Python;
use crate::service::url_at;

const NAMES: [&str; 3] = ["server_0", "server_1", "server_2"];

#[derive(Debug, Deserialize, Serialize, thiserror::Error)]
#[error("ival can't go negative!")]
pub(crate) struct Negative;

#[service]
pub(crate) trait Functional {
    #[call]
    async fn add(&self, increment: i64) -> i64;
    #[call]
    async fn subtract(&self, increment: i64) -> Result<i64, Negative>;
    #[call]
    async fn append(&self, text: String) -> String;
    #[call]
    async fn long_running_task(&self, seconds: f64);
}

#[derive(Default)]
struct Served {
    number: Mutex<i64>,
    text: Mutex<String>,
}

impl Functional for Served {
    async fn add(&self, increment: i64) -> i64 {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += increment;
        *number
    }

    async fn subtract(&self, increment: i64) -> Result<i64, Negative> {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        if increment > *number {
            return Err(Negative);
        }
        *number -= increment;
        Ok(*number)
    }

    async fn append(&self, text: String) -> String {
        let mut whole = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        whole.push_str(&text);
        whole.clone()
    }

    async fn long_running_task(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }
}

struct Exceptions;

impl PythonExceptions for Exceptions {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        let is_negative = failure.error_type.as_deref() == Some("Negative");
        is_negative.then(|| PythonException::builtin("ValueError", failure.message.as_str()))
    }
}

/// Three servers of one topic, each of which has a number and a text, and Python clients.
struct Stage {
    vhost: String,
    configuration: Configuration,
    topic: String,
    python: Python,
}

impl Stage {
    fn new(configuration: Configuration) -> Self {
        let broker = Broker::shared();
        let vhost = new_vhost(broker, "functional");
        let python = Python::client_at(broker, &vhost, configuration.python);
        Self { vhost, configuration, topic: unique("functional"), python }
    }

    async fn serve(&self) -> Vec<Server> {
        let url = url_at(Broker::shared(), &self.vhost, self.configuration.ours);
        let transport = AmqpTransport::builder(url).python_exceptions(Exceptions).connect().await.unwrap();
        let mut servers = Vec::new();
        for name in NAMES {
            let server = Server::builder(&transport, Target::topic(&*self.topic).server(name));
            servers.push(server.endpoint(Served::default().into_endpoint()).start().await.unwrap());
        }
        servers
    }

    fn serve_in_python(&self) -> [Python; 3] {
        NAMES.map(|name| {
            let url = Python::url(Broker::shared(), &self.vhost, self.configuration.python);
            Python::start("functional_server.py", &[&url, &self.topic, name])
        })
    }

    fn ask(
        &mut self,
        operation: &str,
        server: Option<&str>,
        method: &str,
        arguments: &Value,
    ) -> Result<Value, Value> {
        self.python.perform(&json!({
            "op": operation, "topic": self.topic, "server": server, "method": method, "args": arguments, "timeout": 5,
        }))
    }

    fn call(&mut self, server: Option<&str>, method: &str, arguments: &Value) -> Value {
        self.ask("call", server, method, arguments).unwrap()
    }

    fn cast(&mut self, server: Option<&str>, method: &str, arguments: &Value) {
        assert_eq!(self.ask("cast", server, method, arguments), Ok(json!(null)));
    }

    fn fanout(&mut self, method: &str, arguments: &Value) {
        assert_eq!(self.ask("fanout", None, method, arguments), Ok(json!(null)));
    }

    /// The number and the text of each server.
    fn states(&mut self) -> [(i64, String); 3] {
        NAMES.map(|name| {
            let number = self.call(Some(name), "add", &json!({ "increment": 0 })).as_i64().unwrap();
            let text = self.call(Some(name), "append", &json!({ "text": "" }));
            (number, text.as_str().unwrap().to_owned())
        })
    }

    /// Waits until the states are as they should be. A cast is under way when its sender goes on.
    async fn until(&mut self, is_right: impl Fn(&[(i64, String); 3]) -> bool) -> [(i64, String); 3] {
        let found = eventually(async || Some(self.states()).filter(|states| is_right(states))).await;
        found.unwrap_or_else(|| panic!("{:?}", self.states()))
    }

    async fn play(mut self) {
        self.calls_to_one();
        self.calls_to_any();
        self.an_exception();
        self.a_timeout_beside_others();
        self.casts_and_fanouts().await;
        self.python.stop();
    }

    /// FN-01.
    fn calls_to_one(&mut self) {
        let one = Some(NAMES[1]);
        self.call(one, "append", &json!({ "text": "open" }));
        assert_eq!(self.call(one, "append", &json!({ "text": "stack" })), json!("openstack"));
        self.call(one, "add", &json!({ "increment": 2 }));
        assert_eq!(self.call(one, "add", &json!({ "increment": 10 })), json!(12));
        assert_eq!(self.call(one, "subtract", &json!({ "increment": 3 })), json!(9));
        let untouched = || (0, String::new());
        assert_eq!(self.states(), [untouched(), (9, "openstack".to_owned()), untouched()]);
    }

    /// FN-02.
    fn calls_to_any(&mut self) {
        let before = self.states().map(|(_, text)| text.len());
        let letters = "abcdefghijklmn";
        for letter in letters.chars() {
            self.call(None, "append", &json!({ "text": letter }));
        }
        let states = self.states();
        let parts: Vec<&str> = states.iter().zip(before).map(|((_, text), before)| &text[before..]).collect();
        assert!(parts.iter().all(|part| !part.is_empty() && part.chars().is_sorted()), "{parts:?}");
        let mut all: Vec<char> = parts.concat().chars().collect();
        all.sort_unstable();
        assert_eq!(all, letters.chars().collect::<Vec<_>>(), "{parts:?}");
    }

    /// FN-05.
    fn an_exception(&mut self) {
        let error = self.ask("call", Some(NAMES[0]), "subtract", &json!({ "increment": 1_000 })).unwrap_err();
        assert_eq!((&error["class"], &error["module"]), (&json!("ValueError"), &json!("builtins")));
        assert!(error["message"].as_str().unwrap().starts_with("ival can't go negative!\n"), "{error}");
    }

    /// FN-06, in less time.
    fn a_timeout_beside_others(&mut self) {
        let (broker, server) = (Broker::shared(), NAMES[2]);
        let mut waiting = Python::client_at(broker, &self.vhost, self.configuration.python);
        let long = json!({
            "op": "call", "topic": self.topic, "server": server, "method": "long_running_task",
            "args": { "seconds": 4 }, "timeout": 2,
        });
        std::thread::scope(|scope| {
            let outcome = scope.spawn(move || waiting.perform(&long));
            for count in 1..=10 {
                assert_eq!(self.call(Some(server), "add", &json!({ "increment": 1 })), json!(count));
            }
            assert!(!outcome.is_finished(), "the long call was to go on meanwhile");
            assert_eq!(outcome.join().unwrap().unwrap_err()["class"], json!("MessagingTimeout"));
        });
    }

    /// FN-15 to FN-17.
    async fn casts_and_fanouts(&mut self) {
        let before = self.states();
        let (one, text) = (Some(NAMES[1]), before[1].1.clone());
        for part in ["open", "stack"] {
            self.cast(one, "append", &json!({ "text": part }));
        }
        let in_any_order = ["openstack", "stackopen"].map(|end| format!("{text}{end}"));
        let after = self.until(|states| in_any_order.contains(&states[1].1)).await;
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "elsewhere");

        for _ in 0..20 {
            self.cast(None, "add", &json!({ "increment": 1 }));
        }
        let numbers =
            |states: &[(i64, String); 3]| [0, 1, 2].map(|server| states[server].0 - before[server].0);
        let shared = self.until(|states| numbers(states).iter().sum::<i64>() == 20).await;
        assert!(numbers(&shared).iter().all(|number| (1..20).contains(number)), "{shared:?}");

        self.fanout("add", &json!({ "increment": 100 }));
        self.fanout("add", &json!({ "increment": 1_000 }));
        self.until(|states| [0, 1, 2].iter().all(|&server| states[server].0 == shared[server].0 + 1_100))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_01_02_05_06_15_16_17_by_default() {
    let stage = Stage::new(Configuration::DEFAULT);
    let _servers = stage.serve().await;
    stage.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_01_02_05_06_15_16_17_with_quorum_queues() {
    let stage = Stage::new(Configuration::QUORUM);
    let _servers = stage.serve().await;
    stage.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_01_02_05_06_15_16_17_with_quorum_queues_and_stream_fanout() {
    let stage = Stage::new(Configuration::STREAM);
    let _servers = stage.serve().await;
    stage.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_01_02_05_06_15_16_17_hold_for_servers_in_python() {
    let stage = Stage::new(Configuration::DEFAULT);
    let _servers = stage.serve_in_python();
    stage.play().await;
}
