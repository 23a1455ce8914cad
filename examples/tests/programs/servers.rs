//! Which server runs what.

use std::collections::BTreeMap;

use serde_json::json;
use tests::broker::unique;

use crate::program::{Client, call, server};

#[test]
fn a_server_that_is_ready_is_callable() {
    let (topic, mut client) = (unique("ready"), Client::start());
    for number in 0..5 {
        let name = format!("s{number}");
        let _server = server(&topic, &name);
        assert_eq!(client.call(&topic, Some(&name), "whoami", json!({})), json!(name));
    }
}

#[test]
fn servers_share_calls_and_keep_what_is_theirs() {
    let (topic, mut client) = (unique("share"), Client::start());
    let names = ["a", "b.example.org", "c"];
    let _servers = names.map(|name| server(&topic, name));

    let mut shared = BTreeMap::<String, usize>::new();
    let calls: Vec<_> = (0..60).map(|_| client.send(call(&topic, None, "whoami", json!({})))).collect();
    for id in calls {
        *shared.entry(client.answer(id)["ok"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(shared.keys().collect::<Vec<_>>(), names, "{shared:?}");

    for name in names {
        for _ in 0..5 {
            assert_eq!(client.call(&topic, Some(name), "whoami", json!({})), json!(name));
        }
    }
    let extra =
        json!({"op": "call", "topic": topic, "namespace": "extra", "version": "2.1", "method": "whoami"});
    assert!(client.perform(extra)["ok"].is_string());
}

#[test]
fn a_fanout_reaches_each_server_once_and_a_cast_one() {
    let (topic, mut client) = (unique("fanout"), Client::start());
    let names = ["a", "b", "c"];
    let _servers = names.map(|name| server(&topic, name));
    let append = |op: &str, text: &str, server: Option<&str>| json!({"op": op, "topic": topic, "server": server, "method": "append", "args": {"text": text}});
    assert_eq!(client.perform(append("fanout", "to all", None))["ok"], json!(null));
    assert_eq!(client.perform(append("cast", "to one", None))["ok"], json!(null));
    assert_eq!(client.perform(append("cast", "to b", Some("b")))["ok"], json!(null));

    // What was routed has still to run; a call to the same queue runs beside it, so it is asked for until it is there.
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen = names.map(|name| client.call(&topic, Some(name), "seen", json!({}))).to_vec();
        if seen.iter().map(|log| log.as_array().unwrap().len()).sum::<usize>() >= 5 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let count = |text: &str| {
        let times =
            |log: &serde_json::Value| log.as_array().unwrap().iter().filter(|it| **it == json!(text)).count();
        seen.iter().map(times).collect::<Vec<_>>()
    };
    assert_eq!(count("to all"), [1, 1, 1]);
    assert_eq!(count("to b"), [0, 1, 0]);
    assert_eq!(count("to one").iter().sum::<usize>(), 1);
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_runs() {
    let (topic, mut client) = (unique("stop"), Client::start());
    let mut leaving = server(&topic, "leaving");
    let running = client.send(call(&topic, Some("leaving"), "sleep", json!({"seconds": 1.5})));
    // Answered beside the sleeper, so that has begun.
    client.call(&topic, Some("leaving"), "whoami", json!({}));
    leaving.terminate();
    assert_eq!(client.answer(running)["ok"], json!(1.5));
    assert!(leaving.status().success());
}

#[test]
fn rolling_restarts_fail_no_call() {
    let (topic, mut client) = (unique("rolling"), Client::start());
    let _staying = server(&topic, "staying");
    let mut calls = Vec::new();
    for _ in 0..3 {
        let mut leaving = server(&topic, "leaving");
        for _ in 0..100 {
            calls.push(client.send(call(&topic, None, "sleep", json!({"seconds": 0.05}))));
        }
        leaving.terminate();
        for _ in 0..100 {
            calls.push(client.send(call(&topic, None, "sleep", json!({"seconds": 0.05}))));
        }
        assert!(leaving.status().success());
    }
    for id in calls {
        let answer = client.answer(id);
        assert_eq!(answer["ok"], json!(0.05), "{answer}");
    }
}

#[test]
fn the_client_finishes_what_is_pending_at_the_end_of_its_input() {
    let (topic, mut client) = (unique("end"), Client::start());
    let _server = server(&topic, "a");
    let id = client.send(call(&topic, None, "sleep", json!({"seconds": 0.5})));
    client.program.end_input();
    assert_eq!(client.answer(id)["ok"], json!(0.5));
    assert!(client.program.status().success());
}
