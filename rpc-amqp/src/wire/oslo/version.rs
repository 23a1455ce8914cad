//! Versions with three parts.

use rpc_core::Version;

/// The version that serves a request for `text`: `major.minor`, or `major.minor.revision`.
///
/// No interface here has a revision, so one that asks for a revision above 0 is served from the next minor version on:
/// by oslo.messaging's rule what fits is a greater minor version, or the same one with at least that revision.
pub(super) fn parse(text: &str) -> Option<Version> {
    let number = |digits: &str| {
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let parts: Vec<_> = text.split('.').map(number).collect::<Option<_>>()?;
    match parts[..] {
        [major, minor] | [major, minor, 0] => Some(Version::new(major, minor)),
        [major, minor, _] => Some(Version::new(major, minor.checked_add(1)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tg_05_06_07_08_09_the_rule_is_pythons() {
        let serves = |implemented: (u32, u32), requested: &str| {
            Version::new(implemented.0, implemented.1).serves(parse(requested).unwrap())
        };
        assert!(serves((1, 5), "1.5") && serves((1, 5), "1.4") && serves((1, 5), "1.4.9"));
        assert!(serves((1, 5), "1.5.0") && !serves((1, 5), "1.5.1") && serves((1, 6), "1.5.1"));
        assert!(!serves((1, 5), "1.6") && !serves((2, 5), "1.5") && !serves((1, 5), "2.0"));
        for text in ["", "1", "1.", "a.b", "1.0.0.0", "1.-2", "4294967296.0", "1.4294967295.1", " 1.0"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
