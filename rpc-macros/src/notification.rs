//! `#[derive(Notification)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, parse_quote};

use crate::errors::Errors;
use crate::keys::Keys;

/// The longest event type in bytes: a short string on every broker.
const LONGEST_EVENT_TYPE: usize = 255;

/// The names of the priorities and their variants.
const PRIORITIES: [(&str, &str); 7] = [
    ("audit", "Audit"),
    ("debug", "Debug"),
    ("info", "Info"),
    ("warn", "Warn"),
    ("error", "Error"),
    ("critical", "Critical"),
    ("sample", "Sample"),
];

/// An event, as its attribute describes it.
#[derive(Debug)]
struct Event {
    event_type: String,
    /// The variant of `Priority`; `None` for the default.
    priority: Option<&'static str>,
}

/// Expands `#[derive(Notification)] item`, for a crate that knows rpc-core as `crate_path`.
pub(crate) fn expand(item: TokenStream, crate_path: &TokenStream) -> syn::Result<TokenStream> {
    let mut item: DeriveInput = syn::parse2(item)?;
    let event = parse(&item)?;
    if !item.generics.params.is_empty() {
        // Whatever the user's own `Serialize` asks of the parameters, this asks the same.
        let clause = item.generics.make_where_clause();
        clause.predicates.push(parse_quote!(Self: #crate_path::__private::serde::Serialize));
    }
    let name = &item.ident;
    let (parameters, arguments, clause) = item.generics.split_for_impl();
    let event_type = event.event_type;
    let priority = event.priority.map(|variant| {
        let variant = format_ident!("{variant}");
        quote!(const PRIORITY: #crate_path::Priority = #crate_path::Priority::#variant;)
    });
    Ok(quote! {
        #[automatically_derived]
        impl #parameters #crate_path::Notification for #name #arguments #clause {
            const EVENT_TYPE: &'static str = #event_type;
            #priority
        }
    })
}

fn parse(item: &DeriveInput) -> syn::Result<Event> {
    let mut errors = Errors::default();
    if let Data::Union(data) = &item.data {
        errors.push(data.union_token, "an event is a struct or an enum");
    }
    let mut attributes = item.attrs.iter().filter(|attribute| attribute.path().is_ident("notification"));
    let mut event = Event { event_type: String::new(), priority: None };
    match attributes.next() {
        None => errors.push(&item.ident, "add `#[notification(event_type = \"…\")]`"),
        Some(attribute) => event = parse_attribute(attribute, &mut errors),
    }
    for other in attributes {
        errors.push(other, "write all keys into one `#[notification]`");
    }
    errors.finish(event)
}

fn parse_attribute(attribute: &Attribute, errors: &mut Errors) -> Event {
    let keys = Keys::of(attribute, "notification", &["event_type", "priority"], errors);
    if keys.lacks("event_type") {
        errors.push(attribute, "add `event_type = \"…\"`: listeners tell events apart by it");
    }
    let event_type = keys.text("event_type", errors).map(|text| {
        let value = text.value();
        if value.is_empty() || value.len() > LONGEST_EVENT_TYPE {
            errors.push(text, format!("an event type has 1 to {LONGEST_EVENT_TYPE} bytes"));
        }
        value
    });
    let priority = keys.text("priority", errors).and_then(|text| {
        let found = PRIORITIES.into_iter().find(|(name, _)| *name == text.value());
        if found.is_none() {
            let names = PRIORITIES.map(|(name, _)| name).join(", ");
            errors.push(text, format!("not a priority: use one of {names}"));
        }
        found.map(|(_, variant)| variant)
    });
    Event { event_type: event_type.unwrap_or_default(), priority }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_has_its_length() {
        for (length, accepted) in [(1, true), (255, true), (256, false)] {
            let event_type = "x".repeat(length);
            let item = quote!(
                #[notification(event_type = #event_type)]
                struct Event;
            );
            assert_eq!(expand(item, &quote!(::rpc_core)).is_ok(), accepted, "{length} bytes");
        }
    }

    #[test]
    fn every_priority_of_the_core_is_known() {
        let known = PRIORITIES.iter().map(|(name, variant)| (*name, (*variant).to_owned()));
        assert!(known.eq(rpc_core::Priority::ALL.iter().map(|it| (it.as_str(), format!("{it:?}")))));
    }
}
