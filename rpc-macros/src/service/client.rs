//! The typed client.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Ident, parse_quote};

use super::model::{Kind, Method, Output, Service};
use super::{interface, quiet};

/// The name of the client of `service`.
pub(super) fn name(service: &Service) -> Ident {
    format_ident!("{}Client", service.name)
}

/// Renders the client: a method for each of the trait's, which returns a call, a cast or a gathering to be
/// awaited.
pub(super) fn render(service: &Service, crate_path: &TokenStream) -> TokenStream {
    let Service { name: service_name, visibility, docs, .. } = service;
    let client = name(service);
    let interface = interface::render(service, crate_path);
    let methods = service.methods.iter().enumerate().map(|(index, method)| {
        let docs = method_docs(method);
        let deprecated = &method.deprecated;
        let rendered = render_method(index, method, crate_path);
        quote!(#(#docs)* #deprecated #visibility #rendered)
    });
    let blank = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
    let line = format!(" The client of [`{}`]; cheap to clone.", service_name.unraw());
    let quiet = quiet();
    quote! {
        #(#docs)*
        #blank
        #[doc = #line]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #visibility struct #client {
            client: #crate_path::Client,
        }

        #quiet
        impl #client {
            /// What the service offers.
            #visibility const INTERFACE: #crate_path::Interface = #interface;

            /// A client of `target`, whose servers serve this interface.
            #[must_use]
            #visibility fn new(
                transport: &impl ::core::convert::AsRef<#crate_path::SharedTransport>,
                target: #crate_path::Target,
            ) -> Self {
                Self { client: #crate_path::Client::for_interface(transport, target, Self::INTERFACE) }
            }

            /// A client with other settings: another server, another time limit.
            #[must_use]
            #visibility fn prepare(
                &self,
                change: impl ::core::ops::FnOnce(#crate_path::Prepare) -> #crate_path::Prepare,
            ) -> Self {
                Self { client: self.client.prepare(change) }
            }

            #(#methods)*
        }

        #quiet
        impl ::core::convert::AsRef<#crate_path::Client> for #client {
            /// The untyped client with the same settings.
            fn as_ref(&self) -> &#crate_path::Client {
                &self.client
            }
        }
    }
}

/// Renders a method without docs and visibility. It owns its arguments, so that they are encoded from one struct
/// without a lifetime.
fn render_method(index: usize, method: &Method, crate_path: &TokenStream) -> TokenStream {
    let name = &method.name;
    let names: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let types: Vec<_> = method.arguments.iter().map(|argument| &argument.argument_type).collect();
    let index = Literal::usize_unsuffixed(index);
    let (output, start) = if method.is_answered() {
        let Output { value, error } = &method.output;
        let error = error.as_ref().map_or_else(|| quote!(#crate_path::NoError), ToTokens::to_token_stream);
        if let Some(told) = &method.progress {
            (
                quote!(#crate_path::Call<#value, #error, #told>),
                quote!(start_call_with_progress::<#value, #error, #told>),
            )
        } else if method.kind == Kind::Call {
            (quote!(#crate_path::Call<#value, #error>), quote!(start_call::<#value, #error>))
        } else {
            (quote!(#crate_path::Gather<#value, #error>), quote!(start_gather::<#value, #error>))
        }
    } else {
        (quote!(#crate_path::Cast), quote!(start_cast))
    };
    let serde = format!("{crate_path}::__private::serde").replace(' ', "");
    quote! {
        fn #name(&self #(, #names: #types)*) -> #output {
            #[derive(#crate_path::__private::serde::Serialize)]
            #[serde(crate = #serde)]
            struct __Arguments { #(#names: #types),* }

            self.client.#start(&Self::INTERFACE.methods[#index], &__Arguments { #(#names),* })
        }
    }
}

/// The user's docs, or a sentence in their place: the trait reports missing docs once, and that is enough.
fn method_docs(method: &Method) -> Vec<Attribute> {
    if !method.docs.is_empty() {
        return method.docs.clone();
    }
    let name = method.name.unraw();
    let line = match method.kind {
        Kind::Call => format!(" Calls `{name}`."),
        Kind::Cast => format!(" Casts `{name}`."),
        Kind::Fanout if method.is_answered() => {
            format!(" Asks every server for `{name}`, and gathers the answers.")
        }
        Kind::Fanout => format!(" Casts `{name}` to every server."),
    };
    vec![parse_quote!(#[doc = #line])]
}
