//! Text of a peer, made fit for logs and terminals.

/// At most `longest` bytes of `text`, cut between characters, with control characters other than line breaks replaced.
pub(crate) fn readable(text: String, longest: usize) -> String {
    let is_hostile = |character: char| character.is_control() && character != '\n';
    if text.len() <= longest && !text.contains(is_hostile) {
        return text;
    }
    let mut kept = String::new();
    for character in text.chars() {
        let shown = if is_hostile(character) { char::REPLACEMENT_CHARACTER } else { character };
        if kept.len() + shown.len_utf8() > longest {
            break;
        }
        kept.push(shown);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_and_hostile_texts_are_cut() {
        assert_eq!(readable("é".repeat(10), 7), "ééé");
        assert_eq!(readable("a\u{1b}[2Jb\nc".to_owned(), 100), "a\u{fffd}[2Jb\nc");
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_the_limit(text: String, longest in 0_usize..200) {
            prop_assert!(readable(text, longest).len() <= longest);
        }
    }
}
