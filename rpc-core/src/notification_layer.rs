//! Turns log events into notifications.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::driver::masking::mask;
use crate::notification::Notification;
use crate::notifier::{Background, Notifier};
use crate::priority::Priority;
use crate::readable::readable;
use crate::value::Value;

/// A layer for `tracing` that turns log events into notifications of type `logrecord`.
///
/// It never waits: events go through a [`Background`], whose counters say what was lost. What this crate, its transports and
/// the AMQP client library log is left out, since it would come of sending it and so never end.
///
/// ```
/// # use rpc_core::{Background, MemoryTransport, NotificationLayer, Notifier, Priority};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let notifier = Notifier::new(&MemoryTransport::new(), "conductor.cell-1");
/// let background = Background::builder().start();
/// let layer = NotificationLayer::new(&notifier, &background).priorities([Priority::Error]);
/// let subscriber = tracing_subscriber::registry().with(layer);
/// tracing::subscriber::with_default(subscriber, || tracing::error!(node = 7, "the node does not answer"));
/// # assert_eq!(background.shutdown(std::time::Duration::from_secs(1)).await, 0);
/// # assert_eq!(background.counts().sent, 1);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a layer sees nothing until a subscriber has it"]
pub struct NotificationLayer {
    notifier: Notifier,
    priorities: Vec<Priority>,
    ignored: Vec<String>,
}

/// A log event, in the form of oslo.messaging's `logrecord`, which is that of Python's logging. One that comes from Python
/// is read, too: numbers and structures become text where text is, and a missing `extra` is empty.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogRecord {
    /// The target, such as a module.
    pub name: String,
    /// 40 error, 30 warn, 20 info, 10 debug, 5 trace; from Python also 50, critical.
    pub levelno: u32,
    /// The level, in upper case.
    pub levelname: String,
    /// Always nothing from Rust, which has no traceback; from Python the exception.
    #[serde(default, deserialize_with = "any_as_text")]
    pub exc_info: Option<String>,
    /// The source file.
    pub pathname: Option<String>,
    /// The line in it.
    pub lineno: Option<u32>,
    /// The message.
    pub msg: String,
    /// The module.
    #[serde(rename = "funcName")]
    pub func_name: Option<String>,
    /// The name of the thread; from Python its number.
    #[serde(default, deserialize_with = "any_as_text")]
    pub thread: Option<String>,
    /// The name of the program.
    #[serde(rename = "processName")]
    pub process_name: Option<String>,
    /// The id of the process.
    pub process: u32,
    /// The other fields of the event. Values whose names look like those of secrets are replaced by `***`.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub extra: BTreeMap<String, Value>,
}

impl Notification for LogRecord {
    const EVENT_TYPE: &'static str = "logrecord";
}

fn any_as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::Text(text) => Some(text),
        other => Some(serde_json::to_string(&other).map_err(D::Error::custom)?),
    })
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl NotificationLayer {
    /// The targets that are left out always, with all that is below them.
    const IGNORED: [&str; 3] = ["rpc_core", "rpc_amqp", "lapin"];

    /// A layer whose notifications go out through `notifier`, from `background`.
    pub fn new(notifier: &Notifier, background: &Background) -> Self {
        Self {
            notifier: notifier.prepare(|notifier| notifier.background(background)),
            priorities: vec![Priority::Error, Priority::Warn, Priority::Info],
            ignored: Self::IGNORED.map(str::to_owned).into(),
        }
    }

    /// Takes the log events that become notifications of these priorities: error, warn, info, and debug for both debug and
    /// trace. Default: error, warn and info.
    pub fn priorities(mut self, priorities: impl IntoIterator<Item = Priority>) -> Self {
        self.priorities = priorities.into_iter().collect();
        self
    }

    /// Leaves out what is logged under `target`, such as a crate that a driver of the notifier uses. May be said several
    /// times. Default: `rpc_core`, `rpc_amqp` and `lapin`, which stay left out.
    pub fn ignore(mut self, target: impl Into<String>) -> Self {
        self.ignored.push(target.into());
        self
    }

    fn is_ignored(&self, target: &str) -> bool {
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with("::");
        self.ignored.iter().any(|ignored| target.strip_prefix(ignored.as_str()).is_some_and(is_below))
    }
}

impl<S: Subscriber> Layer<S> for NotificationLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let (priority, levelno) = match *metadata.level() {
            Level::ERROR => (Priority::Error, 40),
            Level::WARN => (Priority::Warn, 30),
            Level::INFO => (Priority::Info, 20),
            Level::DEBUG => (Priority::Debug, 10),
            Level::TRACE => (Priority::Debug, 5),
        };
        if !self.priorities.contains(&priority) || self.is_ignored(metadata.target()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut extra = Value::Map(fields.extra);
        mask(&mut extra);
        let record = LogRecord {
            name: metadata.target().to_owned(),
            levelno,
            levelname: metadata.level().to_string(),
            exc_info: None,
            pathname: metadata.file().map(str::to_owned),
            lineno: metadata.line(),
            msg: fields.message,
            func_name: metadata.module_path().map(str::to_owned),
            thread: std::thread::current().name().map(str::to_owned),
            process_name: process_name().map(str::to_owned),
            process: std::process::id(),
            extra: if let Value::Map(extra) = extra { extra } else { BTreeMap::new() },
        };
        // A background that is full counts what it drops, and a log has nobody to tell.
        let _ = self.notifier.enqueue(priority, LogRecord::EVENT_TYPE, &record);
    }
}

fn process_name() -> Option<&'static str> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    let name = || Some(std::env::current_exe().ok()?.file_name()?.to_string_lossy().into_owned());
    NAME.get_or_init(name).as_deref()
}

/// The fields of a log event.
#[derive(Default)]
struct Fields {
    message: String,
    extra: BTreeMap<String, Value>,
}

impl Fields {
    /// Of one text, in bytes.
    const LONGEST: usize = 8 * 1_024;

    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.extra.insert(field.name().to_owned(), value.into());
    }

    fn put_text(&mut self, field: &Field, text: String) {
        let text = readable(text, Self::LONGEST);
        if field.name() == "message" {
            self.message = text;
        } else {
            self.put(field, text);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}
