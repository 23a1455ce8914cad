//! A connection's side of what a broker says, for fuzz targets.

use lapin::BasicProperties;
use lapin::types::ShortString;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use super::inbox::Inbox;
use super::message::Delivery;
use super::outbox::{Outbox, Place};
use super::state::State;

const CHANNELS: u16 = 3;
const PUBLISHED: u64 = 5;

/// What came of a broker's octets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Heard {
    /// Messages that a consumer got.
    pub deliveries: usize,
    /// The bytes of their bodies.
    pub bytes: usize,
    /// Tags that were confirmed, with the channel, in order.
    pub confirmed: Vec<(u16, u64)>,
    /// Answers to the one question of each channel.
    pub answers: usize,
    /// Why the connection ended, if it did.
    pub error: Option<String>,
}

/// Lets a connection that has three channels take in `octets`, in reads of `sizes` in turn. A size of 0 counts as 1. Each
/// channel has a consumer `rpc-0`, five messages in flight and a question.
///
/// # Panics
///
/// When the connection has more than it was sent, or has no place for what comes next.
#[must_use]
pub fn heard(frame_max: u32, octets: &[u8], sizes: &[usize]) -> Heard {
    let frame_max = usize::try_from(frame_max).expect("it fits");
    let mut state = State::new(Outbox::new(frame_max), CHANNELS, 0);
    let (mut streams, mut questions) = (Vec::new(), Vec::new());
    for _ in 0..CHANNELS {
        let (stream, question) = channel(&mut state);
        streams.push(stream);
        questions.push(question);
    }
    let mut inbox = Inbox::new(frame_max);
    let result = feed(&mut state, &mut inbox, octets, sizes);
    let mut heard = Heard { error: result.err().map(|error| error.to_string()), ..Heard::default() };
    for stream in &mut streams {
        while let Ok(delivery) = stream.try_recv() {
            let Ok(Delivery { body, .. }) = delivery else { continue };
            heard.deliveries += 1;
            heard.bytes += body.len();
        }
    }
    let waker = std::task::Waker::noop();
    for channel in 1..=CHANNELS {
        let confirmed = state.known(channel).and_then(|known| known.take_confirmed(waker));
        let confirmed = confirmed.and_then(Result::ok).into_iter().flatten();
        heard.confirmed.extend(confirmed.map(|confirmation| (channel, confirmation.tag)));
    }
    heard.answers =
        questions.iter_mut().filter_map(|question| question.try_recv().ok()).filter(Result::is_ok).count();
    assert!(heard.bytes <= octets.len(), "more than was sent");
    heard
}

type Stream = UnboundedReceiver<lapin::Result<Delivery>>;
type Question = oneshot::Receiver<lapin::Result<super::known::Answer>>;

fn channel(state: &mut State) -> (Stream, Question) {
    let number = state.add_channel().expect("there is room");
    let (known, outbox) = state.channel(number).expect("it is open");
    let (sender, stream) = unbounded_channel();
    known.consume(ShortString::from("rpc-0"), sender);
    for _ in 0..PUBLISHED {
        let place = Place { exchange: "", key: "k", mandatory: true };
        let properties = BasicProperties::default().into();
        outbox.publish(number, place, &properties, b"body").expect("it can be written");
        known.publish();
    }
    let (waiting, question) = oneshot::channel();
    known.expect(waiting);
    (stream, question)
}

fn feed(state: &mut State, inbox: &mut Inbox, mut octets: &[u8], sizes: &[usize]) -> lapin::Result<()> {
    for size in sizes.iter().cycle() {
        if octets.is_empty() {
            return Ok(());
        }
        let room = inbox.room();
        assert!(!room.is_empty(), "no place for what comes next");
        let count = (*size).clamp(1, octets.len()).min(room.len());
        let (now, later) = octets.split_at(count);
        room[..count].copy_from_slice(now);
        inbox.filled(count);
        octets = later;
        while let Some(raw) = inbox.next()? {
            state.take(raw)?;
        }
    }
    Ok(())
}
