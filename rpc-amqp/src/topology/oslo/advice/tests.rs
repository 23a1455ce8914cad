//! What is advised, and what comes of it.

use proptest::prelude::*;
use rpc_core::transport::Source;
use rpc_core::{MessageId, ReplyAddress, Target};

use super::*;
use crate::queue_manager::OwnName;
use crate::settings::{OsloOptions, QueueType};
use crate::topology::oslo::Oslo;
use crate::url::BrokerUrl;

/// The exchanges and queues of a process that was given `query`.
fn declared(query: &str) -> Option<Vec<Declaration>> {
    let url: BrokerUrl = format!("amqp://h?{query}").parse().unwrap();
    let (options, queue_type) =
        (url.query.oslo.applied_to(OsloOptions::default()), url.query.queue_type.unwrap_or_default());
    options.check(queue_type).ok()?;
    let oslo = Oslo::new(&options, queue_type, None);
    let own = OwnName::Random(MessageId::parse("0123456789abcdef0123456789abcdef").unwrap());
    let target = Target::topic("t");
    let sources = [
        Source::Requests(target.clone()),
        Source::Requests(target.fanout()),
        Source::Replies(ReplyAddress::checked_by_transport("reply_1")),
    ];
    let plans = sources.iter().flat_map(|source| oslo.plan(source, &own).unwrap().declarations);
    Some(plans.filter(|it| it.properties().is_some()).collect())
}

/// What is advised to one of `ours`, where it is there as `theirs` is.
fn advised(ours: &str, theirs: &str, index: usize) -> Option<String> {
    let (ours, theirs) = (declared(ours).unwrap(), declared(theirs).unwrap());
    advice(&ours[index], &theirs[index].properties().unwrap())
}

#[test]
fn the_option_that_differs_is_named_with_its_name_in_python() {
    let [exchange, queue, fanout_exchange, fanout, reply] = [0, 1, 2, 3, 4];
    for (ours, theirs, index, expected) in [
        ("", "durable=true", exchange, "set durable=true (in Python amqp_durable_queues=true) to agree"),
        ("durable=true", "", queue, "set durable=false (in Python amqp_durable_queues=false) to agree"),
        (
            "",
            "queue_type=quorum",
            queue,
            "set queue_type=quorum (in Python rabbit_quorum_queue=true) to agree",
        ),
        (
            "queue_type=quorum",
            "auto_delete=true",
            queue,
            "set queue_type=classic (in Python rabbit_quorum_queue=false) and durable=false (in Python \
             amqp_durable_queues=false) and auto_delete=true (in Python amqp_auto_delete=true) to agree",
        ),
        (
            "queue_type=quorum",
            "queue_type=quorum&quorum_delivery_limit=5",
            queue,
            "set quorum_delivery_limit=5 (in Python rabbit_quorum_delivery_limit=5) to agree",
        ),
        ("", "ha_queues=true", reply, "set ha_queues=true (in Python rabbit_ha_queues=true) to agree"),
        (
            "",
            "transient_quorum=true",
            fanout_exchange,
            "set transient_quorum=true (in Python rabbit_transient_quorum_queue=true) to agree",
        ),
        (
            "transient_quorum=true",
            "transient_queues_ttl=60",
            fanout,
            "set transient_quorum=false (in Python rabbit_transient_quorum_queue=false) and \
             transient_queues_ttl=60 (in Python rabbit_transient_queues_ttl=60) to agree",
        ),
        (
            "transient_quorum=true&stream_fanout=true",
            "transient_quorum=true&stream_fanout=true&transient_queues_ttl=0",
            fanout,
            "set transient_queues_ttl=0 (in Python rabbit_transient_queues_ttl=0) to agree",
        ),
    ] {
        let advised = advised(ours, theirs, index).unwrap();
        assert!(advised.starts_with(expected), "{ours} and {theirs}: {advised}");
    }
    assert_eq!(advised("durable=true", "durable=true", queue), None);
}

#[test]
fn what_no_peer_makes_is_said_to_be_foreign() {
    let declared = declared("").unwrap();
    let mut found = declared[1].properties().unwrap();
    found.set("x-message-ttl".into(), Some(Argument::Number(5)));
    let text = advice(&declared[1], &found).unwrap();
    assert!(text.starts_with("it has x-message-ttl=5, for which Python has no option"), "{text}");
    found.set(QUEUE_TYPE.into(), Some(Argument::Text("stream".into())));
    let text = advice(&declared[1], &found).unwrap();
    assert!(text.starts_with("it has x-queue-type=stream and x-message-ttl=5,"), "{text}");
    let native = Declaration::exchange("x".to_owned(), ExchangeKind::Topic);
    assert_eq!(advice(&native, &found), None);
}

fn any_query() -> impl Strategy<Value = String> {
    let limit = || 0..3_u32;
    (any::<[bool; 6]>(), limit(), limit(), limit(), 0..4_u32).prop_map(|(flags, deliveries, length, bytes, ttl)| {
        let [durable, auto_delete, quorum, transient_quorum, stream, ha] = flags;
        let queue_type = if quorum { QueueType::Quorum } else { QueueType::Classic };
        format!(
            "durable={durable}&auto_delete={auto_delete}&queue_type={}&transient_quorum={transient_quorum}\
             &stream_fanout={stream}&ha_queues={ha}&quorum_delivery_limit={deliveries}\
             &quorum_max_memory_length={length}&quorum_max_memory_bytes={bytes}&transient_queues_ttl={ttl}",
            queue_type.as_str()
        )
    })
}

/// `query` with what was advised.
fn followed(query: &str, advised: &str) -> String {
    let settings = advised.strip_prefix("set ").unwrap().split(" to agree with").next().unwrap();
    let settings: Vec<(&str, &str)> = settings
        .split(" and ")
        .map(|setting| setting.split_once(" (in Python").unwrap().0.split_once('=').unwrap())
        .collect();
    let pairs = query.split('&').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        let set = settings.iter().find_map(|(option, value)| (*option == key).then_some(*value));
        format!("{key}={}", set.unwrap_or(value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

proptest! {
    #[test]
    fn who_does_what_is_advised_declares_what_is_there(ours in any_query(), theirs in any_query()) {
        let (Some(wanted), Some(found)) = (declared(&ours), declared(&theirs)) else { return Ok(()) };
        for (index, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
            // A stream has the name of its topic alone, and so never meets another queue.
            if wanted.name() != found.name() {
                continue;
            }
            let found = found.properties().unwrap();
            // Limits of quorum queues show only once it is known that there are to be any.
            let (mut ours, mut wanted) = (ours.clone(), Some(wanted.clone()));
            for _ in 0..2 {
                let advised = wanted.as_ref().and_then(|wanted| advice(wanted, &found));
                let Some(advised) = advised else { break };
                ours = followed(&ours, &advised);
                wanted = declared(&ours).map(|all| all[index].clone());
            }
            // It may not go together with the rest; then whoever has set the rest is told.
            if let Some(wanted) = wanted {
                prop_assert_eq!(wanted.properties().unwrap(), found, "{}", ours);
            }
        }
    }
}
