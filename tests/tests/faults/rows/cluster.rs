//! A5 and I: three nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tests::broker::Broker;
use tests::checker::Kind;

use super::{Needs, Row};
use crate::scenario::{burst, mixed};
use crate::stage::Stage;

pub(super) const ROWS: &[Row] = &[
    Row::new("A5", "each of three nodes is killed and started in turn, 20 s apart", 150, rolling_restart)
        .on(Needs::Cluster),
    Row::new("I-1", "the node of the leader is killed", 60, leader_killed).on(Needs::Cluster),
    Row::new("I-2", "a node stands still until the others give it up", 60, minority).on(Needs::Cluster),
    Row::new("I-4a", "the node of a classic reply queue is down", 60, home_of_replies_down)
        .on(Needs::Cluster),
    Row::new("I-4b", "the node of a classic service queue is down", 60, home_of_requests_down)
        .on(Needs::Cluster),
    Row::new("I-5", "the leader moves under load, six times; order is not looked at", 45, leader_moves)
        .on(Needs::Cluster),
];

/// How long a node may take to be back with the others.
const JOIN: Duration = Duration::from_secs(90);

fn start_with_quorum(stage: &mut Stage<'_>) {
    start_with(stage, "&queue_type=quorum");
}

fn start_with(stage: &mut Stage<'_>, query: &str) {
    whole(stage);
    stage.use_cluster();
    stage.query = query.to_owned();
    stage.start_all();
}

/// Starts what does not run, and waits until all see each other.
fn whole(stage: &mut Stage<'_>) {
    for node in stage.cluster().nodes() {
        if !node.is_running() {
            node.kill();
            node.start_again();
        }
    }
    let joined = stage.until(JOIN, |stage| stage.cluster().running() == 3);
    assert!(joined, "three nodes find each other");
}

fn service_queue(stage: &Stage<'_>) -> String {
    format!("rpc.{}.chaos", stage.exchange)
}

/// The place of a node among the three.
fn place(stage: &mut Stage<'_>, name: &str) -> usize {
    let found = stage.cluster().nodes().iter().position(|node| node.node() == name);
    found.unwrap_or_else(|| panic!("{name} is none of our nodes"))
}

fn node<'s>(stage: &'s mut Stage<'_>, place: usize) -> &'s Broker {
    &stage.cluster().nodes()[place]
}

fn rolling_restart(stage: &mut Stage<'_>) {
    // A classic queue is away with its node, and so are the replies in it: that is I-4a.
    start_with(stage, "&queue_type=quorum&reply_queue_type=quorum");
    let used = stage.nodes.iter().filter(|proxy| proxy.connections_open() > 0).count();
    stage.expect(used >= 2, || "A5: all connections are with one node".to_owned());
    stage.process("client").ask(&mixed());
    std::thread::sleep(Duration::from_millis(1_500));
    for place in 0..3 {
        stage.fault("SIGKILL and start of each node, 20 s apart");
        let since = Instant::now();
        node(stage, place).kill();
        node(stage, place).start_again();
        whole(stage);
        std::thread::sleep(Duration::from_secs(20).saturating_sub(since.elapsed()));
    }
    stage.lifted();
    stage.heal_briefly();
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
    let verdict = stage.judge();
    let [call, idempotent] = [Kind::Call, Kind::Idempotent].map(|kind| verdict.tally(kind));
    let reasons = reasons(stage, &[Kind::Call, Kind::Idempotent]);
    let list =
        || reasons.iter().map(|(reason, count)| format!("{count} x {reason}")).collect::<Vec<_>>().join("; ");
    stage.expect(idempotent.ok == idempotent.sent, || format!("A5: {idempotent:?}: {}", list()));
    // Sent, and not confirmed when its node died: nobody knows whether it ran, so only an idempotent one is sent again.
    let in_doubt =
        reasons.iter().filter(|(reason, _)| reason.contains(IN_DOUBT)).map(|(_, count)| *count).sum::<u64>();
    stage.expect(call.sent - call.ok == in_doubt && in_doubt <= MOST_IN_DOUBT, || {
        format!("A5: {call:?}, {in_doubt} of them in doubt: {}", list())
    });
    stage.note(format!(
        "A5: {in_doubt} of {} calls that are not idempotent were on their way to a node that died",
        call.sent
    ));
}

/// What a caller is told whose request was on its way when its link broke.
const IN_DOUBT: &str = "link_was_lost_before_the_broker_confirmed";
/// At 100 calls a second, which a majority confirms within 100 ms, ten are on their way whenever a node dies.
const MOST_IN_DOUBT: u64 = 30;

/// Why requests of these kinds failed, with how many for each reason.
fn reasons(stage: &mut Stage<'_>, kinds: &[Kind]) -> BTreeMap<String, u64> {
    let is_wanted = |word: Option<&str>| kinds.iter().any(|kind| Some(kind.as_str()) == word);
    let ids: BTreeSet<String> = stage
        .entries()
        .iter()
        .filter(|entry| entry.event == "invoked" && is_wanted(entry.detail("kind")))
        .map(|entry| entry.subject.clone())
        .collect();
    let mut counts = BTreeMap::new();
    let resolved = stage.entries().iter().filter(|entry| entry.event == "resolved");
    for entry in resolved.filter(|it| it.detail("outcome") != Some("ok") && ids.contains(&it.subject)) {
        let words = ["outcome", "executed", "text"].map(|name| entry.detail(name).unwrap_or_default());
        *counts.entry(words.join(" ").chars().take(150).collect()).or_default() += 1;
    }
    counts
}

