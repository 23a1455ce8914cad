//! The names that options have in Python, so that an operator can write what his configuration says.
//!
//! These are all of `[oslo_messaging_rabbit]`, which Python takes from the query, too. One that means the same here is
//! taken under either name. One that does not is an error that says what is done instead: an option without effect would
//! look like one with it.

use super::error::UrlError;

/// What becomes of an option.
#[derive(Clone, Copy)]
enum Meaning {
    /// It is a key here, with the same values.
    Same(&'static str),
    /// It is a key here, and true or false are these words.
    Truth(&'static str, [&'static str; 2]),
    /// It is a key here, and one of these values is another. What is allowed is said to whoever writes any other.
    Words(&'static str, &'static [[&'static str; 2]], &'static str),
    /// How many deliveries are on their way, where zero is no limit.
    Prefetch,
    /// It is so anyway. What is done is said to whoever writes otherwise.
    Always(&'static str),
    /// This is done instead.
    Instead(&'static str),
}

use Meaning::{Always, Instead, Prefetch, Same, Truth, Words};

const TRUTH: [&str; 2] = ["true", "false"];
const RECONNECTING: &str =
    "a link comes back by itself, at any of its hosts, after a random pause of at most 2.5 s: leave it away";
const LINKS: &str = "a transport has two connections, whatever passes over them: leave it away";
const CERTIFICATES: &str =
    "certificates are given to the builder, by ca_certificates and client_identity: leave it away";
const REPLIES: &str = "a reply to a caller who is away is sent again until the deadline of the call, for a minute at most: leave it away";
const COMPRESSION: &str = "gzip, the only one that Python documents and that works there";
const LOGIN: &str = "PLAIN or EXTERNAL; write PLAIN for AMQPLAIN, which sends the same user and password";
const KINDS: &[[&str; 2]] = &[["gzip", "gzip"], ["zlib", "gzip"]];
const MECHANISMS: &[[&str; 2]] = &[["PLAIN", "plain"], ["EXTERNAL", "external"]];

const OPTIONS: [(&str, Meaning); 38] = [
    ("amqp_auto_delete", Truth("auto_delete", TRUTH)),
    ("amqp_durable_queues", Truth("durable", TRUTH)),
    ("conn_pool_min_size", Instead(LINKS)),
    ("conn_pool_ttl", Instead(LINKS)),
    ("direct_mandatory_flag", Always("true: a reply that nobody takes is always noticed")),
    ("enable_cancel_on_failover", Truth("cancel_on_failover", TRUTH)),
    ("heartbeat_rate", Instead("the link is looked at all the time: leave it away")),
    ("heartbeat_timeout_threshold", Same("heartbeat")),
    ("hostname", Same("hostname")),
    ("kombu_compression", Words("compression", KINDS, COMPRESSION)),
    ("kombu_failover_strategy", Instead(RECONNECTING)),
    ("kombu_missing_consumer_retry_timeout", Instead(REPLIES)),
    ("kombu_reconnect_delay", Instead(RECONNECTING)),
    ("kombu_reconnect_splay", Instead(RECONNECTING)),
    // The name that the one of missing consumers had before.
    ("kombu_reconnect_timeout", Instead(REPLIES)),
    ("processname", Same("processname")),
    ("rabbit_ha_queues", Truth("ha_queues", TRUTH)),
    ("rabbit_interval_max", Instead(RECONNECTING)),
    ("rabbit_login_method", Words("auth_mechanism", MECHANISMS, LOGIN)),
    ("rabbit_qos_prefetch_count", Prefetch),
    ("rabbit_quorum_delivery_limit", Same("quorum_delivery_limit")),
    ("rabbit_quorum_max_memory_bytes", Same("quorum_max_memory_bytes")),
    ("rabbit_quorum_max_memory_length", Same("quorum_max_memory_length")),
    ("rabbit_quorum_queue", Truth("queue_type", ["quorum", "classic"])),
    ("rabbit_retry_backoff", Instead(RECONNECTING)),
    ("rabbit_retry_interval", Instead(RECONNECTING)),
    ("rabbit_stream_fanout", Truth("stream_fanout", TRUTH)),
    ("rabbit_transient_queues_ttl", Same("transient_queues_ttl")),
    ("rabbit_transient_quorum_queue", Truth("transient_quorum", TRUTH)),
    ("rpc_conn_pool_size", Instead(LINKS)),
    ("ssl", Instead("write amqps:// for TLS, and rabbit:// or amqp:// for none")),
    ("ssl_ca_file", Instead(CERTIFICATES)),
    ("ssl_cert_file", Instead(CERTIFICATES)),
    ("ssl_enforce_fips_mode", Instead("it has no effect in Python either: leave it away")),
    ("ssl_enforce_hostname_verification", Instead("the name of the host is always verified: leave it away")),
    ("ssl_key_file", Instead(CERTIFICATES)),
    ("ssl_version", Instead("both sides choose between TLS 1.2 and 1.3: leave it away")),
    ("use_queue_manager", Truth("use_queue_manager", TRUTH)),
];

/// An option of Python's.
#[derive(Clone, Copy)]
pub(super) struct PythonOption {
    pub(super) name: &'static str,
    meaning: Meaning,
}

/// What it says, in our own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Translated<'a> {
    /// This key has this value.
    Key(&'static str, &'a str),
    /// What is so anyway.
    Nothing,
    /// No limit to the deliveries on their way.
    NoPrefetch,
}

/// The option of this name.
pub(super) fn find(name: &str) -> Option<PythonOption> {
    OPTIONS
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(name, meaning)| PythonOption { name, meaning })
}

impl PythonOption {
    /// What it is with `value`. A value that is none is left to whoever reads the key.
    pub(super) fn translate(self, value: &str) -> Result<Translated<'_>, UrlError> {
        let wrong = |allowed| UrlError::Value { key: self.name, allowed };
        match self.meaning {
            Same(key) => Ok(Translated::Key(key, value)),
            Truth(key, [yes, no]) => {
                let is_so = truth(value).ok_or_else(|| wrong("true or false"))?;
                Ok(Translated::Key(key, if is_so { yes } else { no }))
            }
            Words(key, words, allowed) => {
                let found = words.iter().find_map(|[there, here]| (*there == value).then_some(*here));
                found.map(|here| Translated::Key(key, here)).ok_or_else(|| wrong(allowed))
            }
            Prefetch if value == "0" => Ok(Translated::NoPrefetch),
            Prefetch => Ok(Translated::Key("prefetch", value)),
            Always(allowed) => {
                truth(value).filter(|is_so| *is_so).map(|_| Translated::Nothing).ok_or_else(|| wrong(allowed))
            }
            Instead(instead) => Err(UrlError::PythonOption { option: self.name, instead }),
        }
    }
}

/// As Python's configuration reads it.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::BrokerUrl;

