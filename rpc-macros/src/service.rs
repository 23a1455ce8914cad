//! `#[service]`: parse, model, expand.

mod attributes;
mod client;
mod endpoint;
mod interface;
mod model;
mod parse;
mod trait_;
mod type_text;
mod types;
mod version;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Item;

/// Expands `#[service(attribute)] item`, for a crate that knows rpc-core as `crate_path`.
///
/// What is wrong comes back as one error that holds all reports. Nothing is generated then: half a client would
/// add reports about names that the user never wrote.
pub(crate) fn expand(
    attribute: TokenStream,
    item: TokenStream,
    crate_path: &TokenStream,
) -> syn::Result<TokenStream> {
    let item = match syn::parse2::<Item>(item)? {
        Item::Trait(item) => item,
        other => {
            let message = "`#[service]` goes on a trait: its methods are what clients can call";
            return Err(syn::Error::new_spanned(first_line(&other), message));
        }
    };
    let service = parse::service(attribute, &item)?;
    let trait_ = trait_::render(item);
    let client = client::render(&service, crate_path);
    let endpoint = endpoint::render(&service, crate_path);
    Ok(quote! { #trait_ #client #endpoint })
}

/// The tokens of `item` up to its body.
fn first_line(item: &Item) -> TokenStream {
    let body = |token: &proc_macro2::TokenTree| matches!(token, proc_macro2::TokenTree::Group(_));
    item.to_token_stream().into_iter().take_while(|token| !body(token)).collect()
}

/// The lints that generated inherent items keep quiet about: what the user did not write, they cannot mend.
fn quiet() -> TokenStream {
    quote!(#[allow(dead_code, deprecated, clippy::all, clippy::pedantic)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of everything. `INSTA_UPDATE=always` writes the answer anew, to be read before it is committed.
    #[test]
    fn expansion() {
        let attribute = quote!(namespace = "baremetal", version = "1.2");
        let item = quote! {
            /// Drives the hardware of one cell.
            pub trait Conductor: Debug {
                /// Switches a node on or off.
                ///
                /// Waits until it has happened.
                #[call(timeout = "1m 30s", idempotent, since = "1.1")]
                async fn change_power(
                    &self,
                    ctx: &Context,
                    node: NodeId,
                    #[default] to: Option<Power>,
                    #[default(usual())] r#type: Vec<u8>,
                ) -> Result<Power, errors::PowerError>;
                #[cast]
                #[deprecated(note = "nobody needs it")]
                async fn sync_power(&self, node: NodeId);
                #[fanout(since = "1.2")]
                async fn flush_cache(&self);
                #[fanout(timeout = "1s")]
                async fn load(&self) -> Result<f32, errors::PowerError>;
            }
        };
        let expanded = expand(attribute, item, &quote!(::rpc_core)).unwrap();
        insta::assert_snapshot!(prettyplease::unparse(&syn::parse2(expanded).unwrap()));
    }
}
