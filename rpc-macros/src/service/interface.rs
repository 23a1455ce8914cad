//! The description of the interface, as a constant.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, LitStr};

use super::model::{Argument, Kind, Method, Output, Service};
use super::type_text::type_text;
use super::types;
use super::version::Version;
use crate::keys;

/// Renders the value of the constant.
pub(super) fn render(service: &Service, crate_path: &TokenStream) -> TokenStream {
    let name = service.name.unraw().to_string();
    let namespace = service.namespace.as_ref().map(|namespace| quote!(.with_namespace(#namespace)));
    let version = version(service.version, crate_path);
    let methods = service.methods.iter().map(|described| method(described, crate_path));
    let docs = text(&service.docs);
    quote! {
        #crate_path::Interface::new(#name)
            #namespace
            .with_version(#version)
            .with_methods(const { &[#(#methods),*] })
            .with_docs(#docs)
    }
}

fn method(method: &Method, crate_path: &TokenStream) -> TokenStream {
    let name = method.name.unraw().to_string();
    let kind = match method.kind {
        Kind::Call => format_ident!("Call"),
        Kind::Cast => format_ident!("Cast"),
        Kind::Fanout => format_ident!("Fanout"),
    };
    let since = version(method.since, crate_path);
    let timeout = method.timeout.map(|timeout| {
        let timeout = duration(timeout);
        quote!(.with_timeout(#timeout))
    });
    let call_monitor = method.call_monitor.map(|silence| {
        let silence = duration(silence);
        quote!(.with_call_monitor(#silence))
    });
    let idempotent = method.idempotent.then(|| quote!(.with_idempotent(true)));
    let at_most_once = method.at_most_once.then(|| quote!(.with_at_most_once(true)));
    let uncancellable = method.uncancellable.then(|| quote!(.with_uncancellable(true)));
    let arguments = method.arguments.iter().map(|described| argument(described, crate_path));
    let Output { value, error } = &method.output;
    let result = (!types::is_unit(value)).then(|| {
        let type_name = type_text(value);
        quote!(.with_result(#type_name))
    });
    let error = error.as_ref().map(|error| {
        let type_name = type_text(error);
        quote!(.with_error(#type_name))
    });
    let progress = method.progress.as_ref().map(|told| {
        let type_name = type_text(told);
        quote!(.with_progress(#type_name))
    });
    let docs = text(&method.docs);
    quote! {
        #crate_path::Method::new(#name, #crate_path::MethodKind::#kind)
            .with_since(#since)
            #timeout
            #call_monitor
            #idempotent
            #at_most_once
            #uncancellable
            .with_arguments(const { &[#(#arguments),*] })
            #result
            #error
            #progress
            .with_docs(#docs)
    }
}

fn argument(argument: &Argument, crate_path: &TokenStream) -> TokenStream {
    let name = argument.name.unraw().to_string();
    let type_name = type_text(&argument.argument_type);
    let default = argument.default.as_ref().map(|_| quote!(.with_default()));
    quote!(#crate_path::Argument::new(#name, #type_name) #default)
}

fn version(Version { major, minor }: Version, crate_path: &TokenStream) -> TokenStream {
    quote!(#crate_path::Version::new(#major, #minor))
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanoseconds))
}

/// The documentation as text: one line for each attribute, without the blank after `///`.
fn text(docs: &[Attribute]) -> String {
    let lines = docs.iter().filter_map(|attribute| keys::text(&attribute.meta)).map(LitStr::value);
    let lines: Vec<_> =
        lines.map(|line| line.strip_prefix(' ').map_or_else(|| line.clone(), str::to_owned)).collect();
    lines.join("\n")
}
