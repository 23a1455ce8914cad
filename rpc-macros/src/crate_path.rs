//! How the user's crate calls rpc-core.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path of rpc-core in the crate that is being compiled, under the name that its manifest gives it.
pub(crate) fn crate_path() -> syn::Result<TokenStream> {
    match crate_name("rpc-core") {
        // rpc-core names itself, and so do its doc tests and integration tests.
        Ok(FoundCrate::Itself) => Ok(quote!(::rpc_core)),
        Ok(FoundCrate::Name(name)) => {
            let name = Ident::new(&name, Span::call_site());
            Ok(quote!(::#name))
        }
        Err(error) => Err(syn::Error::new(
            Span::call_site(),
            format!("add rpc-core to the dependencies of this crate: {error}"),
        )),
    }
}
