//! From text to [`BrokerUrl`].

use std::str::FromStr;

use super::error::UrlError;
use super::{AuthMechanism, BrokerUrl, Node, Scheme, host, percent, query};
use crate::secret::Secret;

/// The login of RabbitMQ's fresh installation, which it accepts from its own machine only.
const DEFAULT_LOGIN: &str = "guest";
const DEFAULT_VHOST: &str = "/";

impl FromStr for BrokerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "amqp" | "rabbit" => Scheme::Plain,
            "amqps" => Scheme::Tls,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Checked before anything of them can be quoted: this is where an unescaped password ends up.
        if path.contains('@') || query.contains('@') {
            return Err(UrlError::MisplacedAt);
        }
        let query = query::parse(query)?;
        let nodes = nodes(hosts, scheme, query.auth_mechanism)?;
        Ok(Self { scheme, nodes, vhost: vhost(path)?, query })
    }
}

fn nodes(hosts: &str, scheme: Scheme, auth_mechanism: AuthMechanism) -> Result<Vec<Node>, UrlError> {
    let entries = hosts
        .split(',')
        .enumerate()
        .map(|(index, entry)| host::parse(entry, index + 1))
        .collect::<Result<Vec<_>, _>>()?;
    let default = match auth_mechanism {
        AuthMechanism::Plain => (DEFAULT_LOGIN.to_owned(), Secret::new(DEFAULT_LOGIN)),
        AuthMechanism::External if scheme == Scheme::Plain => return Err(UrlError::ExternalWithoutTls),
        AuthMechanism::External if entries.iter().any(|entry| entry.login.is_some()) => {
            return Err(UrlError::ExternalWithLogin);
        }
        AuthMechanism::External => (String::new(), Secret::default()),
    };
    let shared = entries.first().and_then(|entry| entry.login.clone()).unwrap_or(default);
    let node = |entry: host::Entry| {
        let (user, password) = entry.login.unwrap_or_else(|| shared.clone());
        let port = entry.port.unwrap_or_else(|| scheme.default_port());
        Node { host: entry.host, port, user, password }
    };
    Ok(entries.into_iter().map(node).collect())
}

