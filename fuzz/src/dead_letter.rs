//! Dead letters: whatever a message is like, it can be put away.
//!
//! No code here reads what a broker says of dead letters (`x-death`), so it is the writer that is tested.

use amq_protocol::frame::{AMQPFrame, parse_frame};
use amq_protocol::types::AMQPValue;
use rpc_amqp::fuzzing::dead_letter;

use crate::frames::header;

/// What the properties of a dead letter may take, in bytes.
const MOST_HEADERS: usize = 32 * 1_024;
/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 1_024;

/// The octets are the message, and as text the reason, too.
pub fn check(octets: &[u8]) {
    let reason = String::from_utf8_lossy(octets);
    if octets.len() < 2 {
        return;
    }
    let dead = dead_letter(octets, &reason).expect("it can be put away");
    assert!(dead.properties.len() <= dead.reckoned, "{} of {}", dead.properties.len(), dead.reckoned);
    assert!(dead.reckoned <= MOST_HEADERS, "{} bytes", dead.reckoned);
    let frame = header(&dead.properties);
    let Ok((_, AMQPFrame::Header(_, header))) = parse_frame(&frame[..]) else { panic!("not readable") };
    let properties = header.properties;
    assert_eq!((properties.expiration(), properties.user_id()), (&None, &None));
    assert_eq!(*properties.delivery_mode(), Some(2));
    let headers = properties.headers().as_ref().expect("it says why").inner();
    let is_flat = |value: &AMQPValue| !matches!(value, AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_));
    assert!(headers.values().all(is_flat));
    let text = |name| match headers.get(name) {
        Some(AMQPValue::LongString(text)) => text.as_bytes(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(
        (text("dead-letter-code"), text("dead-letter-queue")),
        (&b"malformed"[..], &b"rpc.default.table"[..])
    );
    let kept = text("dead-letter-reason");
    assert!(kept.len() <= LONGEST_REASON && reason.as_bytes().starts_with(kept));
    assert!(kept.len() + 4 > LONGEST_REASON.min(reason.len()), "more of the reason could be kept");
}