    fn refused(query: &str) -> UrlError {
        format!("rabbit://h?wire=oslo&{query}").parse::<BrokerUrl>().unwrap_err()
    }

    #[test]
    fn ur_33_an_option_of_python_is_a_key_of_ours() {
        let query = |query: &str| format!("rabbit://h?wire=oslo&{query}").parse::<BrokerUrl>().unwrap().query;
        for (there, here) in [
            ("amqp_durable_queues=True", "durable=true"),
            ("amqp_auto_delete=1", "auto_delete=true"),
            ("rabbit_quorum_queue=yes", "queue_type=quorum"),
            ("rabbit_quorum_queue=False", "queue_type=classic"),
            ("rabbit_transient_quorum_queue=on", "transient_quorum=true"),
            ("rabbit_transient_queues_ttl=60", "transient_queues_ttl=60"),
            ("rabbit_quorum_delivery_limit=5", "quorum_delivery_limit=5"),
            ("rabbit_quorum_max_memory_length=6", "quorum_max_memory_length=6"),
            ("rabbit_quorum_max_memory_bytes=7", "quorum_max_memory_bytes=7"),
            ("rabbit_ha_queues=off", "ha_queues=false"),
            ("rabbit_stream_fanout=t", "stream_fanout=true"),
            ("enable_cancel_on_failover=y", "cancel_on_failover=true"),
            ("rabbit_qos_prefetch_count=9", "prefetch=9"),
            ("heartbeat_timeout_threshold=60", "heartbeat=60"),
            ("kombu_compression=gzip", "compression=gzip"),
            ("kombu_compression=zlib", "compression=gzip"),
            ("rabbit_login_method=PLAIN", "auth_mechanism=plain"),
            ("use_queue_manager=n", "use_queue_manager=false"),
            ("direct_mandatory_flag=True", ""),
        ] {
            let (mut there, mut here) = (query(there), query(here));
            (there.oslo.first, here.oslo.first) = (None, None);
            assert_eq!(there, here);
        }
        assert!(query("rabbit_qos_prefetch_count=0").oslo.has_no_prefetch);
    }

    #[test]
    fn ur_34_what_is_done_otherwise_is_said() {
        for (name, meaning) in OPTIONS {
            let error = refused(&format!("{name}=no such value"));
            match meaning {
                Instead(instead) => {
                    assert_eq!(error, UrlError::PythonOption { option: name, instead });
                    assert!(error.to_string().contains(name), "{error}");
                }
                _ => assert!(matches!(error, UrlError::Value { key, .. } if key == name), "{name}: {error}"),
            }
        }
        assert!(matches!(refused("rabbit_no_such_option=1"), UrlError::UnknownKey { .. }));
        let is_sorted = OPTIONS.is_sorted_by_key(|(name, _)| name);
        assert!(is_sorted, "a list that is in order is read more easily");
    }

    #[test]
    fn ur_35_a_wrong_value_is_an_error_under_the_name_that_was_written() {
        for (query, key) in [
            ("amqp_durable_queues=maybe", "amqp_durable_queues"),
            ("rabbit_transient_queues_ttl=-1", "rabbit_transient_queues_ttl"),
            ("rabbit_qos_prefetch_count=65536", "rabbit_qos_prefetch_count"),
            ("heartbeat_timeout_threshold=0", "heartbeat_timeout_threshold"),
            ("kombu_compression=bz2", "kombu_compression"),
            ("rabbit_login_method=AMQPLAIN", "rabbit_login_method"),
            ("direct_mandatory_flag=false", "direct_mandatory_flag"),
            ("rabbit_quorum_max_memory_bytes=9223372036854775808", "rabbit_quorum_max_memory_bytes"),
        ] {
            assert!(matches!(refused(query), UrlError::Value { key: found, .. } if found == key), "{query}");
        }
        let twice = refused("durable=true&amqp_durable_queues=true");
        assert_eq!(twice, UrlError::DuplicateKey { key: "durable" });
        assert_eq!(
            refused("prefetch=1&rabbit_qos_prefetch_count=0"),
            UrlError::DuplicateKey { key: "prefetch" }
        );
    }
}
