//! Exceptions that a Rust server raises at a Python caller.

use rpc_amqp::{AmqpTransport, PythonException, PythonExceptions};
use rpc_core::message::Failure;
use rpc_core::{Server, Target, Value, service};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tests::broker::{Broker, unique};

use crate::python::Python;

/// An exception to the letter, and the error of the service.
#[derive(Clone, Debug, Deserialize, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Raised {
    module: String,
    class: String,
    message: String,
    args: Vec<Value>,
    #[serde(default)]
    kwargs: std::collections::BTreeMap<String, Value>,
}

#[service]
trait Raiser {
    #[call]
    async fn raise(&self, exception: Raised) -> Result<(), Raised>;
}

struct Obedient;

impl Raiser for Obedient {
    async fn raise(&self, exception: Raised) -> Result<(), Raised> {
        Err(exception)
    }
}

/// Every error of the service is the exception that it names.
struct AsNamed;

impl PythonExceptions for AsNamed {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        let raised: Raised = serde_json::from_slice(&failure.data.body).ok()?;
        let mut exception = PythonException::new(raised.module, raised.class, raised.message);
        (exception.arguments, exception.keyword_arguments) = (raised.args, raised.kwargs);
        exception.traceback = vec!["first line\n".to_owned(), "last line\n".to_owned()];
        Some(exception)
    }
}

/// A Python client that allows some modules, and asks for exceptions.
struct Asking {
    python: Python,
    topic: String,
    _server: (AmqpTransport, Server),
}

impl Asking {
    async fn start() -> Self {
        let (broker, topic) = (Broker::shared(), unique("raised"));
        let url = format!("{}?wire=oslo", broker.url());
        let transport = AmqpTransport::builder(url).python_exceptions(AsNamed).connect().await.unwrap();
        let server = Server::builder(&transport, Target::topic(&*topic).server("rust"));
        let server = server.endpoint(Obedient.into_endpoint()).start().await.unwrap();
        let python = Python::client_that_allows(broker, &["json.decoder", "no.such.module"]);
        Self { python, topic, _server: (transport, server) }
    }

    fn raise(&mut self, module: &str, class: &str, args: &Json, kwargs: &Json) -> Json {
        let exception =
            json!({ "module": module, "class": class, "message": "bad", "args": args, "kwargs": kwargs });
        let arguments = json!({ "exception": exception });
        let request = json!({ "op": "call", "topic": self.topic, "method": "raise", "args": arguments });
        self.python.perform(&request).unwrap_err()
    }
}

const TRACEBACK: &str = "bad\nfirst line\n\nlast line\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sr_05_06_07_08_what_is_allowed_is_raised_as_itself() {
    let mut asking = Asking::start().await;
    for module in ["builtins", "exceptions"] {
        let error = asking.raise(module, "ValueError", &json!(["bad"]), &json!({}));
        assert_eq!(
            (&error["class"], &error["module"]),
            (&json!("ValueError"), &json!("builtins")),
            "{error}"
        );
        assert_eq!(error["message"], json!(TRACEBACK));
    }
    let arguments = [
        (json!(["bad", "document", 3]), json!({})),
        (json!([]), json!({ "msg": "bad", "doc": "document", "pos": 3 })),
    ];
    for (args, kwargs) in arguments {
        let error = asking.raise("json.decoder", "JSONDecodeError", &args, &kwargs);
        assert_eq!(
            (&error["class"], &error["module"], &error["message"]),
            (&json!("JSONDecodeError_Remote"), &json!("json.decoder_Remote"), &json!(TRACEBACK))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sr_09_10_11_12_13_14_what_cannot_be_raised_is_a_remote_error_that_tells_it() {
    let mut asking = Asking::start().await;
    for (module, class, args, kwargs) in [
        ("subprocess", "SubprocessError", json!(["bad"]), json!({})),
        ("no.such.module", "Error", json!(["bad"]), json!({})),
        ("builtins", "NoSuchError", json!(["bad"]), json!({})),
        ("builtins", "ValueError", json!(["bad"]), json!({ "node": 7 })),
        ("json.decoder", "JSONDecodeError", json!(["bad"]), json!({})),
        ("builtins", "SystemExit", json!(["bad"]), json!({})),
        ("builtins", "print", json!(["bad"]), json!({})),
    ] {
        let error = asking.raise(module, class, &args, &kwargs);
        assert_eq!((&error["class"], &error["remote"]), (&json!("RemoteError"), &json!(class)), "{error}");
        assert_eq!(error["value"], json!("bad"));
        let text = format!("Remote error: {class} bad\n['first line\\n', 'last line\\n'].");
        assert_eq!(error["message"], json!(text));
    }
}
