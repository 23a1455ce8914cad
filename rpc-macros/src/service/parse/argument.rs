//! The arguments of a method.

use syn::ext::IdentExt;
use syn::{Ident, Pat, PatIdent, PatType, Type};

use crate::errors::Errors;
use crate::service::model::{Argument, ArgumentDefault};
use crate::service::types;

/// What a method takes after the receiver.
#[derive(Default)]
pub(super) struct Inputs {
    /// The type of the context, if there is one.
    pub(super) context: Option<Type>,
    /// What is told of the progress, if something is.
    pub(super) progress: Option<Type>,
    /// What travels.
    pub(super) arguments: Vec<Argument>,
}

/// Reads all arguments after the receiver.
pub(super) fn parse_all<'input>(
    inputs: impl Iterator<Item = &'input PatType>,
    errors: &mut Errors,
) -> Inputs {
    let Inputs { mut context, mut progress, mut arguments } = Inputs::default();
    for (index, input) in inputs.enumerate() {
        let default = default(input, errors);
        if types::is_context(&input.ty) {
            if index > 0 {
                errors.push(input, "the context goes first, right after `&self`");
            }
            if default.is_some() {
                errors.push(input, "the context has no default: every request has one");
            }
            context = Some((*input.ty).clone());
            continue;
        }
        if let Some(told) = types::progress(&input.ty) {
            if index > usize::from(context.is_some()) {
                errors.push(input, "the progress goes first, right after `&self` and the context");
            }
            if default.is_some() {
                errors.push(input, "the progress has no default: it is not sent by the caller");
            }
            types::check(told, errors);
            progress = Some(told.clone());
            continue;
        }
        types::check(&input.ty, errors);
        let Some(name) = name(&input.pat, errors) else { continue };
        if arguments.iter().any(|earlier| earlier.name.unraw() == name.unraw()) {
            errors.push(name, format!("there is another argument `{name}`: arguments travel by name"));
            continue;
        }
        // serde reads a missing `Option` as `None` in any case; the interface tells it as it is.
        let default = default.or_else(|| types::is_option(&input.ty).then_some(ArgumentDefault::OfType));
        arguments.push(Argument { name: name.clone(), argument_type: (*input.ty).clone(), default });
    }
    Inputs { context, progress, arguments }
}

fn name<'input>(pattern: &'input Pat, errors: &mut Errors) -> Option<&'input Ident> {
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, mutability: None, ident, subpat: None, .. }) => Some(ident),
        Pat::Ident(PatIdent { ident, .. }) => {
            errors.push(pattern, format!("write only `{ident}`: how it is bound is for the implementation"));
            None
        }
        other => {
            errors.push(other, "give the argument a name: arguments travel by name");
            None
        }
    }
}

fn default(input: &PatType, errors: &mut Errors) -> Option<ArgumentDefault> {
    let mut found = None;
    for attribute in &input.attrs {
        if !attribute.path().is_ident("default") {
            let message = "an argument takes only `#[default]`: describe it in the docs of the method";
            errors.push(attribute, message);
        } else if found.is_some() {
            errors.push(attribute, "an argument has one default: remove this one");
        } else {
            found = errors.keep(ArgumentDefault::parse(attribute));
        }
    }
    found
}
