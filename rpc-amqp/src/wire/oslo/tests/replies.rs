//! Replies, and what becomes of calls whose reply cannot be read.

use super::*;

#[test]
fn dv_06_a_reply_has_every_key() {
    let mut reply = Reply::new(CorrelationId::parse(ID).unwrap(), Outcome::Success(payload("12")));
    reply.message_id = MessageId::parse("u-1").unwrap();
    let expected =
        json!({ "result": 12, "failure": null, "ending": true, "_msg_id": ID, "_unique_id": "u-1" });
    assert_eq!(written(reply.clone()).1, expected);
    reply.outcome = Outcome::Success(Payload::default());
    assert_eq!(written(reply.clone()).1["result"], json!(null));
    reply.outcome = Outcome::Success(Payload::new(ContentType::MessagePack, Bytes::from_static(b"\xc0")));
    let (_, message) = written(reply);
    assert!(message["failure"].as_str().unwrap().contains("not JSON"), "{message}");
}

#[test]
fn a_reply_that_is_too_large_is_told_to_its_call() {
    let message = json!({ "result": "x".repeat(LIMIT), "failure": null, "ending": true, "_msg_id": ID });
    let malformed = read(&message.to_string()).unwrap_err();
    assert_eq!((malformed.code, malformed.answers), (Code::TooLarge, CorrelationId::parse(ID)));
    assert!(read(r#"{"result": 1, "failure": null, "ending": true}"#).unwrap_err().answers.is_none());
    let huge = json!({ "result": "x".repeat(3 * LIMIT + 64 * 1_024), "failure": null, "ending": true, "_msg_id": ID });
    let malformed = read(&huge.to_string()).unwrap_err();
    assert_eq!((malformed.code, malformed.answers), (Code::TooLarge, CorrelationId::parse(ID)));
}

#[test]
fn a_reply_that_cannot_be_read_fails_its_call() {
    for result in ["nonsense", "01", "\"\t\"", "[1", r#""\q""#] {
        let message =
            format!(r#"{{"result": {result}, "failure": null, "ending": true, "_msg_id": "{ID}"}}"#);
        let malformed = read(&message).unwrap_err();
        let fails = (malformed.reply_to.is_none(), malformed.answers);
        let is_lost = result == "[1";
        assert_eq!(fails, (true, CorrelationId::parse(ID).filter(|_| !is_lost)), "{result}");
    }
}
