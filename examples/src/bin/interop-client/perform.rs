//! Does what is asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{
    CallError, Client, Code, Context, Error, Listener, Notifier, Priority, ServiceFailure, SharedTransport,
    Target, Value, Version,
};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::operation::{Line, Listen, Notify, Operation, Request};

pub(crate) struct Performer {
    transport: SharedTransport,
    exchange: String,
    answers: mpsc::Sender<Answer>,
    listeners: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

type Outcome = Result<serde_json::Value, CallError<ServiceFailure>>;

impl Performer {
    pub(crate) fn new(transport: SharedTransport, exchange: String, answers: mpsc::Sender<Answer>) -> Self {
        Self { transport, exchange, answers, listeners: Mutex::default(), stop: watch::Sender::new(false) }
    }

    pub(crate) async fn perform(self: Arc<Self>, line: Line) {
        let outcome = match line.operation {
            Operation::Call(request) => self.call(request).await,
            Operation::Cast(request) => self.cast(request, false).await,
            Operation::Fanout(request) => self.cast(request, true).await,
            Operation::Notify(notify) => self.notify(notify).await,
            Operation::Listen(listen) => self.listen(listen).await,
            Operation::Stats => Ok(json!({
                "pending_calls": self.transport.pending_calls(),
                "connection": self.transport.status().now().to_string(),
            })),
        };
        let answer = match outcome {
            Ok(result) => Answer::ok(&line.id, result),
            Err(error) => Answer::error(&line.id, &error),
        };
        // Nobody reads any more when the program is ending.
        drop(self.answers.send(answer).await);
    }

    /// Ends the listeners; what they had not printed stays with the broker.
    pub(crate) async fn stop_listening(&self) {
        self.stop.send_replace(true);
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner));
        for listener in listeners {
            drop(listener.await);
        }
    }

    async fn call(&self, request: Request) -> Outcome {
        let (client, context) = self.prepare(&request)?;
        let mut call = client.call(&request.method, &request.args).context(&context);
        if let Some(timeout) = seconds(request.timeout)? {
            call = call.timeout(timeout);
        }
        Ok(json!(call.await?))
    }

    async fn cast(&self, request: Request, fanout: bool) -> Outcome {
        let (client, context) = self.prepare(&request)?;
        let mut cast = if fanout {
            client.fanout(&request.method, &request.args)
        } else {
            client.cast(&request.method, &request.args)
        }
        .context(&context);
        if let Some(timeout) = seconds(request.timeout)? {
            cast = cast.timeout(timeout);
        }
        cast.await?;
        Ok(serde_json::Value::Null)
    }

    fn prepare(&self, request: &Request) -> Result<(Client, Context), Error> {
        let target = Target::topic(&request.topic).exchange(&self.exchange);
        let target = request.server.iter().fold(target, |target, server| target.server(server));
        let version = request.version.as_deref().map(str::parse::<Version>).transpose().map_err(invalid)?;
        let client = Client::new(&self.transport, target).prepare(|settings| {
            let settings = request.namespace.iter().fold(settings, |settings, name| settings.namespace(name));
            version.into_iter().fold(settings, |settings, version| settings.version(version))
        });
        let mut context = Context::new();
        for (key, value) in request.context.as_ref().unwrap_or(&BTreeMap::new()) {
            context.metadata.insert(key, value).map_err(invalid)?;
        }
        Ok((client, context))
    }

    async fn notify(&self, notify: Notify) -> Outcome {
        let priority: Priority = notify.priority.parse().map_err(invalid)?;
        let notifier =
            Notifier::new(&self.transport, notify.publisher).topics([notify.topic]).exchange(&self.exchange);
        notifier.notify(priority, &notify.event_type, &notify.payload).await?;
        Ok(serde_json::Value::Null)
    }

    async fn listen(&self, listen: Listen) -> Outcome {
        let mut builder = Listener::builder(&self.transport, listen.topics).exchange(&self.exchange);
        if let Some(pool) = listen.pool {
            builder = builder.pool(pool);
        }
        let listener = builder.start::<Value>().await?;
        let task = tokio::spawn(print_events(listener, self.answers.clone(), self.stop.subscribe()));
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(serde_json::Value::Null)
    }
}

async fn print_events(
    mut listener: Listener<Value>,
    answers: mpsc::Sender<Answer>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let event = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            event = listener.next() => event,
        };
        let Some(event) = event else { break };
        if answers.send(Answer::event(event)).await.is_err() {
            break;
        }
    }
    listener.close().await;
}

fn seconds(timeout: Option<f64>) -> Result<Option<Duration>, Error> {
    timeout.map(Duration::try_from_secs_f64).transpose().map_err(invalid)
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidArguments, error.to_string())
}
