//! From [`BrokerUrl`] to text with the password: for tests only.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;

use super::percent::encode;
use super::query::OsloKeys;
use super::{AuthMechanism, BrokerUrl, Node, Query, Scheme};
use crate::secret::Secret;
use crate::settings::{QueueType, Topology, Wire};

pub(super) fn render(url: &BrokerUrl) -> String {
    let scheme = if url.scheme == Scheme::Tls { "amqps" } else { "amqp" };
    let nodes: Vec<_> = url.nodes.iter().map(render_node).collect();
    let query = &url.query;
    let oslo = &query.oslo;
    let pairs: Vec<_> = [
        query.heartbeat.map(|time| format!("heartbeat={}", time.as_secs())),
        query.connection_timeout.map(|time| format!("connection_timeout={}", time.as_secs())),
        query.blocked_timeout.map(|time| format!("blocked_timeout={}", time.as_secs())),
        query.most_prefetch.map(|most| format!("prefetch={most}")),
        query.queue_type.map(|queue_type| format!("queue_type={}", queue_type.as_str())),
        query.reply_queue_type.map(|queue_type| format!("reply_queue_type={}", queue_type.as_str())),
        query.topology.map(|topology| format!("topology={}", topology.as_str())),
        query.user_id.map(|is_on| format!("user_id={}", if is_on { "on" } else { "off" })),
        query.wire.map(|wire| format!("wire={}", wire.as_str())),
        oslo.control_exchange.as_ref().map(|name| format!("control_exchange={}", encode(name))),
        oslo.durable.map(|is_on| format!("durable={is_on}")),
        oslo.auto_delete.map(|is_on| format!("auto_delete={is_on}")),
        oslo.transient_quorum.map(|is_on| format!("transient_quorum={is_on}")),
        oslo.transient_queues_ttl.map(|time| format!("transient_queues_ttl={}", time.as_secs())),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{scheme}://{}/{}?{}", nodes.join(","), encode(&url.vhost), pairs.join("&"))
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
    let query = (
        time(),
        time(),
        time(),
        option::of(1_u16..),
        queue_type(),
        queue_type(),
        option::of(topology),
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
                topology,
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
    let time = option::of((0_u64..=2_000_000).prop_map(Duration::from_secs));
    (option::of("\\PC{1,12}"), flag(), flag(), flag(), time).prop_map(
        |(control_exchange, durable, auto_delete, transient_quorum, transient_queues_ttl)| OsloKeys {
            control_exchange,
            durable,
            auto_delete,
            transient_quorum,
            transient_queues_ttl,
        },
    )
}
