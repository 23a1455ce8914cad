//! Python programs, one process each.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use tests::broker::Broker;

/// Where `tests/install` puts oslo.messaging.
pub(crate) const PYTHON: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/oslo-messaging/bin/python");
pub(crate) const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// A Python program that answers lines with lines. It blocks, so that tests with one have several threads.
pub(crate) struct Python {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Python {
    /// A client of the broker, whose driver has `options`, such as `amqp_durable_queues=true`.
    pub(crate) fn client(broker: &Broker, options: &str) -> Self {
        Self::client_at(broker, "/", options)
    }

    /// A client that rebuilds exceptions of these modules, besides Python's own.
    pub(crate) fn client_that_allows(broker: &Broker, modules: &[&str]) -> Self {
        let url = Self::url(broker, "/", "");
        let arguments: Vec<_> = [url.as_str()].into_iter().chain(modules.iter().copied()).collect();
        Self::start("client.py", &arguments)
    }

    /// As [`client`](Self::client), in another vhost.
    pub(crate) fn client_at(broker: &Broker, vhost: &str, options: &str) -> Self {
        Self::start("client.py", &[&Self::url(broker, vhost, options)])
    }

    /// As [`client`](Self::client), of the brokers that `url` names.
    pub(crate) fn client_to(url: &str) -> Self {
        Self::start("client.py", &[url])
    }

    /// A server, which can be called when this returns.
    pub(crate) fn server(broker: &Broker, options: &str, topic: &str, server: &str) -> Self {
        Self::server_at(broker, "/", options, topic, server)
    }

    /// As [`server`](Self::server), in another vhost.
    pub(crate) fn server_at(broker: &Broker, vhost: &str, options: &str, topic: &str, server: &str) -> Self {
        Self::start("server.py", &[&Self::url(broker, vhost, options), topic, server])
    }

    /// A notifier whose driver is `messaging` or `messagingv2`.
    pub(crate) fn notifier(broker: &Broker, driver: &str, publisher: &str, topic: &str) -> Self {
        Self::start("notifier.py", &[&Self::url(broker, "/", ""), driver, publisher, topic])
    }

    /// As [`notifier`](Self::notifier), with options of its driver.
    pub(crate) fn notifier_with(broker: &Broker, options: &str, publisher: &str, topic: &str) -> Self {
        Self::start("notifier.py", &[&Self::url(broker, "/", options), "messagingv2", publisher, topic])
    }

    /// A listener, which has its queues when this returns. `options` are those of `listener.py`.
    pub(crate) fn listener(broker: &Broker, options: &Value) -> Self {
        Self::start("listener.py", &[&Self::url(broker, "/", ""), &options.to_string()])
    }

    /// The URL of a vhost, with options of the driver.
    pub(crate) fn url(broker: &Broker, vhost: &str, options: &str) -> String {
        format!("{}?{options}", broker.url_for("guest", "guest", vhost).replacen("amqp", "rabbit", 1))
    }

    /// Starts one of `tests/python`, and waits until it is ready.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        assert!(Path::new(PYTHON).exists(), "oslo.messaging is not installed: run tests/install once");
        let mut child = Command::new(PYTHON)
            .arg(Path::new(PROGRAMS).join(program))
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Where its queue manager keeps a lock.
            .env("OSLO_LOCK_PATH", std::env::temp_dir())
            .env("PYTHONWARNINGS", "ignore")
            // That looks for the first process of its group, which has to run.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut python = Self { child, input, output };
        assert_eq!(python.line(), "ready", "{program} does not start");
        python
    }

    /// Does what `request` says: the result, or what was raised.
    pub(crate) fn perform(&mut self, request: &Value) -> Result<Value, Value> {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{request}").unwrap();
        let mut answer = self.line();
        match answer.get_mut("error").map(Value::take) {
            Some(error) => Err(error),
            None => Ok(answer["ok"].take()),
        }
    }

    /// Lets it finish, and returns what it says at the end.
    pub(crate) fn finish(mut self) -> Value {
        drop(self.input.take());
        let last = self.line();
        assert!(self.child.wait().unwrap().success());
        last
    }

    /// Lets it finish, as the end of its input does.
    pub(crate) fn stop(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("a Python program has ended: {line:?}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It has ended already, or nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
