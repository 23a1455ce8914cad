//! Failures: JSON as text, within JSON as text, within JSON.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::message::{Asked, Failure, Traceback};
use rpc_core::{Code, ContentType, Payload, Value};

use super::exception::{PythonException, PythonExceptions};
use super::mending::mended;
use super::object::Object;

/// Where Python's own dispatcher has its exceptions.
const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";
/// The module of errors that have no class in Python. No program has such a module there, so whoever gets one shows its
/// class and message; a client of ours reads the rest from the arguments by name.
const OURS: &str = "rpc_core";

const CODE: &str = "code";
const EXECUTED: &str = "executed";
const RETRYABLE: &str = "retryable";
const RETRY_AFTER_MS: &str = "retry_after_ms";
const ERROR_TYPE: &str = "error_type";
const DATA: &str = "data";

/// The failure as text.
pub(super) fn encode(failure: &Failure, exceptions: &dyn PythonExceptions) -> String {
    if let Some(mut exception) = exceptions.raised(failure) {
        if exception.traceback.is_empty() {
            exception.traceback = traceback(failure, &exception.class);
        }
        return written(&exception, None);
    }
    let exception = |module, class: &str| PythonException {
        traceback: traceback(failure, class),
        ..PythonException::new(module, class, failure.message.as_str())
    };
    if let Some(exception) = failure.asked.as_deref().and_then(|asked| of_dispatcher(failure.code, asked)) {
        return written(&exception, None);
    }
    match failure.code {
        Code::NoSuchMethod => written(&exception(DISPATCHER, "NoSuchMethod"), None),
        Code::UnsupportedVersion => written(&exception(DISPATCHER, "UnsupportedVersion"), None),
        Code::InvalidArguments => written(&exception(PythonException::BUILTINS, "TypeError"), None),
        Code::Malformed => written(&exception(PythonException::BUILTINS, "ValueError"), None),
        Code::ServiceError | Code::RemoteError => {
            let label = failure.error_type.as_deref().filter(|label| !label.is_empty());
            let class = label.map_or_else(|| camel(failure.code), str::to_owned);
            written(&exception(OURS, &class), Some(failure))
        }
        code => written(&exception(OURS, &camel(code)), Some(failure)),
    }
}

/// What Python's dispatcher raises when no endpoint serves a request, in its words: there are programs that look at them.
fn of_dispatcher(code: Code, asked: &Asked) -> Option<PythonException> {
    let Asked { method, version, .. } = asked;
    let (class, message) = match code {
        Code::NoSuchMethod => ("NoSuchMethod", format!("Endpoint does not support RPC method {method}")),
        Code::UnsupportedVersion => (
            "UnsupportedVersion",
            format!("Endpoint does not support RPC version {version}. Attempted method: {method}"),
        ),
        _ => return None,
    };
    let traceback = vec![format!("{DISPATCHER}.{class}: {message}\n")];
    Some(PythonException { traceback, ..PythonException::new(DISPATCHER, class, message) })
}

fn traceback(failure: &Failure, class: &str) -> Vec<String> {
    match &failure.traceback {
        Some(lines) => lines.as_str().split_inclusive('\n').map(str::to_owned).collect(),
        None => vec![format!("{class}: {}\n", failure.message)],
    }
}

/// All keys are always there: Python fails when message or traceback is missing.
fn written(exception: &PythonException, facts: Option<&Failure>) -> String {
    let PythonException { module, class, message, arguments, keyword_arguments, traceback } = exception;
    let object = Object::new()
        .text("class", class)
        .text("module", module)
        .text("message", message)
        .value("tb", traceback)
        .value("args", arguments);
    match facts {
        Some(failure) => object.raw("kwargs", &written_facts(failure)),
        None => object.value("kwargs", keyword_arguments),
    }
    .finish()
}

