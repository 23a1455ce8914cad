//! From [`BrokerUrl`] to text with the password: for tests only.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;

use super::oslo::OsloKeys;
use super::percent::encode;
use super::{AuthMechanism, BrokerUrl, Node, Query, Scheme};
use crate::secret::Secret;
use crate::settings::{OsloCompression, OsloOptions, QueueType, RequestRouting, Topology, Wire};

pub(super) fn render(url: &BrokerUrl) -> String {
    let scheme = if url.scheme == Scheme::Tls { "amqps" } else { "amqp" };
    let nodes: Vec<_> = url.nodes.iter().map(render_node).collect();
    let query = &url.query;
    let pairs = [
        query.heartbeat.map(|time| format!("heartbeat={}", time.as_secs())),
        query.connection_timeout.map(|time| format!("connection_timeout={}", time.as_secs())),
        query.blocked_timeout.map(|time| format!("blocked_timeout={}", time.as_secs())),
        query.most_prefetch.map(|most| format!("prefetch={most}")),
        query.queue_type.map(|queue_type| format!("queue_type={}", queue_type.as_str())),
        query.reply_queue_type.map(|queue_type| format!("reply_queue_type={}", queue_type.as_str())),
        query.request_routing.map(|routing| format!("request_routing={}", routing.as_str())),
        query.topology.map(|topology| format!("topology={}", topology.as_str())),
        query.user_id.map(|is_on| format!("user_id={}", if is_on { "on" } else { "off" })),
        query.wire.map(|wire| format!("wire={}", wire.as_str())),
    ];
    let pairs: Vec<_> = pairs.into_iter().chain(oslo_pairs(&query.oslo)).flatten().collect();
    format!("{scheme}://{}/{}?{}", nodes.join(","), encode(&url.vhost), pairs.join("&"))
}

fn oslo_pairs(oslo: &OsloKeys) -> [Option<String>; 15] {
    let truth = |key: &str, value: Option<bool>| value.map(|is_on| format!("{key}={is_on}"));
    let text =
        |key: &str, value: &Option<String>| value.as_ref().map(|text| format!("{key}={}", encode(text)));
    [
        text("control_exchange", &oslo.control_exchange),
        truth("durable", oslo.durable),
        truth("auto_delete", oslo.auto_delete),
        truth("transient_quorum", oslo.transient_quorum),
        oslo.transient_queues_ttl.map(|time| format!("transient_queues_ttl={}", time.as_secs())),
        truth("stream_fanout", oslo.stream_fanout),
        oslo.quorum_delivery_limit.map(|limit| format!("quorum_delivery_limit={limit}")),
        oslo.quorum_max_memory_length.map(|limit| format!("quorum_max_memory_length={limit}")),
        oslo.quorum_max_memory_bytes.map(|limit| format!("quorum_max_memory_bytes={limit}")),
        truth("ha_queues", oslo.ha_queues),
        truth("cancel_on_failover", oslo.cancel_on_failover),
        truth("use_queue_manager", oslo.use_queue_manager),
        text("hostname", &oslo.hostname),
        text("processname", &oslo.processname),
        oslo.compression.map(|compression| format!("compression={}", compression.as_str())),
    ]
}

fn render_node(node: &Node) -> String {
    format!("{}:{}@{}", encode(&node.user), encode(node.password.reveal()), node.address())
}

pub(super) fn any_url() -> impl Strategy<Value = BrokerUrl> {
    let scheme = prop_oneof![Just(Scheme::Plain), Just(Scheme::Tls)];
    let host = prop_oneof![
        "[a-z][a-z0-9.-]{0,20}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ];
    let node = (host, 1_u16.., "\\PC{1,12}", "\\PC{0,12}").prop_map(|(host, port, user, password)| Node {
        host,
        port,
        user,
        password: Secret::new(password),
    });
    let time = || option::of((1_u64..=3_600).prop_map(Duration::from_secs));
    let queue_type = || option::of(prop_oneof![Just(QueueType::Classic), Just(QueueType::Quorum)]);
    let topology = prop_oneof![Just(Topology::Declare), Just(Topology::Verify)];
    let request_routing = prop_oneof![Just(RequestRouting::Queue), Just(RequestRouting::Exchange)];
    let query = (
        time(),
        time(),
        time(),
        option::of(1_u16..),
        queue_type(),
        queue_type(),
        (option::of(request_routing), option::of(topology)),
        option::of(any::<bool>()),
        (option::of(prop_oneof![Just(Wire::Native), Just(Wire::Oslo)]), any_oslo_keys()),
    )
        .prop_map(|it| {
            let (
                heartbeat,
                connection_timeout,
                blocked_timeout,
                most_prefetch,
                queue_type,
                reply_queue_type,
                (request_routing, topology),
                user_id,
                (wire, oslo),
            ) = it;
            // The other takes no login, and has tests of its own.
            let auth_mechanism = AuthMechanism::Plain;
            Query {
                auth_mechanism,
                heartbeat,
                connection_timeout,
                blocked_timeout,
                most_prefetch,
                queue_type,
                reply_queue_type,
                request_routing,
                topology,
                user_id,
                wire,
                oslo,
            }
        });
    (scheme, prop::collection::vec(node, 1..4), "\\PC{1,20}", query)
        .prop_map(|(scheme, nodes, vhost, query)| BrokerUrl { scheme, nodes, vhost, query })
}

fn any_oslo_keys() -> impl Strategy<Value = OsloKeys> {
    let flag = || option::of(any::<bool>());
    let name = || option::of("[!-9;-~]{1,64}");
    let compression = option::of(prop_oneof![Just(OsloCompression::None), Just(OsloCompression::Gzip)]);
    let time = option::of((0..=OsloOptions::LONGEST_TTL.as_secs()).prop_map(Duration::from_secs));
    let flags = prop::array::uniform7(flag());
    let limits =
        (option::of(any::<u32>()), option::of(any::<u32>()), option::of(0..=i64::MAX.unsigned_abs()));
    (option::of("\\PC{1,12}"), flags, time, limits, name(), name(), compression).prop_map(
        |(control_exchange, flags, transient_queues_ttl, limits, hostname, processname, compression)| {
            let [
                durable,
                auto_delete,
                transient_quorum,
                stream_fanout,
                ha_queues,
                cancel_on_failover,
                use_queue_manager,
            ] = flags;
            let (quorum_delivery_limit, quorum_max_memory_length, quorum_max_memory_bytes) = limits;
            let mut keys = OsloKeys {
                control_exchange,
                durable,
                auto_delete,
                transient_quorum,
                transient_queues_ttl,
                stream_fanout,
                quorum_delivery_limit,
                quorum_max_memory_length,
                quorum_max_memory_bytes,
                ha_queues,
                cancel_on_failover,
                use_queue_manager,
                hostname,
                processname,
                compression,
                first: None,
                has_no_prefetch: false,
            };
            let pairs = oslo_pairs(&keys);
            let names = OsloKeys::KEYS.into_iter().zip(pairs);
            keys.first = names.into_iter().find_map(|(key, pair)| pair.map(|_| key));
            keys
        },
    )
}
