//! Frames that a broker might send.

use crate::raw::frames::{METHOD, frame, short};

/// A frame for a client, to be [injected](super::Proxy::inject).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// `connection.blocked`: the broker is short of memory or disk.
    #[must_use]
    pub fn blocked(reason: &str) -> Self {
        Self::method(0, (10, 60), &short(reason.as_bytes()))
    }

    /// `connection.unblocked`.
    #[must_use]
    pub fn unblocked() -> Self {
        Self::method(0, (10, 61), &[])
    }

    /// `channel.close`, with a code such as 406. The client answers it, and the broker, which has closed nothing,
    /// takes the answer for an error: RabbitMQ closes the connection with 503.
    #[must_use]
    pub fn channel_close(channel: u16, code: u16, text: &str) -> Self {
        Self::method(channel, (20, 40), &reason(code, text))
    }

    /// `connection.close`, with a code such as 320. The client answers it and closes its socket.
    #[must_use]
    pub fn connection_close(code: u16, text: &str) -> Self {
        Self::method(0, (10, 50), &reason(code, text))
    }

    /// Anything.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn method(channel: u16, (class, method): (u16, u16), arguments: &[u8]) -> Self {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        Self(frame(METHOD, channel, &payload))
    }
}

/// Code, text, and the method at fault: none.
fn reason(code: u16, text: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], &short(text.as_bytes()), &[0; 4]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_laid_out_as_amqp_says() {
        let blocked = b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x3c\x03low\xce";
        assert_eq!(Frame::blocked("low").as_bytes(), blocked);
        assert_eq!(Frame::unblocked().as_bytes(), b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce");
        let close = b"\x01\x00\x07\x00\x00\x00\x0d\x00\x14\x00\x28\x01\x96\x02no\x00\x00\x00\x00\xce";
        assert_eq!(Frame::channel_close(7, 406, "no").as_bytes(), close);
        let close = b"\x01\x00\x00\x00\x00\x00\x0d\x00\x0a\x00\x32\x01\x40\x02go\x00\x00\x00\x00\xce";
        assert_eq!(Frame::connection_close(320, "go").as_bytes(), close);
    }
}
