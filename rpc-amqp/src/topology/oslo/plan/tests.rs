//! What is declared under each option.

use std::time::Duration;

use rpc_core::{MessageId, Priority};

use super::*;
use crate::queue_manager::QueueManager;
use crate::settings::{OsloOptions, QueueType};

fn wanted(options: &OsloOptions, queue_type: QueueType, source: &Source) -> Vec<String> {
    let plan = Oslo::new(options, queue_type, None).plan(source, &own()).unwrap();
    plan.declarations.iter().map(Declaration::wanted).collect()
}

fn own() -> OwnName {
    OwnName::Random(MessageId::parse("0123456789abcdef0123456789abcdef").unwrap())
}

fn subscription(pool: Option<&str>) -> Source {
    let mut subscription = Subscription::new(vec!["n".to_owned(), "n".to_owned()]);
    subscription.priorities = vec![Priority::Info, Priority::Error];
    subscription.pool = pool.map(str::to_owned);
    Source::Notifications(subscription)
}

/// DV-16, DV-17, DV-37: names, types, durability and arguments when peers are told nothing.
#[test]
fn dv_17_the_defaults_are_pythons() {
    let wanted = |source: &Source| wanted(&OsloOptions::default(), QueueType::Classic, source);
    let target = Target::topic("t").server("s");
    assert_eq!(
        wanted(&Source::Requests(target.clone().any())),
        [
            r#"transient topic exchange "openstack""#,
            r#"transient queue "t""#,
            r#"binding of queue "t" to exchange "openstack" by "t""#
        ]
    );
    assert_eq!(
        wanted(&Source::Requests(target.clone().exchange("e"))),
        [
            r#"transient topic exchange "e""#,
            r#"transient queue "t.s""#,
            r#"binding of queue "t.s" to exchange "e" by "t.s""#
        ]
    );
    let fanout = r#""t_fanout_0123456789abcdef0123456789abcdef""#;
    assert_eq!(
        wanted(&Source::Requests(target.exchange("e").fanout())),
        [
            r#"transient auto-delete fanout exchange "t_fanout""#.to_owned(),
            format!("transient queue {fanout} with x-expires=1800000"),
            format!(r#"binding of queue {fanout} to exchange "t_fanout" by "t""#)
        ]
    );
    assert_eq!(
        wanted(&Source::Replies(ReplyAddress::checked_by_transport("reply_1"))),
        [r#"transient queue "reply_1" with x-expires=1800000"#]
    );
    assert_eq!(
        wanted(&subscription(None)),
        [
            r#"transient topic exchange "openstack""#,
            r#"transient queue "n.info""#,
            r#"binding of queue "n.info" to exchange "openstack" by "n.info""#,
            r#"transient queue "n.error""#,
            r#"binding of queue "n.error" to exchange "openstack" by "n.error""#
        ]
    );
    assert_eq!(
        wanted(&subscription(Some("p")))[1..],
        [
            r#"transient queue "p""#,
            r#"binding of queue "p" to exchange "openstack" by "n.info""#,
            r#"binding of queue "p" to exchange "openstack" by "n.error""#
        ]
    );
}

fn replies() -> Source {
    Source::Replies(ReplyAddress::checked_by_transport("reply_1"))
}

/// The exchange and the queue.
fn start(source: &Source, options: &OsloOptions, queue_type: QueueType) -> [String; 2] {
    let wanted = wanted(options, queue_type, source);
    [wanted[0].clone(), wanted[1].clone()]
}

#[test]
fn dv_18_the_options_are_pythons() {
    let requests = Source::Requests(Target::topic("t"));
    let fanout = Source::Requests(Target::topic("t").fanout());
    let classic = |source: &Source, options: &OsloOptions| start(source, options, QueueType::Classic);
    let default = OsloOptions::default;

    let options = OsloOptions { durable: true, ..default() };
    let durable = [r#"durable topic exchange "openstack""#, r#"durable queue "t""#];
    assert_eq!(classic(&requests, &options), durable);
    assert!(classic(&fanout, &options)[0].starts_with("transient auto-delete"));
    let options = OsloOptions { auto_delete: true, ..default() };
    let passing =
        [r#"transient auto-delete topic exchange "openstack""#, r#"transient auto-delete queue "t""#];
    assert_eq!(classic(&requests, &options), passing);
    let options = OsloOptions { transient_queues_ttl: Duration::ZERO, ..default() };
    assert!(!classic(&fanout, &options)[1].contains("x-expires"));
    let options = OsloOptions { transient_queues_ttl: Duration::from_millis(2_900), ..default() };
    assert!(classic(&fanout, &options)[1].ends_with("x-expires=2000"));

    let options = OsloOptions { ha_queues: true, ..default() };
    assert_eq!(classic(&requests, &options)[1], r#"transient queue "t" with x-ha-policy=all"#);
    assert!(classic(&fanout, &options)[1].ends_with(" with x-ha-policy=all, x-expires=1800000"));
    let wanted = wanted(&options, QueueType::Classic, &replies());
    assert_eq!(wanted, [r#"transient queue "reply_1" with x-ha-policy=all, x-expires=1800000"#]);
}

#[test]
fn dv_19_20_quorum_queues_have_their_limits() {
    let requests = Source::Requests(Target::topic("t"));
    let fanout = Source::Requests(Target::topic("t").fanout());
    let default = OsloOptions::default;
    let durable = r#"durable topic exchange "openstack""#;
    assert_eq!(
        start(&requests, &default(), QueueType::Quorum),
        [durable, r#"durable queue "t" with x-queue-type=quorum"#]
    );
    let options = OsloOptions {
        quorum_delivery_limit: 5,
        quorum_max_memory_length: 6,
        quorum_max_memory_bytes: 1 << 40,
        ..default()
    };
    let limits = "x-queue-type=quorum, x-delivery-limit=5, x-max-in-memory-length=6, \
                  x-max-in-memory-bytes=1099511627776";
    let queue = format!(r#"durable queue "t" with {limits}"#);
    assert_eq!(start(&requests, &options, QueueType::Quorum), [durable, &queue]);
    // Without quorum queues they mean nothing, as there.
    assert_eq!(start(&requests, &options, QueueType::Classic)[1], r#"transient queue "t""#);

    let [exchange, queue] =
        start(&fanout, &OsloOptions { transient_quorum: true, ..default() }, QueueType::Classic);
    assert_eq!(exchange, r#"durable auto-delete fanout exchange "t_fanout""#);
    assert!(queue.ends_with(" with x-queue-type=quorum, x-expires=1800000"), "{queue}");
    let options = OsloOptions { transient_quorum: true, ..options };
    let wanted = wanted(&options, QueueType::Classic, &replies());
    assert_eq!(wanted, [format!(r#"durable queue "reply_1" with {limits}, x-expires=1800000"#)]);
}

#[test]
fn dv_21_fanouts_of_all_servers_are_in_one_stream() {
    let options = OsloOptions { transient_quorum: true, stream_fanout: true, ..OsloOptions::default() };
    let fanout = Source::Requests(Target::topic("t").fanout());
    assert_eq!(
        wanted(&options, QueueType::Classic, &fanout),
        [
            r#"durable auto-delete fanout exchange "t_fanout""#,
            r#"durable queue "t_fanout" with x-queue-type=stream, x-max-age=1800s"#,
            r#"binding of queue "t_fanout" to exchange "t_fanout" by "t""#,
        ]
    );
    let for_ever = OsloOptions { transient_queues_ttl: Duration::ZERO, ..options.clone() };
    assert!(
        start(&fanout, &for_ever, QueueType::Classic)[1].ends_with(r#""t_fanout" with x-queue-type=stream"#)
    );
    let oslo = Oslo::new(&options, QueueType::Classic, None);
    let plan = oslo.plan(&fanout, &own()).unwrap();
    assert_eq!((plan.queues[0].stream, plan.queues[0].ends_with_consumer), (Some(Position::Next), false));
    // The exchange is gone with its last queue, so whoever only looks for the rest makes it, and what leads from it.
    let shared: Vec<_> = plan.declarations.iter().map(|it| it.is_shared(&plan.declarations)).collect();
    assert_eq!(shared, [false, true, false]);
    let plan = oslo.plan(&Source::Requests(Target::topic("t")), &own()).unwrap();
    assert_eq!(plan.queues[0].stream, None);
}

#[test]
fn fn_30_consumers_ask_to_be_told_of_a_failover() {
    let options = OsloOptions { cancel_on_failover: true, stream_fanout: true, ..OsloOptions::default() };
    let asks = |options: &OsloOptions, queue_type, source: Source| {
        let oslo = Oslo::new(options, queue_type, None);
        oslo.plan(&source, &own()).unwrap().queues[0].cancels_on_failover
    };
    let requests = || Source::Requests(Target::topic("t"));
    for source in [requests(), replies(), subscription(None)] {
        assert!(asks(&options, QueueType::Classic, source));
    }
    let fanouts = Source::Requests(Target::topic("t").fanout());
    assert!(!asks(&options, QueueType::Classic, fanouts), "a stream");
    assert!(!asks(&options, QueueType::Quorum, requests()), "brokers refuse it there");
    let quorum = OsloOptions { transient_quorum: true, ..options };
    assert!(!asks(&quorum, QueueType::Classic, replies()));
}

#[test]
fn what_is_of_one_process_is_made_even_when_the_rest_is_only_looked_for() {
    let options = OsloOptions { transient_queues_ttl: Duration::ZERO, ..OsloOptions::default() };
    let oslo = Oslo::new(&options, QueueType::Classic, None);
    let shared = |source: Source| {
        let declarations = oslo.plan(&source, &own()).unwrap().declarations;
        declarations.iter().map(|it| it.is_shared(&declarations)).collect::<Vec<_>>()
    };
    assert_eq!(shared(Source::Requests(Target::topic("t"))), [true, true, true]);
    assert_eq!(shared(Source::Requests(Target::topic("t").fanout())), [false, false, false]);
    assert_eq!(shared(replies()), [false]);
}

#[test]
fn dv_24_only_the_queue_of_fanouts_goes_with_its_consumer() {
    let oslo = Oslo::new(&OsloOptions::default(), QueueType::Classic, None);
    let ends = |source: Source| oslo.plan(&source, &own()).unwrap().queues[0].ends_with_consumer;
    let target = Target::topic("t").server("s");
    assert!(ends(Source::Requests(target.clone().fanout())));
    assert!(!ends(Source::Requests(target.clone())) && !ends(Source::Requests(target.any())));
    assert!(!ends(replies()) && !ends(subscription(Some("p"))));
}

#[test]
fn dv_23_24_a_queue_that_comes_again_stays_and_has_one_consumer() {
    let process = MessageId::random().to_string();
    let options = OsloOptions {
        use_queue_manager: true,
        hostname: Some("h".to_owned()),
        processname: Some(process.clone()),
        ..OsloOptions::default()
    };
    let folder = std::env::temp_dir().join(format!("plan-{process}"));
    std::fs::create_dir(&folder).unwrap();
    let manager = Some(QueueManager::new(format!("h:{process}"), &folder).unwrap());
    let oslo = Oslo::new(&options, QueueType::Classic, manager.clone());
    let fanout = Source::Requests(Target::topic("t").fanout());
    let (own, other) = (oslo.own_name(&fanout).unwrap(), oslo.own_name(&fanout).unwrap());
    let plan = oslo.plan(&fanout, &own).unwrap();
    assert_eq!(plan.queues[0].name, format!("t_fanout_h:{process}:1"));
    assert_eq!((plan.queues[0].is_sole, plan.queues[0].ends_with_consumer), (true, false));
    assert_eq!(oslo.plan(&fanout, &other).unwrap().queues[0].name, format!("t_fanout_h:{process}:2"));
    assert_eq!(oslo.reply_address().as_str(), format!("reply_h:{process}:1"));
    assert!(oslo.plan(&replies(), &own).unwrap().queues[0].is_sole);
    assert!(!oslo.plan(&Source::Requests(Target::topic("t")), &own).unwrap().queues[0].is_sole);
    // A stream is of all servers, so nobody's own name is in it.
    let options = OsloOptions { transient_quorum: true, stream_fanout: true, ..options };
    let oslo = Oslo::new(&options, QueueType::Classic, manager);
    assert!(matches!(oslo.own_name(&fanout), Ok(OwnName::Random(_))));
    assert!(!oslo.plan(&fanout, &own).unwrap().queues[0].is_sole);
    std::fs::remove_dir_all(&folder).unwrap();
}
