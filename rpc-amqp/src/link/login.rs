//! The login at one node.

use lapin::types::LongString;

use super::purpose::Purpose;
use crate::connection::Login;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::url::{AuthMechanism, BrokerUrl, Node};

/// Bytes in a frame. Large enough for the largest header that we send, and half of what a broker offers: a connection
/// keeps two frames of buffer.
pub(super) const FRAME_MAX: u32 = 65_536;

/// The login of `node`. It holds the password, so it goes nowhere but into the connection.
pub(super) fn login(
    node: &Node,
    password: &Secret,
    url: &BrokerUrl,
    settings: &Settings,
    purpose: Purpose,
) -> Login {
    let (mechanism, response) = match url.query.auth_mechanism {
        AuthMechanism::Plain => {
            ("PLAIN", LongString::from(format!("\0{}\0{}", node.user, password.reveal())))
        }
        AuthMechanism::External => ("EXTERNAL", LongString::default()),
    };
    Login {
        mechanism,
        response,
        vhost: url.vhost.clone(),
        name: format!("{} ({purpose})", settings.name),
        frame_max: FRAME_MAX,
        heartbeat: u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1),
    }
}
