//! Which endpoint a server runs a request with. A name begins with the rows of `docs/conformance.md` that it shows.

use rpc_core::{
    AllowMethods, CallError, Client, Code, Endpoint, Executed, MemoryTransport, Server, ServiceFailure,
    Target, Value, Version, service,
};

/// Serves without a namespace, and without saying a version.
#[service]
trait Plain {
    /// Says which endpoint it is.
    #[call]
    async fn name(&self) -> String;
    /// Says what came.
    #[call]
    async fn echo(&self, #[default] first: i64, #[default] second: i64) -> [i64; 2];
}

/// The same topic, a later generation.
#[service(version = "2.3")]
trait Later {
    /// Says which endpoint it is.
    #[call]
    async fn name(&self) -> String;
}

/// Something else on the same topic.
#[service(namespace = "extra", version = "1.1")]
trait Extra {
    /// Says which endpoint it is.
    #[call]
    async fn name(&self) -> String;
}

#[derive(Clone)]
struct Service;

impl Plain for Service {
    async fn name(&self) -> String {
        "plain".to_owned()
    }

    async fn echo(&self, first: i64, second: i64) -> [i64; 2] {
        [first, second]
    }
}

impl Later for Service {
    async fn name(&self) -> String {
        "later".to_owned()
    }
}

impl Extra for Service {
    async fn name(&self) -> String {
        "extra".to_owned()
    }
}

fn target() -> Target {
    Target::topic("dispatch")
}

async fn serve(endpoints: impl IntoIterator<Item = Box<dyn Endpoint>>) -> (MemoryTransport, Server, Client) {
    let transport = MemoryTransport::new();
    let builder = Server::builder(&transport, target().server("s"));
    let builder = endpoints.into_iter().fold(builder, |builder, endpoint| builder.endpoint(Boxed(endpoint)));
    let client = Client::new(&transport, target());
    let server = builder.start().await.unwrap();
    (transport, server, client)
}

/// An endpoint that is known only when the program runs.
struct Boxed(Box<dyn Endpoint>);

impl Endpoint for Boxed {
    fn interface(&self) -> rpc_core::Interface {
        self.0.interface()
    }

    fn dispatch(&self, method: usize, invocation: rpc_core::Invocation) -> rpc_core::Dispatch {
        self.0.dispatch(method, invocation)
    }
}

/// The endpoint that answers, or why none does.
async fn who(
    client: &Client,
    namespace: Option<&'static str>,
    version: (u32, u32),
) -> Result<String, (Code, String)> {
    let client = client.prepare(|it| {
        let it = it.version(Version::new(version.0, version.1));
        match namespace {
            Some(namespace) => it.namespace(namespace),
            None => it.without_namespace(),
        }
    });
    let answer = client.call("name", &()).await;
    let answer = answer.map_err(|error| (error.code(), error.to_string()))?;
    Ok(answer.as_text().unwrap().to_owned())
}

fn code(answer: Result<String, (Code, String)>) -> Code {
    answer.unwrap_err().0
}

#[tokio::test(start_paused = true)]
async fn rd_01_rs_02_a_server_without_an_endpoint_does_not_start() {
    let error = Server::builder(&MemoryTransport::new(), target().server("s")).start().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArguments);
    assert!(error.message().contains("endpoint"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn rd_02_05_an_endpoint_that_says_nothing_serves_1_0_without_a_namespace() {
    let (_transport, _server, client) = serve([Box::new(PlainEndpoint::new(Service)) as _]).await;
    assert_eq!(client.call("name", &()).await.unwrap(), "plain".into());
    assert_eq!(who(&client, None, (1, 0)).await.unwrap(), "plain");
    assert_eq!(code(who(&client, None, (1, 1)).await), Code::UnsupportedVersion);
}

#[tokio::test(start_paused = true)]
async fn rd_03_arguments_go_by_their_names() {
    let (_transport, _server, client) = serve([Box::new(PlainEndpoint::new(Service)) as _]).await;
    for (arguments, expected) in [
        (Value::map([("second", 2), ("first", 1)]), [1, 2]),
        (Value::map([("second", 2)]), [0, 2]),
        (Value::Map(Default::default()), [0, 0]),
    ] {
        let answer = client.call("echo", &arguments).await.unwrap();
        assert_eq!(answer, Value::List(expected.map(Value::Integer).to_vec()));
    }
    let error = client.call("echo", &Value::map([("third", 3)])).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent));
    assert!(error.to_string().contains("third"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn rd_06_13_14_only_methods_of_the_interface_can_be_called() {
    let (_transport, _server, client) = serve([Box::new(PlainEndpoint::new(Service)) as _]).await;
    assert_eq!(client.call("name", &()).await.unwrap(), "plain".into());
    for method in ["nothing", "_name", "interface", "into_endpoint", "Name", "name "] {
        let error = client.call(method, &()).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::NoSuchMethod, Executed::NotSent), "{method}");
        let error = error.rpc().unwrap();
        assert!(error.message().contains(method), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn rd_07_08_09_10_an_endpoint_is_chosen_by_namespace_and_version() {
    let endpoints: [Box<dyn Endpoint>; 3] = [
        Box::new(PlainEndpoint::new(Service)),
        Box::new(ExtraEndpoint::new(Service)),
        Box::new(LaterEndpoint::new(Service)),
    ];
    let (_transport, _server, client) = serve(endpoints).await;
    assert_eq!(who(&client, Some("extra"), (1, 0)).await.unwrap(), "extra");
    assert_eq!(who(&client, None, (1, 0)).await.unwrap(), "plain");
    for minor in 0..=3 {
        assert_eq!(who(&client, None, (2, minor)).await.unwrap(), "later");
    }
    for (namespace, version) in [
        (None, (2, 4)),
        (None, (1, 1)),
        (None, (3, 0)),
        (None, (0, 9)),
        (Some("extra"), (2, 0)),
        (Some("unknown"), (1, 0)),
    ] {
        let (code, text) = who(&client, namespace, version).await.unwrap_err();
        assert_eq!(code, Code::UnsupportedVersion);
        assert!(text.contains(&format!("{}.{}", version.0, version.1)), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn rd_11_12_an_interface_can_be_served_in_an_older_namespace_too() {
    let extra = ExtraEndpoint::new(Service);
    let endpoints: [Box<dyn Endpoint>; 3] = [
        Box::new(extra.clone()),
        Box::new(extra.clone().in_namespace(None)),
        Box::new(extra.in_namespace(Some("older"))),
    ];
    let (_transport, _server, client) = serve(endpoints).await;
    for namespace in [None, Some("extra"), Some("older")] {
        assert_eq!(who(&client, namespace, (1, 1)).await.unwrap(), "extra", "{namespace:?}");
        assert_eq!(code(who(&client, namespace, (1, 2)).await), Code::UnsupportedVersion);
    }
    assert_eq!(code(who(&client, Some("oldest"), (1, 1)).await), Code::UnsupportedVersion);
}

#[tokio::test(start_paused = true)]
async fn rd_15_16_what_a_policy_does_not_name_is_refused() {
    let transport = MemoryTransport::new();
    let builder = Server::builder(&transport, target().server("s")).access(AllowMethods::new(["echo"]));
    let _server = builder.endpoint(PlainEndpoint::new(Service)).start().await.unwrap();
    let client = Client::new(&transport, target());
    client.call("echo", &()).await.unwrap();
    let error: CallError<ServiceFailure> = client.call("name", &()).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::PermissionDenied, Executed::NotSent));
}
