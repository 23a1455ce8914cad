//! The trait as written, with futures that can be sent to other threads.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, Ident, ItemTrait, ReturnType, TraitItem, TraitItemFn, TypeParamBound, parse_quote};

use super::attributes::kind;

/// Renders a trait that was parsed without errors.
///
/// An implementation still writes `async fn`: an opaque future with more promises than the trait asks for.
pub(super) fn render(mut item: ItemTrait) -> TokenStream {
    let bounds: [TypeParamBound; 3] =
        [parse_quote!(::core::marker::Send), parse_quote!(::core::marker::Sync), parse_quote!('static)];
    item.colon_token.get_or_insert_default();
    for bound in bounds {
        if !item.supertraits.iter().any(|written| last_word(written) == last_word(&bound)) {
            item.supertraits.push(bound);
        }
    }
    for item in &mut item.items {
        if let TraitItem::Fn(method) = item {
            rewrite(method);
        }
    }
    item.into_token_stream()
}

/// What tells `Send`, `Sync` and `'static` apart, however they are written.
fn last_word(bound: &TypeParamBound) -> Option<&Ident> {
    match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|last| &last.ident),
        TypeParamBound::Lifetime(lifetime) => Some(&lifetime.ident),
        _ => None,
    }
}

fn rewrite(method: &mut TraitItemFn) {
    method.attrs.retain(|attribute| kind(attribute).is_none());
    let signature = &mut method.sig;
    for input in &mut signature.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    let value = match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, value) => value.to_token_stream(),
    };
    signature.asyncness = None;
    signature.output = parse_quote! {
        -> impl ::core::future::Future<Output = #value> + ::core::marker::Send
    };
}
