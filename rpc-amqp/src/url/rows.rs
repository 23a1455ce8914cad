//! URLs as they are written for oslo.messaging. A name begins with the rows of `docs/conformance.md` that it shows.

use super::render::render;
use super::{BrokerUrl, Scheme, UrlError};
use crate::settings::{OsloOptions, QueueType, Topology, Wire};

fn parse(text: &str) -> BrokerUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> UrlError {
    text.parse::<BrokerUrl>().expect_err(text)
}

/// User, password, host and port of each node, and the vhost.
fn read(text: &str) -> (Vec<(String, String, String, u16)>, String) {
    let url = parse(text);
    let node = |node: super::Node| (node.user, node.password.reveal().to_owned(), node.host, node.port);
    (url.nodes.into_iter().map(node).collect(), url.vhost)
}

fn node(user: &str, password: &str, host: &str, port: u16) -> (String, String, String, u16) {
    (user.to_owned(), password.to_owned(), host.to_owned(), port)
}

#[test]
fn ur_01_02_03_10_36_a_host_is_needed() {
    for text in ["rabbit://", "rabbit:////", "rabbit:///bar", "rabbit://u:p@/bar", "rabbit://u:p@h,/bar"] {
        assert!(matches!(refused(text), UrlError::EmptyHost { .. }), "{text}");
    }
    assert_eq!(refused("rabbit:"), UrlError::Scheme);
}

#[test]
fn ur_04_05_06_07_31_37_38_a_host_may_have_a_port_and_a_login() {
    let guest = |host: &str, port| vec![node("guest", "guest", host, port)];
    for (text, nodes, vhost) in [
        ("rabbit://host/bar", guest("host", 5_672), "bar"),
        ("rabbit://[ffff::1]/bar", guest("ffff::1", 5_672), "bar"),
        ("rabbit://host:1234/bar", guest("host", 1_234), "bar"),
        ("rabbit://[ffff::1]:1234/bar", guest("ffff::1", 1_234), "bar"),
        ("rabbit://1.2.3.4/bar", guest("1.2.3.4", 5_672), "bar"),
        ("amqps://host/bar", guest("host", 5_671), "bar"),
    ] {
        assert_eq!(read(text), (nodes, vhost.to_owned()), "{text}");
    }
}

#[test]
fn ur_08_09_15_40_a_login_is_decoded_after_it_was_split() {
    for (text, login) in [
        ("rabbit://u@host/", node("u", "", "host", 5_672)),
        ("rabbit://u:p@host/", node("u", "p", "host", 5_672)),
        ("rabbit://u%24:p%26@host/", node("u$", "p&", "host", 5_672)),
        ("rabbit://u%3a%40:p:q@host", node("u:@", "p:q", "host", 5_672)),
        ("rabbit://u@v:p@host", node("u@v", "p", "host", 5_672)),
    ] {
        assert_eq!(read(text), (vec![login], "/".to_owned()), "{text}");
    }
    assert_eq!(parse("rabbit://u%24:p%26@host:10/%24").vhost, "$");
}

#[test]
fn ur_11_12_13_14_a_host_without_a_login_has_that_of_the_first() {
    for (text, nodes) in [
        ("rabbit://u:p@h1:1,h2:2/bar", vec![node("u", "p", "h1", 1), node("u", "p", "h2", 2)]),
        ("rabbit://u:p@h1,h2/bar", vec![node("u", "p", "h1", 5_672), node("u", "p", "h2", 5_672)]),
        ("rabbit://u1:p1@h1:1,u2:p2@h2:2/bar", vec![node("u1", "p1", "h1", 1), node("u2", "p2", "h2", 2)]),
        (
            "rabbit://u1:p1@[ffff::1]:1,u2:p2@[ffff::2]:2/bar",
            vec![node("u1", "p1", "ffff::1", 1), node("u2", "p2", "ffff::2", 2)],
        ),
    ] {
        assert_eq!(read(text), (nodes, "bar".to_owned()), "{text}");
    }
}

#[test]
fn dv_40_a_password_may_have_any_character() {
    let password = "p/@:%#?,[&=+ é";
    let mut url = parse("rabbit://u@host");
    url.nodes[0].password = crate::secret::Secret::new(password);
    let text = render(&url);
    assert!(text.contains("p%2F%40%3A%25%23%3F%2C%5B%26%3D%2B%20"), "{text}");
    assert_eq!(parse(&text).nodes[0].password.reveal(), password);
}

#[test]
fn ur_16_17_18_19_20_39_what_is_shown_of_a_node_is_no_secret() {
    let url = parse("rabbit://b%24:s%26@host:10,[ffff::1]:2/%24");
    let shown: Vec<_> = url.nodes.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["b$@host:10", "b$@[ffff::1]:2"]);
    assert_eq!(parse(&render(&url)), url);
}

#[test]
fn ur_25_rb_06_the_scheme_says_what_is_meant() {
    for (text, scheme) in
        [("rabbit://h", Scheme::Plain), ("amqp://h", Scheme::Plain), ("AMQPS://h", Scheme::Tls)]
    {
        assert_eq!(parse(text).scheme, scheme, "{text}");
    }
    for text in ["kombu://h", "kombu+memory://h", "rabbit+x://h", "kafka://h", "h:5672", "//h", ""] {
        assert_eq!(refused(text), UrlError::Scheme, "{text}");
    }
}

#[test]
fn ur_30_a_key_is_there_once() {
    assert_eq!(refused("rabbit://h/?prefetch=1&prefetch=2"), UrlError::DuplicateKey { key: "prefetch" });
}

#[test]
fn rb_04_a_prefetch_without_end_is_refused() {
    assert!(matches!(refused("rabbit://h/?prefetch=0"), UrlError::Value { key: "prefetch", .. }));
    assert_eq!(parse("rabbit://h/?prefetch=1").query.most_prefetch, Some(1));
}

#[test]
fn ur_23_27_33_34_35_the_query_sets_options_that_are_known_to_values_that_fit() {
    let query = parse(
        "rabbit://h/?wire=oslo&control_exchange=nova&durable=true&auto_delete=false&transient_queues_ttl=60&prefetch=3\
         &queue_type=quorum&topology=verify",
    )
    .query;
    let options = OsloOptions {
        control_exchange: "nova".to_owned(),
        durable: true,
        transient_queues_ttl: std::time::Duration::from_secs(60),
        ..OsloOptions::default()
    };
    assert_eq!(query.oslo.applied_to(OsloOptions::default()), options);
    assert_eq!((query.most_prefetch, query.queue_type), (Some(3), Some(QueueType::Quorum)));
    assert_eq!((query.topology, query.wire), (Some(Topology::Verify), Some(Wire::Oslo)));
    assert_eq!(refused("rabbit://h/?colour=red"), UrlError::UnknownKey { key: "colour".to_owned() });
    for query in ["durable=perhaps", "transient_queues_ttl=soon", "prefetch=many", "queue_type=stack"] {
        assert!(matches!(refused(&format!("rabbit://h/?{query}")), UrlError::Value { .. }), "{query}");
    }
}
