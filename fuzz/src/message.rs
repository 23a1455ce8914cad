//! What all messages have in common.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::fuzzing::{again, message};
use rpc_core::Deadline;
use rpc_core::message::{Message, Outcome};

/// The longest text of an error, in bytes.
const LONGEST_TEXT: usize = 8 * 1_024;

/// Runs `work` on a clock that stands still while there is anything to do.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(work)
}

/// The message in `octets`, if there is one. It can be written, and means the same when it is read again.
pub(crate) fn read(octets: &[u8]) -> Option<Message> {
    let message = match message(octets)? {
        Ok(message) => message,
        Err(malformed) => {
            check_text(&malformed.reason);
            return None;
        }
    };
    let mut written = message.clone();
    // What no sender of ours would write is brought to what it would.
    round(&mut written);
    let read = again(written.clone()).expect("what was read can be written").expect("and read");
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    assert_eq!(read.payload(), written.payload());
    Some(message)
}

/// Text that can end up in a log or on a terminal, with something of a stranger's in it.
pub(crate) fn check_text(text: &str) {
    assert!(text.len() <= LONGEST_TEXT, "{} bytes", text.len());
    assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
}

fn round(message: &mut Message) {
    match message {
        Message::Request(request) => {
            let request = Arc::make_mut(request);
            round_time(&mut request.time_to_live);
            round_deadline(&mut request.context.deadline);
        }
        Message::Reply(reply) => {
            let reply = Arc::make_mut(reply);
            round_time(&mut reply.time_to_live);
            if let Outcome::Failure(failure) = &mut reply.outcome {
                round_time(&mut failure.retry_after);
            }
        }
        Message::Notification(notification) => {
            let notification = Arc::make_mut(notification);
            let latest = u64::try_from(i64::MAX).expect("it is positive");
            notification.timestamp_ms = notification.timestamp_ms.min(latest);
            round_deadline(&mut notification.context.deadline);
        }
    }
}

/// Times are written as 1 ms to 30 days.
fn round_time(time: &mut Option<Duration>) {
    *time = time.map(|time| time.clamp(Duration::from_millis(1), Deadline::LONGEST));
}

fn round_deadline(deadline: &mut Option<Deadline>) {
    let mut left = deadline.map(Deadline::remaining);
    round_time(&mut left);
    *deadline = left.map(Deadline::after);
}
