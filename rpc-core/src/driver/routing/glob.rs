//! Patterns of a shell.

use regex::RegexSet;

/// Patterns of a shell, compiled.
#[derive(Debug)]
pub(super) struct Globs(RegexSet);

impl Globs {
    pub(super) fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, String> {
        let expressions = patterns.iter().map(|pattern| expression(pattern.as_ref()));
        RegexSet::new(expressions).map(Self).map_err(|error| format!("patterns cannot be compiled: {error}"))
    }

    pub(super) fn match_any(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The regular expression that matches what `pattern` does.
fn expression(pattern: &str) -> String {
    let mut expression = "(?s)^".to_owned();
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let mut next = &rest[character.len_utf8()..];
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => match bracket(next) {
                Some((class, after)) => {
                    expression.push_str(&class);
                    next = after;
                }
                // Without its end it is an ordinary character.
                None => expression.push_str("\\["),
            },
            _ => expression.push_str(&regex::escape(&rest[..character.len_utf8()])),
        }
        rest = next;
    }
    expression.push('$');
    expression
}

/// The class that begins `text` after its `[`, and what comes after its end.
fn bracket(text: &str) -> Option<(String, &str)> {
    let (negated, members) = text.strip_prefix('!').map_or((false, text), |members| (true, members));
    // An end in the first place is a member.
    let first = members.chars().next()?.len_utf8();
    let end = first + members[first..].find(']')?;
    let mut class = if negated { "[^".to_owned() } else { "[".to_owned() };
    let mut characters = members[..end].chars().peekable();
    while let Some(from) = characters.next() {
        let mut ahead = characters.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) => {
                characters = ahead;
                to
            }
            _ => from,
        };
        if from > to {
            // A range that holds nothing.
            continue;
        }
        for (separator, member) in [("", from), ("-", to)] {
            class.push_str(separator);
            class.push_str(&format!("\\x{{{:x}}}", u32::from(member)));
        }
    }
    if class.len() <= 2 && !class.ends_with('}') {
        // Nothing is in it: nothing matches, or everything.
        class = if negated { "." } else { "[^\\x{0}-\\x{10ffff}]" }.to_owned();
    } else {
        class.push(']');
    }
    Some((class, &members[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Globs::new(&[pattern]).unwrap().match_any(text)
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("foo.*", "foo.bar", true),
            ("foo.*", "foo", false),
            ("foo.*", "fooxbar", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]x", "bx", true),
            ("[!ab]x", "bx", false),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[]]", "]", true),
            ("[^a]", "^", true),
            ("[", "[", true),
            ("a[b", "a[b", true),
            ("a+(b)\\", "a+(b)\\", true),
            ("é*", "éa", true),
            ("*\n*", "a\nb", true),
            ("oo", "foo", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn every_pattern_compiles(pattern in "[]\\[!^a-c*?\\\\.&~-]{0,12}|\\PC{0,12}") {
            prop_assert!(Globs::new(&[pattern]).is_ok());
        }

        #[test]
        fn text_without_signs_matches_itself_only(text in "[^*?\\[]{0,10}", other in "[^*?\\[]{0,10}") {
            prop_assert!(matches(&text, &text));
            prop_assert_eq!(matches(&text, &other), text == other);
        }
    }
}
