//! From what was said, by setters and in the URL, to settings that go together.

use std::time::Duration;

use super::AmqpTransportBuilder;
use crate::settings::{OsloOptions, QueueType, Settings, Wire};
use crate::url::{AuthMechanism, BrokerUrl, UrlError};

impl AmqpTransportBuilder {
    pub(super) fn settings(self, url: &BrokerUrl) -> Result<Settings, UrlError> {
        let default = Settings::default();
        let heartbeat = self.heartbeat.or(url.query.heartbeat).unwrap_or(default.heartbeat);
        if !(Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&heartbeat) {
            return Err(UrlError::Value { key: "heartbeat", allowed: "1 to 3600 seconds" });
        }
        let timeout =
            self.connection_timeout.or(url.query.connection_timeout).unwrap_or(default.connection_timeout);
        if timeout.is_zero() || timeout > Duration::from_secs(3_600) {
            return Err(UrlError::Value { key: "connection_timeout", allowed: "1 to 3600 seconds" });
        }
        if url.query.auth_mechanism == AuthMechanism::External && self.password_file.is_some() {
            return Err(UrlError::ExternalWithLogin);
        }
        #[cfg(feature = "tls")]
        self.tls.check()?;
        #[cfg(feature = "tls")]
        if url.query.auth_mechanism == AuthMechanism::External && self.tls.identity.is_none() {
            return Err(UrlError::ExternalWithoutCertificate);
        }
        if !(1..=Settings::LARGEST_MESSAGE).contains(&self.max_message_size) {
            return Err(UrlError::Value {
                key: "max_message_size",
                allowed: "1 to 16777216 bytes, which is what every broker takes",
            });
        }
        let blocked_timeout =
            self.blocked_timeout.or(url.query.blocked_timeout).unwrap_or(default.blocked_timeout);
        if blocked_timeout.is_zero() || blocked_timeout > Duration::from_secs(3_600) {
            return Err(UrlError::Value { key: "blocked_timeout", allowed: "1 to 3600 seconds" });
        }
        let wire = self.wire.or(url.query.wire).unwrap_or_default();
        let queue_type = self.queue_type.or(url.query.queue_type).unwrap_or_default();
        let oslo = oslo(self.oslo, url, wire, queue_type)?;
        Ok(Settings {
            name: self.service_name.unwrap_or(default.name),
            password_file: self.password_file,
            heartbeat,
            connection_timeout: timeout,
            blocked_timeout,
            queue_type,
            reply_queue_type: self.reply_queue_type.or(url.query.reply_queue_type).unwrap_or_default(),
            request_routing: self.request_routing.or(url.query.request_routing).unwrap_or_default(),
            topology: self.topology.or(url.query.topology).unwrap_or_default(),
            wire,
            oslo,
            exceptions: self.exceptions,
            most_prefetch: url.query.most_prefetch.unwrap_or(default.most_prefetch),
            max_message_size: self.max_message_size,
            #[cfg(feature = "tls")]
            tls: self.tls,
            #[cfg(test)]
            simulated: None,
        })
    }
}

