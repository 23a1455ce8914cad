//! URLs of a broker: the password is nowhere to be seen, whatever stands around it and whatever is wrong.

use rpc_amqp::fuzzing::{Seen, url};
use rpc_core::transport::async_trait;
use rpc_core::transport::{Connector, Registry};
use rpc_core::{Code, Error, SharedTransport};

use crate::message::run;

/// A piece of the password that occurs nowhere else.
const MARK: &str = "Hunter2Hunter2";

/// Octets are the scheme with its slashes, the user, what of the password stands before and behind the mark, and the rest from the first
/// host on, with a line break between each.
pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let _ = url(text);
    let parts: Vec<_> = text.splitn(5, '\n').collect();
    let [scheme, user, before, behind, rest] = parts[..] else { return };
    // Behind a comma another host begins, and what stands before its @ is a user: nobody can know better.
    if before.contains(',') || behind.contains(',') || text.contains(MARK) {
        return;
    }
    let text = format!("{scheme}{user}:{before}{MARK}{behind}@{rest}");
    check_shown(&format!("{:?}", rpc_amqp::AmqpTransport::builder(text.as_str())));
    match url(&text) {
        Ok(Seen { text, passwords, .. }) => {
            check_shown(&text);
            assert!(passwords.iter().any(|password| password.contains(MARK)), "it is lost");
        }
        Err(error) => {
            check_shown(&format!("{error}{error:?}"));
            let error = Error::from(error);
            check_shown(&format!("{error}{error:?}{error:#?}"));
        }
    }
    let registry = Registry::new().with(rpc_amqp::SCHEMES, Offline);
    let error = run(registry.connect(&text)).expect_err("nothing is connected to");
    check_shown(&format!("{error}{error:?}{error:#?}"));
}

fn check_shown(text: &str) {
    assert!(!text.contains(MARK), "{text}");
}

/// Opens nothing.
struct Offline;

#[async_trait]
impl Connector for Offline {
    async fn connect(&self, _: &str) -> Result<SharedTransport, Error> {
        Err(Error::new(Code::Unavailable, "offline"))
    }
}
