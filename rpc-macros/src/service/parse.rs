//! From the trait's syntax to the model.

mod argument;
mod method;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, ItemTrait, TraitItem};

use super::attributes::ServiceAttribute;
use super::model::{Method, Service};
use super::version::Version;
use crate::errors::Errors;

/// Reads `#[service(attribute)] item`.
///
/// # Errors
///
/// Everything that is wrong with the trait, as one error.
pub(super) fn service(attribute: TokenStream, item: &ItemTrait) -> syn::Result<Service> {
    let mut errors = Errors::default();
    let attribute = ServiceAttribute::parse(attribute, &mut errors);
    check_head(item, &mut errors);
    let mut methods = Vec::new();
    for item in &item.items {
        match item {
            TraitItem::Fn(item) => methods.extend(method::parse(item, attribute.version, &mut errors)),
            TraitItem::Type(item) => {
                errors.push(item, "a service has no associated types: name the types that travel");
            }
            TraitItem::Const(item) => {
                errors.push(item, "a service has no associated constants: clients cannot see them");
            }
            other => errors.push(other, "a service has only methods: write each of them out"),
        }
    }
    check_names(&methods, &mut errors);
    errors.finish(Service {
        name: item.ident.clone(),
        visibility: item.vis.clone(),
        namespace: attribute.namespace,
        version: attribute.version.unwrap_or(Version::DEFAULT),
        methods,
        docs: docs(&item.attrs),
    })
}

/// The `#[doc]` attributes among `attributes`.
fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect()
}

fn check_head(item: &ItemTrait, errors: &mut Errors) {
    if let Some(keyword) = item.unsafety {
        errors.push(keyword, "a service is no `unsafe` trait: remove the keyword");
    }
    if let Some(keyword) = item.modifiers.auto_token {
        errors.push(keyword, "a service is no `auto` trait: remove the keyword");
    }
    if !item.generics.params.is_empty() {
        let message = "a service has no parameters: one interface describes all that travels";
        errors.push(&item.generics, message);
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.push(clause, "write bounds of the service as supertraits: `trait Name: Bound`");
    }
}

fn check_names(methods: &[Method], errors: &mut Errors) {
    for (index, method) in methods.iter().enumerate() {
        let name = method.name.unraw();
        let reserved = match name.to_string().as_str() {
            "prepare" => Some("the client's own `prepare`, which chooses the server"),
            "new" => Some("the constructor of the client"),
            "into_endpoint" => Some("the method that makes an endpoint of a service"),
            _ => None,
        };
        if let Some(other) = reserved {
            errors.push(&method.name, format!("`{name}` is {other}: choose another name"));
        }
        if methods.iter().take(index).any(|earlier| earlier.name.unraw() == name) {
            let message = format!("there is another method `{name}`: methods are told apart by name only");
            errors.push(&method.name, message);
        }
    }
}