/// The others elect another one, and nothing that was confirmed is lost.
fn leader_killed(stage: &mut Stage<'_>) {
    start_with_quorum(stage);
    let queue = service_queue(stage);
    stage.under_load(&mixed(), |stage| {
        stage.fault("SIGKILL of the node that leads the service queue");
        stage.cluster().leader(&queue).expect("a leader").kill();
        // It stays down while everything has to work again.
        stage.lifted();
    });
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
    whole(stage);
    stage.client_does(&burst(Kind::Call, 20));
}

/// Who is connected to it moves to another node.
fn minority(stage: &mut Stage<'_>) {
    start_with_quorum(stage);
    let place = (0..3).max_by_key(|place| stage.nodes[*place].connections_open()).unwrap_or(0);
    stage.under_load(&mixed(), |stage| {
        stage.fault("SIGSTOP of the node with most of the connections, for good");
        node(stage, place).pause();
        // The others notice after 5 to 6.25 s, clients after 2H + 1 s; then there may be an election.
        std::thread::sleep(Duration::from_secs(7));
        stage.lifted();
    });
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
    node(stage, place).resume();
    node(stage, place).kill();
    whole(stage);
    stage.client_does(&burst(Kind::Call, 20));
}

/// The node where a classic queue lives.
fn home(stage: &mut Stage<'_>, queue: &str) -> usize {
    let eval = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), node(amqqueue:get_pid(Q))."
    );
    let answer = stage.broker().ctl(&["eval", &eval]);
    place(stage, answer.trim().trim_matches('\''))
}

/// Classic queues, with those of replies and of requests on two nodes.
fn start_apart(stage: &mut Stage<'_>) -> (usize, usize) {
    whole(stage);
    stage.use_cluster();
    stage.server("one", &[]);
    stage.listener("audit");
    let queue = service_queue(stage);
    let of_requests = home(stage, &queue);
    for _ in 0..12 {
        stage.client("client");
        stage.client_does(&burst(Kind::Call, 1));
        let replies = stage.reply_queue();
        let of_replies = home(stage, &replies);
        if of_replies != of_requests {
            stage.warm_up();
            return (of_replies, of_requests);
        }
        stage.remove("client").end(Duration::from_secs(8));
    }
    panic!("the reply queue is where the service queue is, twelve times");
}

/// A new reply queue is made on a node that runs. Events may live on the node that is gone, so none are sent.
fn home_of_replies_down(stage: &mut Stage<'_>) {
    let (of_replies, _) = start_apart(stage);
    stage.under_load(
        &tests::chaos::Words::new("load").with("call-rate", 50).with("idempotent-rate", 20),
        |stage| {
            stage.fault("SIGKILL of the node where the reply queue lives");
            node(stage, of_replies).kill();
            stage.lifted();
        },
    );
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
    whole(stage);
    stage.client_does(&burst(Kind::Call, 20));
}

/// Nobody can serve from a queue whose node is down: callers are told soon, the log of the server says where the queue
/// lives, and all is well when the node is back.
fn home_of_requests_down(stage: &mut Stage<'_>) {
    let (_, of_requests) = start_apart(stage);
    let load = tests::chaos::Words::new("load").with("call-rate", 50).with("deadline", 3_000);
    stage.under_load(&load, |stage| {
        stage.fault("SIGKILL of the node where the service queue lives, for 8 s");
        node(stage, of_requests).kill();
        std::thread::sleep(Duration::from_secs(4));
        let seen = stage.entries().len();
        std::thread::sleep(Duration::from_secs(4));
        let late: Vec<_> =
            stage.entries()[seen..].iter().filter(|it| it.event == "resolved").cloned().collect();
        let sent = late.iter().filter(|it| it.detail("executed") != Some("not_sent")).count();
        stage.expect(!late.is_empty() && sent == 0, || {
            format!("I-4: {sent} of {} calls to a queue that is down are not `not sent`", late.len())
        });
        let name = node(stage, of_requests).node().to_owned();
        let log = stage.process("one").log();
        stage.expect(log.contains(&name), || format!("I-4: the log of the server does not name {name}"));
        whole(stage);
        stage.lifted();
    });
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
    stage.client_does(&burst(Kind::Call, 20));
}

fn leader_moves(stage: &mut Stage<'_>) {
    start_with_quorum(stage);
    let queue = service_queue(stage);
    stage.under_load(&mixed(), |stage| {
        stage.fault("the leader of the service queue moves, six times");
        for number in 0..6 {
            let to = node(stage, number % 3).node().to_owned();
            let eval = format!(
                "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), \
                 rabbit_quorum_queue:transfer_leadership(Q, '{to}')."
            );
            stage.broker().ctl(&["eval", &eval]);
            std::thread::sleep(Duration::from_secs(1));
        }
        stage.cluster().rebalance();
        stage.lifted();
    });
    stage.process("client").ask(&tests::chaos::Words::new("stop"));
}