/// What peers on the `oslo` wire were configured to do.
fn oslo(
    set: Option<OsloOptions>,
    url: &BrokerUrl,
    wire: Wire,
    queue_type: QueueType,
) -> Result<OsloOptions, UrlError> {
    let keys = url.query.oslo.clone();
    if let Some(key) = keys.first.filter(|_| wire != Wire::Oslo) {
        return Err(UrlError::NeedsOsloWire { key });
    }
    let has_no_prefetch = keys.has_no_prefetch;
    let oslo = set.unwrap_or_else(|| keys.applied_to(OsloOptions::default()));
    // First, as in Python.
    if oslo.stream_fanout && has_no_prefetch {
        return Err(UrlError::StreamWithoutPrefetch);
    }
    oslo.check(queue_type)?;
    oslo.named()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AmqpTransport;
    use crate::settings::{OsloCompression, is_name};

    fn settings(url: &str, change: impl FnOnce(AmqpTransportBuilder) -> AmqpTransportBuilder) -> Settings {
        change(AmqpTransport::builder(url)).settings(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn setters_win_over_the_url() {
        let url = "amqp://h?heartbeat=7&queue_type=quorum&prefetch=3&blocked_timeout=4";
        let from_url = settings(url, |builder| builder);
        assert_eq!(from_url.heartbeat, Duration::from_secs(7));
        assert_eq!(from_url.blocked_timeout, Duration::from_secs(4));
        let set = settings(url, |builder| builder.blocked_timeout(Duration::from_millis(200)));
        assert_eq!(set.blocked_timeout, Duration::from_millis(200));
        assert_eq!((from_url.queue_type, from_url.most_prefetch), (QueueType::Quorum, 3));
        let set =
            settings(url, |builder| builder.heartbeat(Duration::from_secs(9)).queue_type(QueueType::Classic));
        assert_eq!((set.heartbeat, set.queue_type), (Duration::from_secs(9), QueueType::Classic));
        assert_eq!((set.reply_queue_type, from_url.reply_queue_type), Default::default());
        let url = "amqp://h?reply_queue_type=quorum";
        assert_eq!(settings(url, |builder| builder).reply_queue_type, QueueType::Quorum);
        let set = settings(url, |builder| builder.reply_queue_type(QueueType::Classic));
        assert_eq!(set.reply_queue_type, QueueType::Classic);
    }

    #[test]
    fn what_peers_declare_is_told_with_their_wire_only() {
        let all = "&control_exchange=nova%2f1&durable=true&auto_delete=true&transient_quorum=true\
                   &transient_queues_ttl=60&queue_type=quorum&stream_fanout=true&quorum_delivery_limit=1\
                   &quorum_max_memory_length=2&quorum_max_memory_bytes=3&cancel_on_failover=true\
                   &use_queue_manager=true&hostname=h%2d1&processname=p&compression=gzip";
        let from_url = settings(&format!("amqp://h?wire=oslo{all}"), |builder| builder);
        let options = OsloOptions {
            control_exchange: "nova/1".to_owned(),
            durable: true,
            auto_delete: true,
            transient_quorum: true,
            transient_queues_ttl: Duration::from_secs(60),
            stream_fanout: true,
            quorum_delivery_limit: 1,
            quorum_max_memory_length: 2,
            quorum_max_memory_bytes: 3,
            ha_queues: false,
            cancel_on_failover: true,
            use_queue_manager: true,
            hostname: Some("h-1".to_owned()),
            processname: Some("p".to_owned()),
            compression: OsloCompression::Gzip,
        };
        assert_eq!((from_url.wire, &from_url.oslo), (Wire::Oslo, &options));
        let set = settings("amqp://h", |builder| builder.wire(Wire::Oslo).oslo(options.clone()));
        assert_eq!((set.wire, set.oslo), (Wire::Oslo, options));
        assert!(settings("amqp://h?wire=oslo&ha_queues=true", |it| it).oslo.ha_queues);
        assert_eq!(settings("amqp://h?wire=oslo", |it| it).oslo, OsloOptions::default());
        assert_eq!(settings("amqp://h", |builder| builder).wire, Wire::Native);
        for query in
            ["durable=true", "wire=native&control_exchange=x", "rabbit_quorum_queue=true", "compression=none"]
        {
            let url = format!("amqp://h?{query}");
            let error = AmqpTransport::builder(&url).settings(&url.parse().unwrap()).unwrap_err();
            assert!(matches!(error, UrlError::NeedsOsloWire { .. }), "{query}: {error}");
        }
        for query in [
            "durable=on",
            "transient_queues_ttl=-1",
            "transient_queues_ttl=+1",
            "control_exchange=",
            "wire=x",
            "hostname=a:b",
            "quorum_delivery_limit=-1",
            "compression=bz2",
        ] {
            assert!(format!("amqp://h?wire=oslo&{query}").parse::<BrokerUrl>().is_err(), "{query}");
        }
    }

    #[test]
    fn dv_21_22_what_does_not_go_together_is_refused() {
        let stream = "transient_quorum=true&stream_fanout=true";
        for (query, error) in [
            ("stream_fanout=true", UrlError::StreamWithoutTransientQuorum),
            ("rabbit_stream_fanout=true&rabbit_qos_prefetch_count=0", UrlError::StreamWithoutPrefetch),
            (&format!("{stream}&rabbit_qos_prefetch_count=0"), UrlError::StreamWithoutPrefetch),
            ("ha_queues=true&queue_type=quorum", UrlError::MirroredQuorum),
            ("rabbit_ha_queues=true&rabbit_transient_quorum_queue=true", UrlError::MirroredQuorum),
        ] {
            let url = format!("amqp://h?wire=oslo&{query}");
            assert_eq!(
                AmqpTransport::builder(&url).settings(&url.parse().unwrap()).unwrap_err(),
                error,
                "{query}"
            );
        }
        assert!(settings(&format!("amqp://h?wire=oslo&{stream}"), |it| it).oslo.stream_fanout);
        let prefetch = settings("amqp://h?wire=oslo&rabbit_qos_prefetch_count=0", |it| it).most_prefetch;
        assert_eq!(prefetch, u16::MAX);
    }

    #[test]
    fn dv_23_this_machine_and_this_program_have_names() {
        let OsloOptions { hostname, processname, .. } =
            settings("amqp://h?wire=oslo&use_queue_manager=true", |it| it).oslo;
        assert!(
            hostname.is_some_and(|name| is_name(&name)) && processname.is_some_and(|name| is_name(&name))
        );
        assert_eq!(settings("amqp://h?wire=oslo", |it| it).oslo.hostname, None);
    }

    #[test]
    fn a_heartbeat_cannot_be_switched_off() {
        let builder = AmqpTransport::builder("amqp://h").heartbeat(Duration::ZERO);
        assert!(builder.settings(&"amqp://h".parse().unwrap()).is_err());
    }

    #[test]
    fn a_message_that_some_broker_refuses_is_not_allowed() {
        for (bytes, is_allowed) in [(0, false), (1, true), (16 << 20, true), ((16 << 20) + 1, false)] {
            let settings = AmqpTransport::builder("amqp://h")
                .max_message_size(bytes)
                .settings(&"amqp://h".parse().unwrap());
            assert_eq!(settings.is_ok(), is_allowed, "{bytes}");
        }
    }
}
