//! Events that go to drivers by rules.

use std::sync::Arc;

use rpc_core::driver::{Capture, Driver, Drivers, Emission, Noop, NotifierConfig, Routing, RoutingRules};
use rpc_core::transport::async_trait;
use rpc_core::{Code, Error, Notifier, Priority};

/// A capture by another name.
#[derive(Clone)]
struct Named(&'static str, Capture);

#[async_trait]
impl Driver for Named {
    fn name(&self) -> &str {
        self.0
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        self.1.notify(emission).await
    }
}

/// A notifier under `rules`, whose drivers a and b keep what they get.
fn routed(rules: &str) -> (Notifier, Capture, Capture) {
    let (a, b) = (Capture::new(), Capture::new());
    let known = Drivers::new().driver(Named("a", a.clone())).driver(Named("b", b.clone()));
    let routing = Routing::new(&RoutingRules::from_toml(rules).unwrap(), &known).unwrap();
    (Notifier::with_drivers("p", [Arc::new(routing) as Arc<dyn Driver>]), a, b)
}

async fn types(rules: &str, events: &[(Priority, &str)]) -> (Vec<String>, Vec<String>) {
    let (notifier, a, b) = routed(rules);
    for (priority, event_type) in events {
        notifier.notify(*priority, event_type, &1).await.unwrap();
    }
    let of = |capture: Capture| capture.events().into_iter().map(|event| event.event_type).collect();
    (of(a), of(b))
}

#[tokio::test]
async fn nt_11_only_named_drivers_are_used_and_no_rules_do_no_harm() {
    let known = Drivers::new().driver(Named("a", Capture::new()));
    let rules = RoutingRules::from_toml("[group.a]\n[group.log]\n[other.a]\n").unwrap();
    let routing = Routing::new(&rules, &known).unwrap();
    assert_eq!(routing.drivers().map(Driver::name).collect::<Vec<_>>(), ["a", "log"]);
    for rules in [RoutingRules::from_toml("").unwrap(), RoutingRules::default()] {
        let routing = Routing::new(&rules, &known).unwrap();
        let notifier = Notifier::with_drivers("p", [Arc::new(routing) as Arc<dyn Driver>]);
        assert!(!notifier.is_enabled());
        notifier.info("e", &1).await.unwrap();
    }
    let config: NotifierConfig = serde_json::from_str(r#"{ "drivers": ["routing"] }"#).unwrap();
    Notifier::from_config(&config, &known, "p").unwrap().info("e", &1).await.unwrap();
}

#[tokio::test]
async fn nt_12_patterns_of_event_types() {
    let rules = "[group.a]\naccepted_events = ['foo.*', 'exact']\n";
    let events = ["foo", "foo.bar", "foo.bar.baz", "afoo.bar", "exact", "exactly"];
    let (a, _) = types(rules, &events.map(|event_type| (Priority::Info, event_type))).await;
    assert_eq!(a, ["foo.bar", "foo.bar.baz", "exact"]);
}

#[tokio::test]
async fn nt_13_lists_of_priorities() {
    let rules = "[group.a]\naccepted_priorities = ['INFO', 'err*']\n";
    let events: Vec<_> = Priority::ALL.iter().map(|&priority| (priority, priority.as_str())).collect();
    let (a, _) = types(rules, &events).await;
    assert_eq!(a, ["info", "error"]);
}

#[tokio::test]
async fn nt_14_both_lists_have_to_match() {
    let rules = "[group.a]\naccepted_events = ['foo.*']\naccepted_priorities = ['info']\n";
    let events = [(Priority::Info, "foo.1"), (Priority::Error, "foo.2"), (Priority::Info, "bar.3")];
    assert_eq!(types(rules, &events).await.0, ["foo.1"]);
}

#[tokio::test]
async fn nt_15_groups_add_up_and_a_driver_gets_an_event_once() {
    let rules = "[one.a]\naccepted_events = ['foo.*']\n[two.a]\naccepted_priorities = ['info']\n[two.b]\n";
    let events = [(Priority::Info, "foo.1"), (Priority::Error, "foo.2"), (Priority::Info, "bar.3")];
    let (a, b) = types(rules, &events).await;
    assert_eq!((a, b.len()), (vec!["foo.1".to_owned(), "foo.2".to_owned(), "bar.3".to_owned()], 3));
}

#[tokio::test]
async fn nt_16_only_drivers_that_match_are_called() {
    let rules = "[group.a]\naccepted_events = ['a']\n[group.b]\naccepted_events = ['b']\n[none.a]\naccepted_events = []\n";
    let events = [(Priority::Info, "a"), (Priority::Info, "b"), (Priority::Info, "c")];
    assert_eq!(types(rules, &events).await, (vec!["a".to_owned()], vec!["b".to_owned()]));
}

#[test]
fn rules_with_a_mistake_are_refused() {
    let refused = |text: &str| {
        let rules = RoutingRules::from_toml(text);
        let error =
            rules.and_then(|rules| Routing::new(&rules, &Drivers::new().driver(Noop::new()))).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArguments);
        error.to_string()
    };
    assert!(refused("[group.mesaging]").contains("\"mesaging\": use one of log, noop"));
    assert!(
        refused("[g.log]\naccepted_priorities = ['eror']").contains("g.log: no priority is like \"eror\"")
    );
    assert!(refused("[g.log]\naccepted = []").contains("accepted_events"));
    assert!(refused("[g").contains("line 1"));
}

#[test]
fn rules_are_read_from_a_file() {
    let path = std::env::temp_dir().join(format!("routing-{}.toml", std::process::id()));
    std::fs::write(&path, "[group.log]\naccepted_events = ['*']\n").unwrap();
    let rules = RoutingRules::from_file(&path);
    std::fs::remove_file(&path).unwrap();
    assert!(Routing::new(&rules.unwrap(), &Drivers::new()).is_ok());
    assert!(RoutingRules::from_file(&path).unwrap_err().to_string().contains(&path.display().to_string()));
}
