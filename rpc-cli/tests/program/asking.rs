//! What servers say about themselves.

use std::time::Duration;

use rpc_core::{Client, Target, Value};

use crate::support::{Manager, connect, exchange, rpc, rpc_at, server};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_servers_are_listed_in_less_than_a_second() {
    let (exchange, manager) = (exchange(), Manager::default());
    let (mut transports, mut servers) = (Vec::new(), Vec::new());
    for process in 0..5 {
        let transport = connect().await;
        for number in 0..10 {
            let name = format!("cell-{process}-{number}");
            servers.push(server(&transport, &exchange, &name, &manager).start().await.unwrap());
        }
        transports.push(transport);
    }
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let listed = rpc(&exchange, &["ls", "--output", "json"]).await;
        assert_eq!((listed.code, listed.json().as_array().map(Vec::len)), (0, Some(50)), "{}", listed.errors);
        quickest = quickest.min(listed.took);
        if quickest < Duration::from_secs(1) {
            break;
        }
    }
    println!("50 servers in {quickest:?}");
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_shown_with_what_they_serve_and_do() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _first = server(&transport, &exchange, "cell-1", &manager).workers(3).start().await.unwrap();
    let _second = server(&transport, &exchange, "cell-2", &manager).start().await.unwrap();

    let listed = rpc(&exchange, &["ls", "conductor", "--server", "cell-1", "--output", "json"]).await.json();
    assert_eq!(listed[0]["interfaces"][0]["version"], "1.2", "{listed}");
    assert_eq!(
        (&listed[0]["running"], &listed[0]["workers"], &listed[0]["waiting"]),
        (&0.into(), &3.into(), &0.into())
    );
    let table = rpc(&exchange, &["ls"]).await.output;
    let line = table.lines().find(|line| line.contains("cell-1")).unwrap_or_else(|| panic!("{table}"));
    assert!(line.contains("baremetal 1.2") && line.contains(" 4.5 ") && line.contains(" 0/3 "), "{table}");
    assert_eq!(table.lines().count(), 3, "{table}");

    let info = rpc(&exchange, &["info"]).await.output;
    let signature = "call change_power(node: u8, on: bool, note: Option<String> = default) -> Result<bool, PowerError>  [since 1.0, timeout 5s]";
    assert!(info.contains(signature) && info.contains("Refreshes one node."), "{info}");
    assert_eq!(info.matches(signature).count(), 1, "what two servers serve alike is shown once: {info}");

    let stats = rpc(&exchange, &["stats"]).await;
    assert!(stats.output.lines().count() == 1 && stats.errors.contains("--all"), "{stats:?}");
    let called =
        rpc(&exchange, &["call", "conductor", "change_power", "node=1", "on=true", "-s", "cell-2"]).await;
    assert_eq!((called.code, called.output.as_str()), (0, "false\n"), "{}", called.errors);
    let stats = rpc(&exchange, &["stats", "-o", "json", "-s", "cell-2"]).await.json();
    let change_power = &stats[0]["methods"][0];
    assert_eq!(
        (&change_power["method"], &change_power["calls"]),
        (&"change_power".into(), &1.into()),
        "{stats}"
    );
    let table = rpc(&exchange, &["stats"]).await.output;
    assert_eq!(table.lines().count(), 2, "only what was called is shown: {table}");

    let pinged = rpc(&exchange, &["ping", "--expect", "2"]).await;
    assert_eq!((pinged.code, pinged.output.lines().count()), (0, 3), "{pinged:?}");
    let health = rpc(&exchange, &["health", "--expect", "2"]).await;
    assert_eq!((health.code, health.output.matches("consuming").count()), (0, 2), "{health:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_now_is_shown_again_and_again() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let target = Target::topic("conductor").exchange(exchange.as_str());
    let client = Client::new(&transport, target).prepare(|settings| settings.namespace("baremetal"));
    let calling = tokio::spawn(async move {
        loop {
            client.call("sleep", &Value::map([("milliseconds", 5)])).await.unwrap();
        }
    });
    let shown = rpc(&exchange, &["top", "--interval", "300ms", "--count", "2", "--output", "json"]).await;
    let frames: Vec<serde_json::Value> =
        shown.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((shown.code, frames.len()), (0, 2), "{shown:?}");
    assert_eq!(frames[1][0]["method"], "sleep", "{shown:?}");
    assert!(frames[1][0]["calls_per_second"].as_f64().unwrap() > 0.0, "{shown:?}");
    assert!(frames[1][0]["mean_us"].as_u64().unwrap() >= 5_000, "{shown:?}");
    calling.abort();
    let table = rpc(&exchange, &["top", "--interval", "50ms", "--count", "1"]).await.output;
    assert!(table.contains("1 server, ") && table.contains("change_power"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_busy_answers_at_once() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).workers(2).start().await.unwrap();
    let target = Target::topic("conductor").exchange(exchange.as_str());
    let client = Client::new(&transport, target).prepare(|settings| settings.namespace("baremetal"));
    let by_name = client.prepare(|settings| settings.server("cell-1"));
    let a_minute = Value::map([("milliseconds", 60_000)]);
    for _ in 0..200 {
        client.cast("sleep", &a_minute).await.unwrap();
        by_name.cast("sleep", &a_minute).await.unwrap();
        client.fanout("sleep", &a_minute).await.unwrap();
    }
    let listed = rpc(&exchange, &["ls", "--output", "json"]).await.json();
    assert!(listed[0]["waiting"].as_u64().is_some_and(|waiting| waiting >= 150), "{listed}");
    let pinged = rpc(&exchange, &["ping", "--expect", "1", "--output", "json"]).await;
    assert!(pinged.json()[0]["time_us"].as_u64().is_some_and(|time| time < 250_000), "{pinged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_said_by_the_exit_code() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    for command in ["ls", "ping", "info", "stats", "health"] {
        let ran = rpc(&exchange, &[command, "--timeout", "300ms"]).await;
        assert_eq!(ran.code, 4, "{command}: {ran:?}");
        let expected = format!("no server answered within 300ms in exchange {exchange:?}");
        assert!(ran.errors.contains(&expected), "{ran:?}");
    }
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let ran = rpc(&exchange, &["ping", "--expect", "2", "--timeout", "500ms"]).await;
    assert!(ran.code == 4 && ran.errors.contains("1 of 2 expected servers"), "{ran:?}");
    let ran = rpc_at("amqp://guest:guest@127.0.0.1:1", &exchange, &["ls"]).await;
    assert!(ran.code == 3 && ran.errors.contains("127.0.0.1:1"), "{ran:?}");
    let ran = rpc_at("carrier-pigeon://coop", &exchange, &["ls", "--output", "json"]).await;
    let error: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
    assert_eq!((ran.code, &error["error"]["code"]), (2, &"unavailable".into()), "{ran:?}");
    for nonsense in ["coop", "amqp://ann:hunter2@h:port", "amqp://h/?colour=hunter2", "memory:// "] {
        let ran = rpc_at(nonsense, &exchange, &["ls"]).await;
        assert!(ran.code == 2 && !ran.errors.contains("hunter2"), "{nonsense}: {ran:?}");
    }
    assert_eq!(rpc(&exchange, &["lss"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_need_no_broker() {
    for shell in ["bash", "zsh", "fish"] {
        let script = rpc_at("amqp://127.0.0.1:1", "x", &["completions", shell]).await;
        assert!(script.code == 0 && script.output.contains("gather"), "{script:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let found = |ran: &crate::support::Ran, check: &str| {
        let findings = ran.json();
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check).cloned();
        finding.unwrap_or_else(|| panic!("nothing about {check}: {ran:?}"))
    };
    let ran = rpc(&exchange, &["doctor", "--output", "json"]).await;
    assert_eq!(
        (ran.code, found(&ran, "servers")["state"].as_str()),
        (0, Some("fair")),
        "nobody is there: {ran:?}"
    );

    let server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let ran = rpc(&exchange, &["doctor", "--output", "json"]).await;
    for check in ["connect", "servers", "clocks", "versions", "conductor"] {
        assert_eq!(found(&ran, check)["state"], "good", "{check}: {ran:?}");
    }
    let table = rpc(&exchange, &["doctor"]).await;
    assert!(table.code == 0 && table.output.contains("queue exists, 1 consumer"), "{table:?}");
    server.shutdown(Duration::from_secs(1)).await;

    let ran = rpc_at("amqp://guest:hunter2@127.0.0.1:1", &exchange, &["doctor", "--output", "json"]).await;
    assert_eq!((ran.code, found(&ran, "connect")["state"].as_str()), (1, Some("bad")), "{ran:?}");
    assert!(!ran.output.contains("hunter2") && !ran.errors.contains("hunter2"), "{ran:?}");
}