fn written_facts(failure: &Failure) -> String {
    let facts = Object::new()
        .text(CODE, failure.code.as_str())
        .text(EXECUTED, failure.executed.as_str())
        .value(RETRYABLE, &failure.retryable);
    let facts = match failure.retry_after {
        Some(time) => facts.value(RETRY_AFTER_MS, &u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        None => facts,
    };
    let is_json = failure.data.content_type == ContentType::Json && failure.data.content_encoding.is_none();
    let data =
        is_json.then(|| serde_json::from_slice::<&serde_json::value::RawValue>(&failure.data.body).ok());
    let facts = match data.flatten() {
        Some(data) => facts.raw(DATA, data.get()),
        None => facts,
    };
    facts.maybe_text(ERROR_TYPE, failure.error_type.as_deref()).finish()
}

/// Whether what stands under `failure` says that there was none. Python asks only whether it is true.
pub(super) fn is_none(json: &str) -> bool {
    matches!(json, "null" | "\"\"" | "{}" | "[]" | "false" | "0")
}

/// What the text under `failure` says; itself the message if it is nothing that Python writes.
pub(super) fn decode(json: &str) -> Failure {
    // An object that is not text is what one would expect, and easy to take.
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    let text = mended(&text);
    let Some(exception) = read(&text) else { return Failure::new(Code::RemoteError, text) };
    if exception.module == OURS
        && let Some(failure) = ours(&exception, &text)
    {
        return failure;
    }
    let code = match (exception.module.as_str(), exception.class.as_str()) {
        (DISPATCHER, "NoSuchMethod") => Code::NoSuchMethod,
        (DISPATCHER, "UnsupportedVersion") => Code::UnsupportedVersion,
        _ => Code::RemoteError,
    };
    let mut failure = Failure::new(code, exception.message.as_str())
        .with_traceback(Traceback::new(exception.traceback.concat()));
    failure.error_type = Some(exception.path().into());
    failure.data = Payload::new(ContentType::Json, Bytes::from(text.into_owned().into_bytes()));
    failure
}

/// The exception, with whatever of it is as it should be.
fn read(text: &str) -> Option<PythonException> {
    if let Ok(exception) = serde_json::from_str::<PythonException>(text) {
        return (!exception.class.is_empty()).then_some(exception);
    }
    let fields = super::Fields::read(text).ok()?;
    let class = fields.get::<String>("class").filter(|class| !class.is_empty())?;
    let module = fields.get::<String>("module").unwrap_or_default();
    let message = fields.get::<String>("message").unwrap_or_default();
    let traceback = fields.get::<Vec<String>>("tb").unwrap_or_default();
    Some(PythonException { traceback, ..PythonException::new(module, class, message) })
}

/// The failure of a server of ours, with all that it said.
fn ours(exception: &PythonException, text: &str) -> Option<Failure> {
    let facts = &exception.keyword_arguments;
    let word = |key: &str| facts.get(key).and_then(Value::as_text);
    let code: Code = word(CODE)?.parse().ok()?;
    let mut failure = Failure::new(code, exception.message.as_str())
        .with_traceback(Traceback::new(exception.traceback.concat()));
    if let Some(executed) = word(EXECUTED).and_then(|word| word.parse().ok()) {
        failure.executed = executed;
    }
    if let Some(retryable) = facts.get(RETRYABLE).and_then(Value::as_bool) {
        failure.retryable = retryable;
    }
    let milliseconds = facts.get(RETRY_AFTER_MS).and_then(Value::as_integer);
    failure.retry_after = milliseconds.and_then(|time| u64::try_from(time).ok()).map(Duration::from_millis);
    failure.error_type = word(ERROR_TYPE).map(Into::into);
    // As it came: a typed error may hold what a value of any shape does not.
    let fields = super::Fields::read(text).ok()?;
    let facts = super::Fields::read(fields.raw("kwargs")?).ok()?;
    if let Some(data) = facts.raw(DATA) {
        failure.data = Payload::new(ContentType::Json, Bytes::copy_from_slice(data.as_bytes()));
    }
    Some(failure)
}

/// `no_such_method` as `NoSuchMethod`.
fn camel(code: Code) -> String {
    let mut name = String::new();
    for word in code.as_str().split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