fn vhost(path: &str) -> Result<String, UrlError> {
    if path.contains('/') {
        return Err(UrlError::VhostSegments);
    }
    let vhost = percent::decode(path).ok_or(UrlError::Percent { part: "vhost" })?;
    match vhost.len() {
        0 => Ok(DEFAULT_VHOST.to_owned()),
        1..=255 => Ok(vhost),
        _ => Err(UrlError::LongVhost),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::render::{any_url, render};
    use super::*;

    fn parse(text: &str) -> BrokerUrl {
        text.parse().unwrap()
    }

    fn refused(text: &str) -> UrlError {
        text.parse::<BrokerUrl>().unwrap_err()
    }

    #[test]
    fn what_is_left_away_has_defaults() {
        let url = parse("amqp://rabbit");
        assert_eq!(url.vhost, "/");
        let node = &url.nodes[0];
        assert_eq!((node.port, node.user.as_str(), node.password.reveal()), (5_672, "guest", "guest"));
        assert_eq!(parse("amqps://rabbit").nodes[0].port, 5_671);
        assert_eq!(parse("RABBIT://rabbit").scheme, Scheme::Plain);
    }

    #[test]
    fn three_ways_to_write_the_default_vhost() {
        for url in ["amqp://h", "amqp://h/", "amqp://h/%2f", "amqp://h/?heartbeat=5", "amqp://h?heartbeat=5"]
        {
            assert_eq!(parse(url).vhost, "/", "{url}");
        }
        assert_eq!(parse("amqp://h/a%2Fb").vhost, "a/b");
    }

    #[test]
    fn the_first_login_serves_hosts_without_one() {
        let url = parse("amqp://u:p%40@h1:1,h2:2,x:y@[::1]:3,h4/v");
        let shown: Vec<_> = url.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["u@h1:1", "u@h2:2", "x@[::1]:3", "u@h4:5672"]);
        assert_eq!(url.nodes[1].password.reveal(), "p@");
        assert_eq!(url.nodes[2].password.reveal(), "y");
        let url = parse("amqp://h1,x:y@h2,h3");
        assert_eq!(url.nodes[2].user, "guest");
    }

    #[test]
    fn a_certificate_for_a_login_leaves_no_default_user() {
        let url = parse("amqps://h1,h2:7?auth_mechanism=external&topology=verify");
        let shown: Vec<_> = url.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["h1:5671", "h2:7"]);
        assert_eq!(url.nodes[0].password.reveal(), "");
    }

    #[test]
    fn messages_bear_the_name_of_a_user_that_every_node_knows() {
        for (url, user) in [
            ("amqp://ann@h,i", Some("ann")),
            ("amqp://h", Some("guest")),
            ("amqp://ann@h,bob@i", None),
            ("amqp://ann@h?user_id=off", None),
            ("amqps://h?auth_mechanism=external", None),
        ] {
            assert_eq!(parse(url).user_id(), user, "{url}");
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_known_by_its_name() {
        let url = parse("amqp://localhost,127.0.0.2,[::1],localhost.example.org,10.0.0.1");
        let near: Vec<_> = url.nodes.iter().map(Node::is_loopback).collect();
        assert_eq!(near, [true, true, true, false, false]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let host = |position| UrlError::Host { position };
        let cases = [
            ("h:5672", UrlError::Scheme),
            ("http://h", UrlError::Scheme),
            ("amqp://", UrlError::EmptyHost { position: 1 }),
            ("amqp://h1,,h3", UrlError::EmptyHost { position: 2 }),
            ("amqp://:5672", UrlError::EmptyHost { position: 1 }),
            ("amqp://u:p@/v", UrlError::EmptyHost { position: 1 }),
            ("amqp://@h", UrlError::EmptyUser { position: 1 }),
            ("amqp://h:0", UrlError::Port { position: 1 }),
            ("amqp://h:65536", UrlError::Port { position: 1 }),
            ("amqp://h:", UrlError::Port { position: 1 }),
            ("amqp://h:+1", UrlError::Port { position: 1 }),
            ("amqp://[::1", host(1)),
            ("amqp://[::1]x", host(1)),
            ("amqp://[1.2.3.4]", host(1)),
            ("amqp://h h", host(1)),
            ("amqp://h#x", UrlError::Fragment),
            ("amqp://u:p/w@h", UrlError::MisplacedAt),
            ("amqp://u:1?w@h", UrlError::MisplacedAt),
            ("amqp://h/a/b", UrlError::VhostSegments),
            ("amqp://h/%f", UrlError::Percent { part: "vhost" }),
            ("amqp://u:%@h", UrlError::Percent { part: "password" }),
            ("amqp://h?speed=1", UrlError::UnknownKey { key: "speed".to_owned() }),
            ("amqp://h?heartbeat=1&heartbeat=1", UrlError::DuplicateKey { key: "heartbeat" }),
            ("amqp://h?auth_mechanism=external", UrlError::ExternalWithoutTls),
            ("amqps://h,u@i?auth_mechanism=external", UrlError::ExternalWithLogin),
        ];
        for (text, error) in cases {
            assert_eq!(refused(text), error, "{text}");
        }
        for query in ["heartbeat=0", "heartbeat", "heartbeat=x", "connection_timeout=0", "prefetch=0"] {
            assert!(matches!(refused(&format!("amqp://h?{query}")), UrlError::Value { .. }), "{query}");
        }
        for query in [
            "prefetch=65536",
            "queue_type=stream",
            "reply_queue_type=",
            "request_routing=direct",
            "wire=other",
            "topology=",
            "user_id=yes",
            "auth_mechanism=sso",
        ] {
            assert!(matches!(refused(&format!("amqp://h?{query}")), UrlError::Value { .. }), "{query}");
        }
        assert!(refused("amqp://h?speed=1").to_string().contains("connection_timeout"));
    }

    proptest! {
        #[test]
        fn what_was_rendered_is_read_again(url in any_url()) {
            prop_assert_eq!(parse(&render(&url)), url);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<BrokerUrl>();
            let _ = format!("amqp://{text}").parse::<BrokerUrl>();
        }

        #[test]
        fn the_password_is_never_shown(password in "[A-Z]{6}[!-~]{0,6}", tail in "[/?#@:a-z=&,0-9]{0,12}") {
            let raw = format!("amqp://user:{password}@host{tail}");
            let shown = match raw.parse::<BrokerUrl>() {
                Ok(url) => format!("{url:?}{}", url.nodes[0]),
                Err(error) => {
                    let error_text = format!("{error:?}{error}");
                    let whole: rpc_core::Error = error.into();
                    format!("{error_text}{whole:?}{whole}")
                }
            };
            prop_assert!(!shown.contains(&password[..6]), "{}", shown);
        }
    }
}
