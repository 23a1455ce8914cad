//! Requests reach those that they are for, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::Harness;
use super::support::{next_method, send, serve, stays_quiet, topic, two, unique};
use crate::error::{Code, Executed};
use crate::target::Target;

pub(super) async fn requests_to_a_topic_are_shared_by_its_servers(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (mut first, mut second) = (serve(&one, &target, 1).await, serve(&other, &target, 1).await);
    for number in 0..4 {
        send(&one, &target, &format!("m{number}")).await.unwrap();
    }
    // With a prefetch of 1 and nothing settled, each holds one.
    let held = [super::support::next(&mut first).await, super::support::next(&mut second).await];
    let mut seen: Vec<String> = held.iter().map(super::support::method).collect();
    held.into_iter().for_each(|delivery| delivery.ack().unwrap());
    for _ in 0..2 {
        tokio::select! {
            method = next_method(&mut first) => seen.push(method),
            method = next_method(&mut second) => seen.push(method),
        }
    }
    seen.sort();
    assert_eq!(seen, ["m0", "m1", "m2", "m3"], "each request reaches one server, once");
    stays_quiet(&mut first).await;
    stays_quiet(&mut second).await;
}

pub(super) async fn a_request_to_one_server_reaches_no_other(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (a, b) = (target.clone().server("a"), target.clone().server("b"));
    let (mut shared, mut to_a, mut to_b) =
        (serve(&one, &target, 10).await, serve(&one, &a, 10).await, serve(&other, &b, 10).await);
    send(&one, &b, "for b").await.unwrap();
    assert_eq!(next_method(&mut to_b).await, "for b");
    stays_quiet(&mut to_a).await;
    stays_quiet(&mut shared).await;
}

pub(super) async fn a_fanout_reaches_every_server_once(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut servers = Vec::new();
    for (connection, name) in [(&one, "a"), (&one, "b"), (&other, "c")] {
        servers.push(serve(connection, &target.clone().server(name).fanout(), 10).await);
    }
    let mut shared = serve(&one, &target, 10).await;
    send(&one, &target.clone().fanout(), "all").await.unwrap();
    for server in &mut servers {
        assert_eq!(next_method(server).await, "all");
        stays_quiet(server).await;
    }
    stays_quiet(&mut shared).await;
}

pub(super) async fn a_fanout_to_nobody_is_taken(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    send(&one, &target.clone().fanout(), "nobody hears").await.unwrap();
    let mut late = serve(&other, &target.clone().server("late").fanout(), 10).await;
    stays_quiet(&mut late).await;
}

pub(super) async fn a_request_to_nobody_is_unroutable_at_once(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    for target in [target.clone(), target.server("nobody")] {
        let sending = send(&one, &target, "lost");
        let error = tokio::time::timeout(Duration::from_secs(2), sending)
            .await
            .expect("it fails fast")
            .expect_err("nobody is there");
        assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent), "{error}");
    }
}

pub(super) async fn a_request_waits_for_a_server_that_is_away(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = topic();
    for target in [topic.clone(), topic.server("a")] {
        let mut server = serve(&one, &target, 10).await;
        server.stop().await;
        server.close().await;
        send(&other, &target, "kept").await.unwrap();
        assert_eq!(next_method(&mut serve(&other, &target, 10).await).await, "kept");
    }
}

pub(super) async fn similar_names_do_not_meet(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let base = unique("t");
    let targets = [
        Target::topic(base.clone()).server("b.c"),
        Target::topic(base.clone()).server("b").exchange(format!("x.{base}")),
        Target::topic(format!("{base}.b")),
        Target::topic(format!("{base}.b")).server("c"),
        Target::topic(base.clone()).server("*"),
        Target::topic(base.clone()).server("#"),
        Target::topic(format!("{base}.*")),
        Target::topic(format!("{base}%2Eb")),
        Target::topic(base),
    ];
    let mut servers = Vec::new();
    for target in &targets {
        servers.push(serve(&one, target, 10).await);
    }
    for target in &targets {
        send(&one, target, &target.to_string()).await.unwrap();
    }
    for (target, server) in targets.iter().zip(&mut servers) {
        assert_eq!(next_method(server).await, target.to_string());
        stays_quiet(server).await;
    }
}

pub(super) async fn exchanges_are_apart(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let here = topic().exchange(unique("here"));
    let there = here.clone().exchange(unique("there"));
    let (mut at_here, mut at_there) = (serve(&one, &here, 10).await, serve(&one, &there, 10).await);
    let mut fanout_there = serve(&one, &there.clone().server("s").fanout(), 10).await;
    send(&one, &here, "here").await.unwrap();
    send(&one, &here.clone().fanout(), "here").await.unwrap();
    assert_eq!(next_method(&mut at_here).await, "here");
    stays_quiet(&mut at_there).await;
    stays_quiet(&mut fanout_there).await;
}

pub(super) async fn unroutable_among_many_hits_the_right_ones(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let (somebody, nobody) = (topic(), topic());
    let _server = serve(&one, &somebody, 1).await;
    let outcomes = join_all((0..400).map(|number| {
        let (one, target) = (&one, if number % 4 == 0 { &nobody } else { &somebody });
        async move { send(one, target, "many").await.map_err(|error| error.code()) }
    }))
    .await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let expected = if number % 4 == 0 { Err(Code::Unroutable) } else { Ok(()) };
        assert_eq!(outcome, expected, "request {number}");
    }
}
