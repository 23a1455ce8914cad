//! Frames on their way to the socket.

use std::sync::Arc;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame};
use amq_protocol::protocol::{AMQPClass, BasicProperties};
use lapin::ErrorKind;

use crate::wire::Properties;

/// Octets of a frame around its payload.
pub(super) const AROUND: usize = 8;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xce;
/// The class of all content.
const BASIC: u16 = 60;
const PUBLISH: u16 = 40;
/// What an empty buffer may keep of its room.
const KEPT: usize = 256 * 1_024;

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// At most 255 bytes, as the next.
    pub(crate) exchange: &'a str,
    pub(crate) key: &'a str,
    /// Whether it comes back when no queue takes it.
    pub(crate) mandatory: bool,
}

/// Frames on their way to the socket, one behind the other.
#[derive(Debug)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    /// How many octets were ever put in.
    queued: u64,
    frame_max: usize,
}

impl Outbox {
    pub(super) const fn new(frame_max: usize) -> Self {
        Self { octets: Vec::new(), queued: 0, frame_max }
    }

    /// The largest frame that both sides agreed on.
    pub(super) const fn limit(&mut self, frame_max: usize) {
        self.frame_max = frame_max;
    }

    pub(super) fn start(&mut self) {
        self.octets.extend_from_slice(b"AMQP\x00\x00\x09\x01");
        self.queued += 8;
    }

    /// Puts a method in, and says how many octets will have been written with it.
    pub(super) fn method(&mut self, channel: u16, method: AMQPClass) -> lapin::Result<u64> {
        self.frame(&AMQPFrame::Method(channel, method))
    }

    pub(super) fn heartbeat(&mut self) -> lapin::Result<u64> {
        self.frame(&AMQPFrame::Heartbeat)
    }

    /// Puts a message in, whole or not at all, and says how many octets will have been written with it.
    pub(super) fn publish(
        &mut self,
        channel: u16,
        place: Place<'_>,
        properties: &Properties,
        body: &[u8],
    ) -> lapin::Result<u64> {
        let before = self.octets.len();
        self.head(METHOD, channel, 4 + 2 + 1 + place.exchange.len() + 1 + place.key.len() + 1);
        self.octets.extend_from_slice(&BASIC.to_be_bytes());
        self.octets.extend_from_slice(&PUBLISH.to_be_bytes());
        self.octets.extend_from_slice(&[0, 0]);
        self.short(place.exchange);
        self.short(place.key);
        self.octets.extend_from_slice(&[u8::from(place.mandatory), END]);
        self.queued += (self.octets.len() - before) as u64;
        if let Err(error) = self.header(channel, properties, body.len() as u64) {
            self.queued -= (self.octets.len() - before) as u64;
            self.octets.truncate(before);
            return Err(error);
        }
        for part in body.chunks(self.frame_max - AROUND) {
            self.head(BODY, channel, part.len());
            self.octets.extend_from_slice(part);
            self.octets.push(END);
            self.queued += (part.len() + AROUND) as u64;
        }
        Ok(self.queued)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Moves everything to `octets`, which is empty, and keeps its room for what comes next.
    pub(super) fn move_to(&mut self, octets: &mut Vec<u8>) {
        octets.clear();
        octets.shrink_to(KEPT);
        std::mem::swap(octets, &mut self.octets);
    }

    fn header(&mut self, channel: u16, properties: &Properties, body_size: u64) -> lapin::Result<()> {
        match properties {
            Properties::Written(written) => {
                let octets = written.octets();
                self.head(HEADER, channel, 2 + 2 + 8 + octets.len());
                self.octets.extend_from_slice(&BASIC.to_be_bytes());
                self.octets.extend_from_slice(&[0, 0]);
                self.octets.extend_from_slice(&body_size.to_be_bytes());
                self.octets.extend_from_slice(octets);
                self.octets.push(END);
                self.queued += (2 + 2 + 8 + octets.len() + AROUND) as u64;
                Ok(())
            }
            Properties::Table(table) => {
                let properties = BasicProperties::clone(table);
                let header = AMQPContentHeader { class_id: BASIC, body_size, properties };
                self.frame(&AMQPFrame::Header(channel, header)).map(drop)
            }
        }
    }

    fn frame(&mut self, frame: &AMQPFrame) -> lapin::Result<u64> {
        let before = self.octets.len();
        // The generator takes the buffer, and on an error it is gone; so that what others have put in is not, small frames
        // are made elsewhere.
        let made = gen_frame(frame)(WriteContext::from(Vec::with_capacity(256)));
        let made = made.map_err(|error| ErrorKind::SerialisationError(Arc::new(error)))?;
        self.octets.extend_from_slice(&made.into_inner().0);
        self.queued += (self.octets.len() - before) as u64;
        Ok(self.queued)
    }

    fn head(&mut self, kind: u8, channel: u16, length: usize) {
        self.octets.push(kind);
        self.octets.extend_from_slice(&channel.to_be_bytes());
        // Of one frame, which has at most as many octets as both sides agreed on, in 32 bits.
        self.octets.extend_from_slice(&(length as u32).to_be_bytes());
    }

    fn short(&mut self, text: &str) {
        self.octets.push(text.len() as u8);
        self.octets.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use amq_protocol::frame::parse_frame;
    use amq_protocol::protocol::basic::{AMQPMethod, Publish};
    use lapin::types::ShortString;

    use super::*;

    fn frames(mut octets: &[u8]) -> Vec<AMQPFrame> {
        let mut frames = Vec::new();
        while !octets.is_empty() {
            let (rest, frame) = parse_frame(octets).unwrap();
            frames.push(frame);
            octets = rest;
        }
        frames
    }

    #[test]
    fn a_message_is_what_others_read() {
        let mut outbox = Outbox::new(4_096);
        let properties = BasicProperties::default().with_message_id(ShortString::from("m"));
        let body: Vec<_> = (0..10_000).map(|number| number as u8).collect();
        let place = Place { exchange: "x", key: "k.l", mandatory: true };
        let end = outbox.publish(7, place, &properties.clone().into(), &body).unwrap();
        let mut octets = Vec::new();
        outbox.move_to(&mut octets);
        assert_eq!(end, octets.len() as u64);
        let publish = Publish {
            exchange: ShortString::from("x"),
            routing_key: ShortString::from("k.l"),
            mandatory: true,
            immediate: false,
        };
        let header = AMQPContentHeader { class_id: BASIC, body_size: 10_000, properties };
        let mut expected = vec![
            AMQPFrame::Method(7, AMQPClass::Basic(AMQPMethod::Publish(publish))),
            AMQPFrame::Header(7, header),
        ];
        expected.extend(body.chunks(4_088).map(|part| AMQPFrame::Body(7, part.to_vec())));
        assert_eq!(frames(&octets), expected);
    }

    #[test]
    fn positions_count_on() {
        let mut outbox = Outbox::new(4_096);
        let place = Place { exchange: "", key: "k", mandatory: false };
        let first = outbox.heartbeat().unwrap();
        let mut octets = Vec::new();
        outbox.move_to(&mut octets);
        assert!(outbox.is_empty());
        let second = outbox.publish(1, place, &BasicProperties::default().into(), b"").unwrap();
        outbox.move_to(&mut octets);
        assert_eq!((first, second), (8, 8 + octets.len() as u64));
        assert_eq!(frames(&octets).len(), 2, "no body, no frame of it");
    }
}
