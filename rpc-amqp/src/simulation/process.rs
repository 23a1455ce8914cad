//! What runs on the simulated network: clients, and servers that listen too.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::message::{Failure, Outcome};
use rpc_core::{
    Code, Context, Dispatch, Endpoint, Error, Event, Interface, Invocation, Listener, Method, MethodKind,
    Priority, Server, SharedTransport, Target, Value,
};

use super::history::Event as Happened;
use super::library::Host;
use super::scenario::{Ending, Kind, Scenario};
use super::world::World;
use crate::settings::{QueueType, Settings};
use crate::transport::AmqpTransport;
use crate::url::BrokerUrl;

/// Between attempts to start.
const PAUSE: Duration = Duration::from_millis(100);
/// An operation of nobody: a probe that the checker does not judge.
pub(crate) const PROBE: usize = 999_999;

/// What `operation` returns.
pub(crate) fn result(operation: usize) -> u64 {
    (operation as u64).wrapping_mul(31).wrapping_add(7) % 1_000_003
}

/// A transport for a process. A broker that is away is asked again, as a program's supervisor would.
pub(crate) async fn transport(world: &World, process: usize, quorum: bool) -> SharedTransport {
    let url: BrokerUrl = "amqp://one,two,three".parse().expect("the URL is right");
    loop {
        let settings = Settings {
            queue_type: if quorum { QueueType::Quorum } else { QueueType::Classic },
            simulated: Some(Host { world: world.clone(), process }),
            ..Settings::default()
        };
        match AmqpTransport::open_here(url.clone(), settings).await {
            Ok(transport) => return transport,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

pub(crate) struct Service {
    pub(crate) transport: SharedTransport,
    pub(crate) server: Server,
    listener: Option<tokio::task::JoinHandle<()>>,
}

impl Service {
    /// Starts server `index` and a listener in the process.
    pub(crate) async fn start(world: &World, process: usize, index: usize, scenario: &Arc<Scenario>) -> Self {
        let transport = transport(world, process, scenario.quorum).await;
        let endpoint = Methods { world: world.clone(), process, scenario: Arc::clone(scenario) };
        let server = loop {
            let target = Target::topic("t");
            let named = scenario.has(|kind| matches!(kind, Kind::CallServer(_)));
            let target = if named { target.server(format!("s{index}")) } else { target };
            let builder = Server::builder(&transport, target);
            let builder = builder.endpoint(endpoint.clone()).workers(scenario.workers);
            match builder.start().await {
                Ok(server) => break server,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        let listens = scenario.has(|kind| kind == Kind::Notify);
        let listener = listens.then(|| tokio::spawn(listen(endpoint, transport.clone())));
        Self { transport, server, listener }
    }

    /// Stops in order.
    pub(crate) async fn shutdown(self, grace: Duration) {
        self.listener.inspect(tokio::task::JoinHandle::abort);
        self.server.shutdown(grace).await;
        self.transport.close(Duration::from_millis(500)).await;
    }

    /// Cleans up after a process that is dead already.
    pub(crate) async fn bury(self) {
        self.listener.inspect(tokio::task::JoinHandle::abort);
        drop(self.server);
        self.transport.close(Duration::ZERO).await;
    }
}

#[derive(Clone)]
struct Methods {
    world: World,
    process: usize,
    scenario: Arc<Scenario>,
}

/// The client sends it again when it is in doubt.
pub(super) const AGAIN: Method = Method::new("again", MethodKind::Call).with_idempotent(true);

const METHODS: &[Method] = &[
    Method::new("call", MethodKind::Call),
    AGAIN,
    Method::new("cast", MethodKind::Cast),
    Method::new("fanout", MethodKind::Fanout),
];

impl Endpoint for Methods {
    fn interface(&self) -> Interface {
        Interface::new("Simulated").with_methods(METHODS)
    }

    fn dispatch(&self, _: usize, invocation: Invocation) -> Dispatch {
        let methods = self.clone();
        Box::pin(async move {
            let Some(operation) = operation_of(&invocation) else {
                return Outcome::Failure(Failure::new(Code::InvalidArguments, "which operation?"));
            };
            match methods.work(operation, invocation.context().attempt).await {
                Ending::Returns => invocation.success(&result(operation)),
                Ending::Fails => invocation.service_error("Refused", &"no"),
                // Without the message that a panic prints.
                Ending::Panics => std::panic::resume_unwind(Box::new("the handler panics")),
            }
        })
    }
}

fn operation_of(invocation: &Invocation) -> Option<usize> {
    let Value::Map(arguments) = invocation.arguments().ok()? else { return None };
    usize::try_from(arguments.get("operation")?.as_integer()?).ok()
}

impl Methods {
    async fn work(&self, operation: usize, attempt: u32) -> Ending {
        // A dead process does nothing.
        if !self.world.is_alive(self.process) {
            std::future::pending::<()>().await;
        }
        let Some(planned) = self.scenario.operations.get(operation) else { return Ending::Returns };
        self.world.record(Happened::Executed { operation, process: self.process, attempt });
        let _end = Ends { methods: self, operation };
        if planned.work > 0 {
            tokio::time::sleep(Duration::from_millis(planned.work)).await;
        }
        if !self.world.is_alive(self.process) {
            std::future::pending::<()>().await;
        }
        planned.ending
    }
}

/// A method that runs. It ends with this, wherever it stands.
struct Ends<'a> {
    methods: &'a Methods,
    operation: usize,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if self.methods.world.is_alive(self.methods.process) {
            self.methods.world.record(Happened::Ended { operation: self.operation });
        }
    }
}

async fn listen(methods: Methods, transport: SharedTransport) {
    loop {
        let builder = Listener::builder(&transport, ["notifications"]).priorities([Priority::Info]);
        let Ok(mut listener) = builder.prefetch(methods.scenario.workers).start::<Value>().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while let Some(event) = listener.next().await {
            let _ = take(&methods, event).await;
        }
        return;
    }
}

async fn take(methods: &Methods, event: Event<Value>) -> Result<(), Error> {
    let operation = event.payload().get("operation").and_then(Value::as_integer);
    let Some(operation) = operation.and_then(|number| usize::try_from(number).ok()) else {
        return event.ack().await;
    };
    match methods.work(operation, if event.is_redelivered() { 2 } else { 1 }).await {
        Ending::Returns => event.ack().await,
        Ending::Fails => event.reject("refused").await,
        // Dropped at its first delivery, as a handler that panics would; afterwards it is given up.
        Ending::Panics if event.is_redelivered() => event.reject("it fails again and again").await,
        Ending::Panics => event.requeue().await,
    }
}

/// A context that names the operation in every message of it.
pub(crate) fn context(operation: usize) -> Context {
    let mut context = Context::new();
    context.metadata.insert("operation", operation.to_string()).expect("it is short");
    context
}
