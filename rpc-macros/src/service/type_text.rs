//! A type as people write it.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// `written` on one line, with blanks only where `rustfmt` puts them.
pub(super) fn type_text(written: &Type) -> String {
    let mut text = String::new();
    write(written.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut after_word = false;
    let mut after_joint = false;
    let mut after_angle = false;
    for token in tokens {
        let word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        let cast = after_angle && matches!(&token, TokenTree::Ident(ident) if ident == "as");
        if cast || (word && after_word) {
            text.push(' ');
        }
        after_word = word;
        after_angle = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '>');
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let joint = punct.spacing() == Spacing::Joint;
                match punct.as_char() {
                    sign @ (',' | ';') => {
                        text.push(sign);
                        text.push(' ');
                    }
                    sign @ ('+' | '=') => {
                        text.push(' ');
                        text.push(sign);
                        text.push(' ');
                    }
                    '-' if joint => text.push_str(" -"),
                    '>' if after_joint && text.ends_with('-') => text.push_str("> "),
                    sign => text.push(sign),
                }
                after_joint = joint;
                continue;
            }
            word => text.push_str(&word.to_string()),
        }
        after_joint = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_as_it_was_written() {
        for written in [
            "NodeId",
            "Option<Vec<u8>>",
            "std::collections::BTreeMap<String, (u8, Option<u16>)>",
            "[u8; 4]",
            "()",
            "<Vec<u8> as IntoIterator>::Item",
            "Box<dyn Fn(u8) -> u16 + Send>",
            "r#type::Node",
        ] {
            assert_eq!(type_text(&syn::parse_str(written).unwrap()), written);
        }
    }
}
