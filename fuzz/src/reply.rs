//! Replies: read into the types of a caller, or the reason why not.

use rpc_core::fuzzing::{typed, untyped};
use rpc_core::message::Message;
use rpc_core::{CallError, Error, Value};
use std::sync::Arc;

use crate::message::{check_text, read, run};
use crate::table::{Record, Refused};

/// The largest result, in bytes: that of a small program.
const LIMIT: usize = 64 * 1_024;

pub fn check(octets: &[u8]) {
    run(async {
        let Some(Message::Reply(reply)) = read(octets) else { return };
        if let Err(error) = typed::<Record, Refused>((*reply).clone(), LIMIT) {
            check_error(&error);
        }
        if let Err(error) = typed::<Vec<Option<u16>>, rpc_core::NoError>((*reply).clone(), LIMIT) {
            check_error(&error);
        }
        match untyped(Arc::unwrap_or_clone(reply), LIMIT) {
            Ok(value) => check_value(&value),
            Err(CallError::Service(failure)) => {
                check_text(&failure.to_string());
                check_value(&failure.data);
            }
            Err(CallError::Rpc(error)) => check_own(&error),
        }
    });
}

fn check_error<E>(error: &CallError<E>) {
    if let CallError::Rpc(error) = error {
        check_own(error);
    }
}

fn check_own(error: &Error) {
    check_text(error.message());
    // A sanitizer looks at what is made here.
    let _ = format!("{error}{error:?}{error:#?}");
}

/// Nothing is deeper than what is decoded.
fn check_value(value: &Value) {
    let depth = depth(value);
    assert!(depth <= rpc_core::codec::DEEPEST_NESTING, "{depth} levels");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Map(pairs) => 1 + pairs.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
