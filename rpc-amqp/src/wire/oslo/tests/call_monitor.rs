//! Signs of life, and who asks for them.

use super::*;

#[test]
fn rc_13_a_call_monitor_is_passed_on() {
    let mut call = call("{}");
    call.call_monitor = Some(Duration::from_secs(3_600));
    assert_eq!(written(call.clone()).1["_timeout"], json!(3_600));
    call.call_monitor = Some(Duration::from_millis(1_500));
    let error = encode(call.clone().into(), Wire::Oslo, &Exceptions::default()).unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent), "{error}");
    // A cast has nobody who listens.
    call.reply_to = None;
    assert_eq!(written(call).1.get("_timeout"), None);
}

#[test]
fn dv_11_who_sends_no_time_listens_for_nothing() {
    let of = |timeout: serde_json::Value| {
        let message = json!({ "method": "m", "_msg_id": ID, "_reply_q": ADDRESS, "_timeout": timeout });
        request(&message.to_string()).call_monitor
    };
    assert_eq!(of(json!(2)), Some(Duration::from_secs(2)));
    for none in [json!(null), json!(0), json!(1.5), json!("soon"), json!({})] {
        assert_eq!(of(none.clone()), None, "{none}");
    }
    assert_eq!(request(r#"{"method": "m"}"#).call_monitor, None);
}

#[test]
fn dv_06_09_a_sign_of_life_has_every_key_and_is_not_the_end() {
    let mut running = Reply::running(CorrelationId::parse(ID).unwrap());
    running.message_id = MessageId::parse("u").unwrap();
    (running.server, running.time_to_live) = (Some("s".into()), Some(Duration::from_secs(1)));
    let (properties, message) = written(running);
    let sign = json!({ "result": null, "failure": null, "ending": false, "_msg_id": ID, "_unique_id": "u" });
    assert_eq!((&message, properties.expiration()), (&sign, &None));
    let read = reply(&sign.to_string());
    assert!(!read.ending && read.payload().body.is_empty(), "{read:?}");

    let early = json!({ "result": 0, "failure": null, "ending": false, "_msg_id": ID });
    let read = reply(&early.to_string());
    assert_eq!((read.ending, read.payload()), (false, &payload("0")));
    let failed = json!({ "result": null, "failure": "x", "ending": false, "_msg_id": ID });
    assert!(reply(&failed.to_string()).ending, "nothing can follow");
    let last = json!({ "result": null, "failure": null, "ending": true, "_msg_id": ID });
    let read = reply(&last.to_string());
    assert_eq!((read.ending, read.payload()), (true, &payload("null")));
}
