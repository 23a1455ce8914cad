//! Events, both ways.

use super::*;

#[test]
fn nt_01_dv_36_an_event_holds_what_python_writes() {
    let mut event =
        NotificationMessage::new("compute.host1", "compute.instance.create", payload(r#"{"id": 12}"#));
    event.message_id = MessageId::parse(ID).unwrap();
    (event.priority, event.timestamp_ms) = (Priority::Warn, 1_778_676_780_123);
    event.context.request_id = RequestId::parse("req-1").unwrap();
    let (properties, message) = written(event);
    assert_eq!(properties, written(Request::new("m", payload("{}"))).0);
    assert_eq!(
        message,
        json!({
            "message_id": "7c0e7c9d-1f5b-4c0c-9a1a-d3b3f6f2f7d1", "publisher_id": "compute.host1",
            "event_type": "compute.instance.create", "priority": "WARN", "payload": { "id": 12 },
            "timestamp": "2026-05-13 12:53:00.123000", "_unique_id": ID, "_context_request_id": "req-1",
        })
    );
}

#[test]
fn nt_25_38_dv_33_an_event_is_understood_with_an_envelope_and_without() {
    let message = json!({
        "message_id": "5c7a0f5e-0f4c-4a3a-8b0a-2f1c5b9f7f00", "publisher_id": null, "event_type": "e", "priority": "SAMPLE",
        "payload": [1, { "__type__": "datetime", "__value__": "2026-05-13T12:53:00" }],
        "timestamp": "2026-05-13 12:53:00.123456", "_unique_id": "u", "_context_user": "bob",
    });
    for arrived in [read(&message.to_string()), read_body(message.to_string())] {
        let Ok(Message::Notification(event)) = arrived else { panic!("{arrived:?}") };
        assert_eq!(event.message_id.as_str(), "5c7a0f5e-0f4c-4a3a-8b0a-2f1c5b9f7f00");
        assert_eq!((event.publisher_id.as_str(), event.event_type.as_str()), ("", "e"));
        assert_eq!((event.priority, event.timestamp_ms), (Priority::Sample, 1_778_676_780_123));
        assert_eq!(event.context.metadata.get("user"), Some("bob"));
        // What marks a type in an older body stays, for whoever knows it.
        let expected = r#"[1,{"__type__":"datetime","__value__":"2026-05-13T12:53:00"}]"#;
        assert_eq!(event.payload, payload(expected));
    }
    let Ok(Message::Notification(bare)) = read(r#"{"event_type": "e"}"#) else { panic!("no event") };
    let id = |body| match read(body) {
        Ok(Message::Notification(event)) => event.message_id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(id(r#"{"event_type": "e"}"#), bare.message_id, "the same on every delivery");
    assert_ne!(id(r#"{"event_type": "f"}"#), bare.message_id);
    assert_eq!((&bare.payload, bare.timestamp_ms, bare.priority), (&payload("null"), 0, Priority::Info));
    assert!(read(r#"{"event_type": "e", "priority": "urgent"}"#).unwrap_err().reason.contains("urgent"));
    assert!(read(r#"{"event_type": 1}"#).is_err());
    let large = json!({ "event_type": "e", "payload": "x".repeat(LIMIT) });
    assert_eq!(read(&large.to_string()).unwrap_err().code, Code::TooLarge);
}
