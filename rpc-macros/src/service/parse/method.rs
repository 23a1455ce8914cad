//! One method.

use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericParam, Receiver, ReceiverKind, ReturnType, Safety, Signature, TraitItemFn,
    parse_quote,
};

use super::{argument, docs};
use crate::errors::Errors;
use crate::service::attributes::{MethodAttribute, kind};
use crate::service::model::{Kind, Method, Output};
use crate::service::types;
use crate::service::version::Version;

/// Reads a method of an interface of version `interface`, if that is known; `None` if not even the kind of the
/// method is.
pub(super) fn parse(item: &TraitItemFn, interface: Option<Version>, errors: &mut Errors) -> Option<Method> {
    let attribute = attribute(item, interface, errors);
    let signature = &item.sig;
    check_shape(item, errors);
    check_receiver(signature, errors);
    let inputs = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    });
    let argument::Inputs { context, progress, arguments } = argument::parse_all(inputs, errors);
    let written = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, written) => (**written).clone(),
    };
    types::check(&written, errors);
    let output = errors.keep(types::output(&written));
    let attribute = attribute?;
    if attribute.kind == Kind::Cast && !types::is_unit(&written) {
        errors.push(&written, "nobody waits for a cast: remove the return type, or use `#[call]`");
    }
    if let Some(told) = progress.as_ref().filter(|_| attribute.kind != Kind::Call) {
        errors.push(told, "nobody hears of this progress: remove it, or use `#[call]`");
    }
    if attribute.kind == Kind::Fanout && attribute.timeout.is_some() && types::is_unit(&written) {
        let message = "nobody waits for a fanout without a result: remove `timeout`, or return something";
        errors.push(&signature.ident, message);
    }
    Some(Method {
        name: signature.ident.clone(),
        kind: attribute.kind,
        since: attribute.since,
        timeout: attribute.timeout,
        call_monitor: attribute.call_monitor,
        idempotent: attribute.idempotent,
        at_most_once: attribute.at_most_once,
        uncancellable: attribute.uncancellable,
        context,
        progress,
        arguments,
        // Whoever reads the model finds no error without a report, so this stands only for a refused type.
        output: output.unwrap_or(Output { value: written, error: None }),
        docs: docs(&item.attrs),
        deprecated: item.attrs.iter().find(|attribute| attribute.path().is_ident("deprecated")).cloned(),
    })
}

/// The one attribute that says how the method is sent.
fn attribute(item: &TraitItemFn, interface: Option<Version>, errors: &mut Errors) -> Option<MethodAttribute> {
    for attribute in item.attrs.iter().filter(|attribute| is_conditional(attribute)) {
        let message = "a method is always there: clients and servers count on one list of methods (use `since` \
                       for one that was added)";
        errors.push(attribute, message);
    }
    let mut found = None;
    for attribute in &item.attrs {
        let Some(kind) = kind(attribute) else { continue };
        if found.is_some() {
            let message = "a method is sent in one way: keep one of `#[call]`, `#[cast]` and `#[fanout]`";
            errors.push(attribute, message);
        } else {
            found = Some(MethodAttribute::parse(attribute, kind, interface, errors));
        }
    }
    if found.is_none() {
        let name = &item.sig.ident;
        errors.push(name, format!("add `#[call]`, `#[cast]` or `#[fanout]` to `{name}`"));
    }
    found
}

/// A method is `async fn name(…) -> …;` and nothing else.
fn check_shape(item: &TraitItemFn, errors: &mut Errors) {
    let signature = &item.sig;
    if let Some(body) = &item.default {
        errors.push(body, "a provided body is not supported: end the method with `;` and implement it");
    }
    if let Some(keyword) = signature.constness {
        errors.push(keyword, "a method of a service is not `const`: remove the keyword");
    }
    if let Safety::Unsafe(_) | Safety::Safe(_) = signature.safety {
        errors.push(&signature.safety, "a method of a service is not `unsafe`: anybody may call it");
    }
    if let Some(abi) = &signature.abi {
        errors.push(abi, "a method of a service is no `extern` function: remove this");
    }
    if signature.asyncness.is_none() {
        errors.push(signature.fn_token, "write `async fn`: a method of a service is asynchronous");
    }
    for parameter in &signature.generics.params {
        let message = match parameter {
            GenericParam::Type(_) => "no type parameters: the other side has to know the type it decodes",
            GenericParam::Const(_) => "no const parameters: the other side has to know the type it decodes",
            GenericParam::Lifetime(_) => "no lifetimes: take owned types, because what borrows cannot travel",
        };
        errors.push(parameter, message);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.push(clause, "a method of a service has no bounds: remove the `where` clause");
    }
}

fn check_receiver(signature: &Signature, errors: &mut Errors) {
    match signature.receiver() {
        Some(Receiver { kind: ReceiverKind::Reference(_, None, None), .. }) => {}
        Some(receiver) => {
            let tokens = receiver.to_token_stream();
            errors.push(tokens, "take `&self`: one service serves many requests at a time");
        }
        None => errors.push(&signature.ident, "add `&self` as the first argument"),
    }
}

/// Whether `attribute` decides if the method under it exists. The trait, the client and the endpoint have to agree
/// on the list of methods, so none of them may come and go.
fn is_conditional(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}
