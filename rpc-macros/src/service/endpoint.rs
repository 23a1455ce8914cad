//! The endpoint: decodes, runs, encodes.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::model::{ArgumentDefault, Method, Output, Service};
use super::{client, quiet, types};

/// Renders the endpoint and the trait that makes one of a service.
///
/// Where the user's types and expressions are in sight, generated names start with two underscores: nothing that
/// a user has named can be meant by mistake.
pub(super) fn render(service: &Service, crate_path: &TokenStream) -> TokenStream {
    let Service { name, visibility, .. } = service;
    let endpoint = format_ident!("{name}Endpoint");
    let endpoint_text = endpoint.to_string();
    let extension = format_ident!("{name}IntoEndpoint");
    let client = client::name(service);
    let dispatch = render_dispatch(service, crate_path);
    let service_link = name.unraw();
    let endpoint_docs = format!(" Serves a [`{service_link}`].");
    let extension_docs = format!(" Makes an endpoint of a [`{service_link}`].");
    let quiet = quiet();
    let parameter = if name == "S" { format_ident!("T") } else { format_ident!("S") };
    quote! {
        #[doc = #endpoint_docs]
        #[allow(dead_code)]
        #visibility struct #endpoint<#parameter> {
            service: ::std::sync::Arc<#parameter>,
        }

        #quiet
        impl<#parameter: #name> #endpoint<#parameter> {
            /// Serves `service`.
            #[must_use]
            #visibility fn new(service: #parameter) -> Self {
                Self::from_shared(::std::sync::Arc::new(service))
            }

            /// Serves a `service` that others use too.
            #[must_use]
            #visibility fn from_shared(service: ::std::sync::Arc<#parameter>) -> Self {
                Self { service }
            }
        }

        #[automatically_derived]
        impl<#parameter> ::core::clone::Clone for #endpoint<#parameter> {
            fn clone(&self) -> Self {
                Self { service: ::std::sync::Arc::clone(&self.service) }
            }
        }

        #[automatically_derived]
        impl<#parameter> ::core::fmt::Debug for #endpoint<#parameter> {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#endpoint_text).finish_non_exhaustive()
            }
        }

        #quiet
        #[automatically_derived]
        impl<__Service: #name> #crate_path::Endpoint for #endpoint<__Service> {
            fn interface(&self) -> #crate_path::Interface {
                #client::INTERFACE
            }

            #dispatch
        }

        #[doc = #extension_docs]
        #quiet
        #visibility trait #extension: #name + ::core::marker::Sized {
            /// An endpoint that serves `self`.
            #[must_use]
            fn into_endpoint(self) -> #endpoint<Self> {
                #endpoint::new(self)
            }
        }

        #quiet
        #[automatically_derived]
        impl<#parameter: #name> #extension for #parameter {}
    }
}

fn render_dispatch(service: &Service, crate_path: &TokenStream) -> TokenStream {
    let arms = service.methods.iter().enumerate().map(|(index, method)| {
        let index = Literal::usize_unsuffixed(index);
        let body = render_method(service, method, crate_path);
        quote! {
            #index => {
                let service = ::std::sync::Arc::clone(&self.service);
                ::std::boxed::Box::pin(async move { #body })
            }
        }
    });
    let missing = format!("`{}` has no method with the number {{method}}", service.name.unraw());
    let unused = service.methods.is_empty().then(|| quote!(drop(invocation);));
    quote! {
        fn dispatch(&self, method: usize, invocation: #crate_path::Invocation) -> #crate_path::Dispatch {
            match method {
                #(#arms)*
                _ => {
                    #unused
                    ::std::boxed::Box::pin(::core::future::ready(#crate_path::Outcome::Failure(
                        #crate_path::message::Failure::new(
                            #crate_path::Code::NoSuchMethod,
                            ::std::format!(#missing),
                        ),
                    )))
                }
            }
        }
    }
}

fn render_method(service: &Service, method: &Method, crate_path: &TokenStream) -> TokenStream {
    let decode = render_decode(method, crate_path);
    let service_name = &service.name;
    let name = &method.name;
    let context = method.context.as_ref().map(|context| {
        // At the place of the type for messages, still counted as generated code by lints.
        let span = context.span().resolved_at(Span::call_site());
        quote_spanned!(span=> , invocation.context())
    });
    let progress = method.progress.as_ref().map(|told| quote!(, &invocation.progress::<#told>()));
    let names = method.arguments.iter().map(|argument| &argument.name);
    let run = quote! {
        <__Service as #service_name>::#name(&service #context #progress #(, arguments.#names)*).await
    };
    let Output { value, error } = &method.output;
    // The types are spelled out, so that one that cannot travel is reported where the user wrote it.
    let finish = if let Some(error) = error {
        let label = types::error_name(error);
        quote! {
            match #run {
                ::core::result::Result::Ok(value) => invocation.success::<#value>(&value),
                ::core::result::Result::Err(error) => {
                    invocation.service_error::<#error>(#label, &error)
                }
            }
        }
    } else {
        quote!(invocation.success::<#value>(&#run))
    };
    quote!(#decode #finish)
}

/// Renders the decoding of the arguments; an outcome that says why they do not fit ends the method.
fn render_decode(method: &Method, crate_path: &TokenStream) -> TokenStream {
    let serde = format!("{crate_path}::__private::serde").replace(' ', "");
    let expecting = format!("a map with the arguments of `{}`", method.name.unraw());
    let fields = method.arguments.iter().map(|argument| {
        let (name, argument_type) = (&argument.name, &argument.argument_type);
        let default = match &argument.default {
            None => TokenStream::new(),
            Some(ArgumentDefault::OfType) => quote!(#[serde(default)]),
            Some(ArgumentDefault::Expression(_)) => {
                let function = format!("__Arguments::{name}");
                quote!(#[serde(default = #function)])
            }
        };
        quote!(#default #name: #argument_type)
    });
    let mut defaults = method
        .arguments
        .iter()
        .filter_map(|argument| match &argument.default {
            Some(ArgumentDefault::Expression(expression)) => {
                let (name, argument_type) = (&argument.name, &argument.argument_type);
                Some(quote!(fn #name() -> #argument_type { #expression }))
            }
            _ => None,
        })
        .peekable();
    let defaults = defaults.peek().is_some().then(|| quote!(impl __Arguments { #(#defaults)* }));
    let decode = quote!(invocation.arguments::<__Arguments>());
    let bind = if method.arguments.is_empty() {
        quote! {
            if let ::core::result::Result::Err(outcome) = #decode {
                return outcome;
            }
        }
    } else {
        quote! {
            let arguments = match #decode {
                ::core::result::Result::Ok(arguments) => arguments,
                ::core::result::Result::Err(outcome) => return outcome,
            };
        }
    };
    quote! {
        #[derive(#crate_path::__private::serde::Deserialize)]
        #[serde(crate = #serde, deny_unknown_fields, expecting = #expecting)]
        struct __Arguments { #(#fields),* }
        #defaults
        #bind
    }
}
