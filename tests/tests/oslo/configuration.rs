//! What both sides are configured to do.

use tests::broker::{Broker, unique};

/// What both sides are configured to do, each in its own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Configuration {
    /// Options of Python's driver, such as `amqp_durable_queues=true`.
    pub(crate) python: &'static str,
    /// Keys of our URL, each behind a `&`.
    pub(crate) ours: &'static str,
}

impl Configuration {
    /// As nobody said anything.
    pub(crate) const DEFAULT: Self = Self { python: "", ours: "" };
    /// Every queue is a quorum queue.
    pub(crate) const QUORUM: Self = Self {
        python: "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true",
        ours: "&queue_type=quorum&transient_quorum=true",
    };
    /// What its documentation advises: quorum queues, and a stream for the fanouts of a topic.
    pub(crate) const STREAM: Self = Self {
        python: "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true&rabbit_stream_fanout=true\
                 &rabbit_qos_prefetch_count=10",
        ours: "&queue_type=quorum&transient_quorum=true&stream_fanout=true",
    };
}

/// A vhost of its own, for those who declare the exchange of everybody in their own way.
pub(crate) fn new_vhost(broker: &Broker, name: &str) -> String {
    let vhost = unique(name);
    broker.ctl(&["add_vhost", &vhost]);
    broker.ctl(&["set_permissions", "--vhost", &vhost, "guest", ".*", ".*", ".*"]);
    vhost
}
