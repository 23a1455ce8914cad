//! The keys of an attribute: `timeout = "30s", idempotent`.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token};

use crate::errors::Errors;

/// The keys of one attribute, all of them known and none given twice.
pub(crate) struct Keys {
    entries: Vec<Meta>,
    /// Whether the keys could be told apart at all.
    readable: bool,
}

impl Keys {
    /// Reads the keys of `attribute`, which is `#[name]` or `#[name(…)]`.
    pub(crate) fn of(attribute: &Attribute, name: &str, known: &[&str], errors: &mut Errors) -> Self {
        match &attribute.meta {
            Meta::Path(_) => Self { entries: Vec::new(), readable: true },
            Meta::List(list) => Self::parse(list.tokens.clone(), name, known, errors),
            Meta::NameValue(pair) => {
                errors.push(pair, format!("write `#[{name}({})]`: {}", example(known), listed(name, known)));
                Self { entries: Vec::new(), readable: false }
            }
        }
    }

    /// Reads the keys between the parentheses of the attribute `name`.
    pub(crate) fn parse(tokens: TokenStream, name: &str, known: &[&str], errors: &mut Errors) -> Self {
        let parsed = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens);
        let parsed = errors.keep(parsed.map_err(|error| {
            syn::Error::new(error.span(), format!("expected a key: {}", listed(name, known)))
        }));
        let readable = parsed.is_some();
        let mut entries: Vec<Meta> = Vec::new();
        for entry in parsed.into_iter().flatten() {
            let path = entry.path();
            if !known.iter().any(|key| path.is_ident(key)) {
                errors.push(path, format!("unknown key: {}", listed(name, known)));
            } else if entries.iter().any(|earlier| earlier.path().get_ident() == path.get_ident()) {
                errors.push(path, "this key is given twice: remove one");
            } else {
                entries.push(entry);
            }
        }
        Self { entries, readable }
    }

    /// Whether `key` is certainly not there.
    pub(crate) fn lacks(&self, key: &str) -> bool {
        self.readable && self.entry(key).is_none()
    }

    /// The text of `key = "text"`.
    pub(crate) fn text(&self, key: &str, errors: &mut Errors) -> Option<LitStr> {
        let entry = self.entry(key)?;
        if let Some(text) = text(entry) {
            return Some(text.clone());
        }
        errors.push(entry, format!("write it as text: `{key} = \"…\"`"));
        None
    }

    /// Whether the word `key` is there.
    pub(crate) fn word(&self, key: &str, errors: &mut Errors) -> bool {
        match self.entry(key) {
            None => false,
            Some(Meta::Path(_)) => true,
            Some(entry) => {
                errors.push(entry, format!("write only `{key}`, or leave it out"));
                false
            }
        }
    }

    fn entry(&self, key: &str) -> Option<&Meta> {
        self.entries.iter().find(|entry| entry.path().is_ident(key))
    }
}

/// The text of `name = "text"`, also when it came through another macro.
pub(crate) fn text(entry: &Meta) -> Option<&LitStr> {
    fn of(value: &Expr) -> Option<&LitStr> {
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            Expr::Group(group) => of(&group.expr),
            _ => None,
        }
    }
    of(&entry.require_name_value().ok()?.value)
}

fn example(known: &[&str]) -> String {
    format!("{} = \"…\"", known.first().copied().unwrap_or_default())
}

/// A sentence with all keys of an attribute.
fn listed(name: &str, known: &[&str]) -> String {
    let quoted: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
    let keys = match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "no key".to_owned(),
    };
    format!("`#[{name}]` knows {keys}")
}
