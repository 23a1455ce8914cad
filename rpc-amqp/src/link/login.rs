//! The address and login of one node, for the client library.

use lapin::ConnectionProperties;
use lapin::types::LongString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};

use super::purpose::Purpose;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::url::{AuthMechanism, BrokerUrl, Node, Scheme};

/// Bytes in a frame. Large enough for the largest header that we send, and half of what a broker offers: the library
/// keeps 64 frames of buffer for each connection.
pub(super) const FRAME_MAX: u32 = 65_536;

/// Built by fields, never through text: the library's own parser misreads IPv6 addresses. Its `Debug` shows the
/// password, so the value goes nowhere but into the library.
pub(super) fn uri(node: &Node, password: &Secret, url: &BrokerUrl, settings: &Settings) -> AMQPUri {
    AMQPUri {
        scheme: match url.scheme {
            Scheme::Plain => AMQPScheme::AMQP,
            Scheme::Tls => AMQPScheme::AMQPS,
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: node.user.clone(), password: password.reveal().to_owned() },
            host: node.host.clone(),
            port: node.port,
        },
        vhost: url.vhost.clone(),
        query: AMQPQueryString {
            auth_mechanism: Some(match url.query.auth_mechanism {
                AuthMechanism::Plain => SASLMechanism::Plain,
                AuthMechanism::External => SASLMechanism::External,
            }),
            frame_max: Some(FRAME_MAX),
            heartbeat: Some(u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1)),
            ..AMQPQueryString::default()
        },
    }
}

pub(super) fn properties(settings: &Settings, purpose: Purpose) -> ConnectionProperties {
    ConnectionProperties::default()
        .with_connection_name(LongString::from(format!("{} ({purpose})", settings.name)))
}
