//! What drivers do with an event, and how they are chosen.

use std::sync::Arc;

use rpc_core::driver::{
    Capture, Driver, Drivers, Emission, Log, Noop, NotifierConfig, Routing, RoutingRules,
};
use rpc_core::transport::async_trait;
use rpc_core::{Code, ContentType, Error, Executed, MemoryTransport, Notifier, Priority, RetryPolicy, Value};

use crate::flaky::Script;
use crate::lines::Lines;

fn notifier(driver: impl Driver) -> Notifier {
    Notifier::with_drivers("publisher", [Arc::new(driver) as Arc<dyn Driver>])
}

fn config(json: &str) -> NotifierConfig {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn nt_07_the_log_driver_writes_json() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    notifier(Log::new()).warn("node.power_set", &Value::map([("node", 7)])).await.unwrap();
    let text = lines.text();
    assert!(text.starts_with(" WARN rpc_core::notification: "), "{text}");
    let json = &text[text.find('{').unwrap()..=text.rfind('}').unwrap()];
    let event: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(event["event_type"], "node.power_set");
    assert_eq!((&event["priority"], &event["publisher_id"]), (&"warn".into(), &"publisher".into()));
    assert_eq!(event["payload"], serde_json::json!({ "node": 7 }));
}

#[tokio::test]
async fn nt_08_the_log_driver_drops_samples() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    for &priority in Priority::ALL {
        notifier(Log::new()).notify(priority, priority.as_str(), &1).await.unwrap();
    }
    let levels: Vec<_> =
        lines.text().lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(levels, ["INFO", "DEBUG", "INFO", "WARN", "ERROR", "ERROR"]);
}

#[tokio::test]
async fn nt_09_the_log_driver_masks_passwords() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    let payload = Value::map([("user", Value::from("ada")), ("auth", Value::map([("password", "hunter2")]))]);
    for &content_type in ContentType::ALL {
        notifier(Log::new()).content_type(content_type).info("e", &payload).await.unwrap();
    }
    assert!(lines.text().contains(r#""password":"***""#), "{}", lines.text());
    assert!(!lines.text().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn nt_06_nt_10_a_configuration_chooses_and_arguments_win() {
    let capture = Capture::new();
    let drivers = Drivers::new().driver(capture.clone());
    let config = config(
        r#"{ "drivers": ["capture", "noop"], "exchange": "x", "topics": ["a", "b"], "attempts": 7,
             "timeout_seconds": 3, "content_type": "application/json" }"#,
    );
    let configured = Notifier::from_config(&config, &drivers, "publisher").unwrap();
    let text = format!("{configured:?}");
    for wanted in [r#"exchange: "x""#, r#"topics: ["a", "b"]"#, "attempts: 7", "timeout: 3s"] {
        assert!(text.contains(wanted), "{text}");
    }
    let changed = configured.prepare(|it| it.topics(["c"]).retry(RetryPolicy::never()));
    let text = format!("{changed:?}");
    assert!(text.contains(r#"topics: ["c"]"#) && text.contains("attempts: 1,"), "{text}");
    configured.info("e", &1).await.unwrap();
    assert_eq!(capture.events().len(), 1);
    assert_eq!(capture.events()[0].payload.content_type, ContentType::Json);
}

#[test]
fn a_configuration_with_a_mistake_is_refused() {
    let refused = |json| {
        let error = Notifier::from_config(&config(json), &Drivers::new(), "p").unwrap_err();
        assert_eq!(error.code(), Code::InvalidArguments);
        error.to_string()
    };
    assert!(refused("{}").contains("\"messaging\": use one of log, noop"));
    assert!(refused(r#"{ "drivers": ["log"], "content_type": "text/plain" }"#).contains("text/plain"));
    assert!(refused(r#"{ "drivers": ["log", "log"] }"#).contains("named twice"));
    assert!(
        refused(r#"{ "drivers": ["routing"], "routing_rules": "/no/such/file" }"#).contains("/no/such/file")
    );
    assert!(serde_json::from_str::<NotifierConfig>(r#"{ "driver": "log" }"#).is_err());
}

#[test]
fn nt_17_with_noop_alone_a_notifier_is_not_enabled() {
    assert!(!notifier(Noop::new()).is_enabled());
    assert!(!Notifier::with_drivers("p", []).is_enabled());
    assert!(notifier(Noop::new()).driver(Log::new()).is_enabled());
}

/// A payload that must not be encoded.
struct Costly;

impl serde::Serialize for Costly {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("nobody wants it");
    }
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_not_made() {
    let notifier = notifier(Noop::new());
    notifier.info("e", &Costly).await.unwrap();
    assert_eq!(notifier.info("", &Costly).await.unwrap_err().code(), Code::InvalidArguments);
}

/// A driver that is always full.
struct Full(&'static str);

#[async_trait]
impl Driver for Full {
    fn name(&self) -> &str {
        self.0
    }

    async fn notify(&self, _: &Emission) -> Result<(), Error> {
        Err(Error::new(Code::Overloaded, format!("{} is full", self.0)))
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_one_driver_has_is_not_called_unsent() {
    let transport = MemoryTransport::new();
    let rules =
        RoutingRules::from_toml("[g.messaging]\naccepted_events = ['*']\n[g.full]\naccepted_events = ['*']");
    let known = Drivers::new().transport(&transport).driver(Full("full"));
    let routing = Routing::new(&rules.unwrap(), &known).unwrap();
    for notifier in [Notifier::new(&transport, "p").driver(Full("full")), notifier(routing)] {
        let error = notifier.info("e", &1).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::Overloaded, Executed::Unknown), "{error}");
    }
    let error =
        notifier(Full("full")).driver(Full("also")).driver(Noop::new()).info("e", &1).await.unwrap_err();
    assert_eq!(error.executed(), Executed::NotSent, "nobody has it");
}

#[tokio::test(start_paused = true)]
async fn errors_of_which_the_caller_does_not_learn_are_in_the_log() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    let rules = RoutingRules::from_toml("[g.one]\naccepted_events = ['*']\n[g.two]\naccepted_events = ['*']");
    let known = Drivers::new().driver(Full("one")).driver(Full("two"));
    let routing = Routing::new(&rules.unwrap(), &known).unwrap();
    let error = notifier(routing).info("e", &1).await.unwrap_err();
    assert!(
        error.message().contains("one is full") && lines.text().contains("two is full"),
        "{}",
        lines.text()
    );

    let (transport, script) = (MemoryTransport::new(), Script::default());
    script.fail(["first", "second"].map(|text| Error::new(Code::TooLarge, text)));
    let topics = Notifier::new(&script.connect(&transport), "p").topics(["a", "b"]);
    let error = topics.info("e", &1).await.unwrap_err();
    assert!(error.message().contains("first") && lines.text().contains("second"), "{}", lines.text());
}
