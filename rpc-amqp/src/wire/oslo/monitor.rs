//! The time under `_timeout`: for how long a caller bears no sign of life. (A call's own timeout is not in the body.)

use std::time::Duration;

use rpc_core::{Deadline, Error};

use super::unspeakable;

/// A server sends nothing to whoever asks for less: every half of this, in whole seconds.
const SHORTEST: Duration = Duration::from_secs(2);

/// The time as JSON: a number of seconds, or null.
pub(super) fn encode(silence: Option<Duration>) -> Result<String, Error> {
    match silence {
        None => Ok("null".to_owned()),
        Some(silence) if silence < SHORTEST => Err(unspeakable(format!(
            "the call_monitor of {silence:?} is too short: servers in Python send no signs of life for less than 2 s"
        ))),
        Some(silence) if silence.subsec_nanos() == 0 => Ok(silence.as_secs().to_string()),
        Some(silence) => Ok(silence.as_secs_f64().to_string()),
    }
}

/// What Python makes a whole number of, if that is long enough: a number, of which it takes the whole part, or digits as
/// text.
pub(super) fn decode(json: &str) -> Option<Duration> {
    let seconds = match serde_json::from_str(json).ok()? {
        serde_json::Value::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().map(|seconds| seconds as u64))?
        }
        serde_json::Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Some(Duration::from_secs(seconds).min(Deadline::LONGEST)).filter(|silence| *silence >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dv_10_11_what_python_takes_for_a_time_is_one() {
        for (json, seconds) in [
            ("2", Some(2)),
            ("60", Some(60)),
            ("2.9", Some(2)),
            ("1e2", Some(100)),
            ("\"7\"", Some(7)),
            ("\" 7 \"", Some(7)),
            ("null", None),
            ("0", None),
            ("1", None),
            ("1.99", None),
            ("-3", None),
            ("-3.5", None),
            ("\"1\"", None),
            ("\"2.5\"", None),
            ("\"soon\"", None),
            ("true", None),
            ("[2]", None),
            ("{}", None),
        ] {
            assert_eq!(decode(json), seconds.map(Duration::from_secs), "{json}");
        }
        assert_eq!(decode("1e300"), Some(Deadline::LONGEST));
        assert_eq!(decode("18446744073709551615"), Some(Deadline::LONGEST));
    }

    #[test]
    fn rc_13_a_time_is_sent_as_it_is_or_not_at_all() {
        let encoded = |milliseconds| encode(Some(Duration::from_millis(milliseconds))).ok();
        assert_eq!(encode(None).ok().as_deref(), Some("null"));
        assert_eq!(encoded(2_000).as_deref(), Some("2"));
        assert_eq!(encoded(3_600_000).as_deref(), Some("3600"));
        assert_eq!(encoded(2_500).as_deref(), Some("2.5"));
        assert_eq!(encoded(1_999), None);
    }
}
