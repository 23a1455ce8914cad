//! What a type on the wire may be.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, Path, PathArguments, Type, TypeImplTrait, TypePath, TypeReference, TypeSlice,
};

use super::model::Output;
use super::type_text::type_text;
use crate::errors::Errors;

/// Reports what in `checked` cannot be decoded on the other side.
pub(super) fn check(checked: &Type, errors: &mut Errors) {
    Checker { errors }.visit_type(checked);
}

/// `written` without brackets, such as the invisible ones around a type that came through another macro.
pub(super) fn bare(written: &Type) -> &Type {
    match written {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(parentheses) => bare(&parentheses.elem),
        other => other,
    }
}

/// Whether `checked` is `&Context`.
pub(super) fn is_context(checked: &Type) -> bool {
    let Type::Reference(TypeReference { lifetime: None, mutability: None, elem, .. }) = bare(checked) else {
        return false;
    };
    let Type::Path(TypePath { qself: None, path, .. }) = bare(elem) else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Context" && last.arguments.is_none())
}

/// The `T` of `&Progress<T>`, if `checked` is that.
pub(super) fn progress(checked: &Type) -> Option<&Type> {
    let Type::Reference(TypeReference { lifetime: None, mutability: None, elem, .. }) = bare(checked) else {
        return None;
    };
    let Type::Path(TypePath { qself: None, path, .. }) = bare(elem) else { return None };
    let last = path.segments.last().filter(|last| last.ident == "Progress")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter();
    match (types.next(), types.next()) {
        (Some(GenericArgument::Type(value)), None) => Some(value),
        _ => None,
    }
}

/// Whether `checked` is an `Option`.
pub(super) fn is_option(checked: &Type) -> bool {
    let Type::Path(TypePath { qself: None, path, .. }) = bare(checked) else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Option" && !last.arguments.is_none())
}

/// Whether `checked` is `()`.
pub(super) fn is_unit(checked: &Type) -> bool {
    matches!(bare(checked), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Reads what a method returns.
pub(super) fn output(written: &Type) -> syn::Result<Output> {
    if let Type::Path(TypePath { qself: None, path, .. }) = bare(written)
        && let Some(last) = path.segments.last()
    {
        let name = last.ident.to_string();
        if name == "Result"
            && let Some((value, error)) = value_and_error(&last.arguments)
        {
            return Ok(Output { value, error: Some(error) });
        }
        if name.ends_with("Result") {
            let message = "spell out `Result<T, E>`: the client has to know the type of the error (a plain value \
                           needs a type whose name does not end in `Result`)";
            return Err(syn::Error::new_spanned(written, message));
        }
    }
    Ok(Output { value: written.clone(), error: None })
}

/// The label of an error type: its name without path and parameters.
pub(super) fn error_name(error: &Type) -> String {
    match bare(error) {
        Type::Path(TypePath { path, .. }) => path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
    .unwrap_or_else(|| type_text(error))
}

fn value_and_error(arguments: &PathArguments) -> Option<(Type, Type)> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    let mut types = arguments.args.iter();
    match (types.next(), types.next(), types.next()) {
        (Some(GenericArgument::Type(value)), Some(GenericArgument::Type(error)), None) => {
            Some((value.clone(), error.clone()))
        }
        _ => None,
    }
}

struct Checker<'errors> {
    errors: &'errors mut Errors,
}

impl<'ast> Visit<'ast> for Checker<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let owned = match bare(&reference.elem) {
            Type::Path(TypePath { qself: None, path, .. }) if path.is_ident("str") => "String".to_owned(),
            Type::Slice(TypeSlice { elem, .. }) => format!("Vec<{}>", type_text(elem)),
            Type::TraitObject(_) => "an owned type".to_owned(),
            other => type_text(other),
        };
        let owned = if owned.contains(' ') { owned } else { format!("`{owned}`") };
        self.errors.push(reference, format!("a reference cannot travel: take {owned}"));
    }

    fn visit_type_impl_trait(&mut self, anonymous: &'ast TypeImplTrait) {
        self.errors.push(anonymous, "name the type: the other side has to decode it");
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.push(lifetime, "what borrows cannot travel: take an owned type");
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        match path.segments.first() {
            Some(first) if first.ident == "Self" => {
                self.errors.push(path.to_token_stream(), "`Self` is the service: name the type that travels");
            }
            _ => visit::visit_path(self, path),
        }
    }
}
