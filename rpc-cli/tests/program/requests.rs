//! Methods that are called from the command line.

use std::time::Duration;

use crate::support::{Manager, connect, exchange, rpc, server};

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_typed_by_what_the_server_describes() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let called =
        rpc(&exchange, &["call", "conductor", "change_power", "node=7", "on=false", "note=12"]).await;
    assert_eq!((called.code, called.output.as_str()), (0, "true\n"), "{}", called.errors);
    let json = r#"{"node": 8, "on": true}"#;
    assert_eq!(
        rpc(&exchange, &["call", "conductor", "change_power", "--json", json]).await.output,
        "false\n"
    );
    assert_eq!(manager.lines(), ["change_power 7 false Some(\"12\")", "change_power 8 true None"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_argument_is_named_and_nothing_is_sent() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    for (arguments, complaint) in [
        (
            &["node=300", "on=true"][..],
            r#"argument "node" has to be a whole number from 0 to 255 (u8), and is "300""#,
        ),
        (&["node=1", "on=yes"], r#"argument "on" has to be true or false (bool), and is "yes""#),
        (&["node=1"], r#"argument "on" of change_power is missing: it is true or false (bool)"#),
        (&["node=1", "on=true", "of=1"], r#"change_power has no argument "of"; it takes node, on, note"#),
        (
            &["--json", r#"{"node": "x"}"#],
            r#"argument "node" has to be a whole number from 0 to 255 (u8), and is "x""#,
        ),
    ] {
        let line = [&["call", "conductor", "change_power"], arguments].concat();
        let ran = rpc(&exchange, &line).await;
        assert_eq!((ran.code, ran.errors.trim()), (2, format!("rpc: {complaint}").as_str()), "{ran:?}");
    }
    for (line, complaint) in [
        (&["call", "conductor", "chnge_power"][..], "has no method \"chnge_power\""),
        (&["call", "conductor", "sync_power", "node=1"], "sync_power is a cast, not a call: use `rpc cast`"),
        (
            &["cast", "conductor", "change_power", "node=1", "on=true"],
            "change_power is a call, not a cast: use `rpc call`",
        ),
        (
            &["fanout", "conductor", "sleep", "milliseconds=1"],
            "sleep is a call, not a fanout: use `rpc call`",
        ),
        (&["call", "conductor", "sleep", "--namespace", "other"], "in namespace \"other\""),
        (
            &["call", "conductor", "sleep", "--interface-version", "1.9"],
            "at version 1.9; its servers have Conductor 1.2 in namespace \"baremetal\": change_power, sleep, ",
        ),
    ] {
        let ran = rpc(&exchange, line).await;
        assert!(ran.code == 2 && ran.errors.contains(complaint), "{ran:?}");
    }
    let stats = rpc(&exchange, &["stats", "--output", "json"]).await.json();
    let calls =
        stats[0]["methods"].as_array().unwrap().iter().map(|method| method["calls"].as_u64().unwrap());
    assert_eq!(
        (calls.sum::<u64>(), stats[0]["refused"].as_object().map(|it| it.len())),
        (0, Some(0)),
        "{stats}"
    );
    assert_eq!(manager.lines(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_call_ends_is_said_by_the_exit_code() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let ran = rpc(&exchange, &["call", "conductor", "sleep", "milliseconds=1"]).await;
    assert!(ran.code == 4 && ran.errors.contains("--untyped"), "{ran:?}");
    let ran = rpc(&exchange, &["call", "conductor", "sleep", "milliseconds=1", "--untyped"]).await;
    assert_eq!(ran.code, 4, "unroutable: {ran:?}");
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let locked = ["call", "conductor", "change_power", "node=13", "on=true"];
    let ran = rpc(&exchange, &locked).await;
    assert_eq!((ran.code, ran.errors.trim()), (1, "rpc: PowerError: node 13 is locked"));
    let ran = rpc(&exchange, &[&locked[..], &["--output", "json"]].concat()).await;
    let error: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
    assert_eq!(
        (&error["error"]["type"], &error["error"]["data"]["Locked"]),
        (&"PowerError".into(), &13.into())
    );
    let ran =
        rpc(&exchange, &["call", "conductor", "sleep", "milliseconds=60000", "--timeout", "300ms"]).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.took < Duration::from_secs(5), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn casts_fanouts_and_gatherings_reach_whom_they_mean() {
    let (exchange, transport) = (exchange(), connect().await);
    let managers = [Manager::default(), Manager::default()];
    let _first = server(&transport, &exchange, "cell-1", &managers[0]).start().await.unwrap();
    let _second = server(&transport, &exchange, "cell-2", &managers[1]).start().await.unwrap();
    let cast = ["cast", "conductor", "sync_power", "node=3", "--server", "cell-2"];
    assert_eq!(rpc(&exchange, &cast).await.code, 0);
    assert_eq!(rpc(&exchange, &["fanout", "conductor", "sync_power", "node=4"]).await.code, 0);
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while managers[1].lines().len() < 2 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((managers[0].lines().len(), managers[1].lines().len()), (1, 2));

    let gathered =
        rpc(&exchange, &["gather", "conductor", "nodes", "--expect", "2", "--output", "json"]).await;
    let mut answers = gathered.json().as_array().unwrap().clone();
    answers.sort_by_key(|answer| answer["server"].to_string());
    let expected = ["cell-1", "cell-2"].map(|server| serde_json::json!({ "server": server, "result": 7 }));
    assert_eq!((gathered.code, answers), (0, expected.to_vec()));
    let ran = rpc(&exchange, &["gather", "conductor", "nodes", "--expect", "3", "--timeout", "500ms"]).await;
    assert!(ran.code == 4 && ran.output.lines().count() == 2, "{ran:?}");
}
