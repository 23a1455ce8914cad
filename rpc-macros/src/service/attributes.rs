//! The attributes `#[service]`, `#[call]`, `#[cast]`, `#[fanout]` and `#[default]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Attribute, LitStr, Meta};

use super::model::{ArgumentDefault, Kind};
use super::version::Version;
use crate::errors::Errors;
use crate::keys::Keys;

/// What `#[service(…)]` says.
#[derive(Debug)]
pub(super) struct ServiceAttribute {
    pub(super) namespace: Option<String>,
    /// `None` when it is no version; that has been reported.
    pub(super) version: Option<Version>,
}

/// What `#[call(…)]`, `#[cast(…)]` or `#[fanout(…)]` says.
#[derive(Debug)]
pub(super) struct MethodAttribute {
    pub(super) kind: Kind,
    pub(super) since: Version,
    pub(super) timeout: Option<Duration>,
    pub(super) call_monitor: Option<Duration>,
    pub(super) idempotent: bool,
    pub(super) at_most_once: bool,
    pub(super) uncancellable: bool,
}

impl ServiceAttribute {
    /// Reads what stands between the parentheses.
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let keys = Keys::parse(tokens, "service", &["namespace", "version"], errors);
        let namespace = keys.text("namespace", errors);
        if let Some(empty) = namespace.as_ref().filter(|namespace| namespace.value().is_empty()) {
            errors.push(empty, "a namespace has a name: leave the key out for the one without");
        }
        Self {
            namespace: namespace.map(|namespace| namespace.value()),
            version: match keys.text("version", errors) {
                Some(text) => errors.keep(Version::parse(&text)),
                None => keys.lacks("version").then_some(Version::DEFAULT),
            },
        }
    }
}

impl MethodAttribute {
    /// Reads an attribute of `kind` on a method of an interface of version `interface`.
    pub(super) fn parse(
        attribute: &Attribute,
        kind: Kind,
        interface: Option<Version>,
        errors: &mut Errors,
    ) -> Self {
        let known: &[&str] = match kind {
            Kind::Call => {
                &["timeout", "call_monitor", "since", "idempotent", "at_most_once", "uncancellable"]
            }
            Kind::Cast => &["since"],
            Kind::Fanout => &["timeout", "since"],
        };
        let keys = Keys::of(attribute, kind.attribute(), known, errors);
        let since = since(&keys, interface, errors);
        let timeout = keys.text("timeout", errors).and_then(|text| errors.keep(timeout(&text)));
        let call_monitor =
            keys.text("call_monitor", errors).and_then(|text| errors.keep(call_monitor(&text)));
        let idempotent = keys.word("idempotent", errors);
        let at_most_once = keys.word("at_most_once", errors);
        let uncancellable = keys.word("uncancellable", errors);
        if idempotent && at_most_once {
            let message = "a method that may run again cannot run at most once: keep one of `idempotent` and \
                           `at_most_once`";
            errors.push(attribute, message);
        }
        Self { kind, since, timeout, call_monitor, idempotent, at_most_once, uncancellable }
    }
}

impl ArgumentDefault {
    /// Reads `#[default]` or `#[default(expression)]`.
    pub(super) fn parse(attribute: &Attribute) -> syn::Result<Self> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Self::OfType),
            Meta::List(list) => Ok(Self::Expression(Box::new(list.parse_args()?))),
            Meta::NameValue(pair) => Err(syn::Error::new_spanned(
                pair,
                "write `#[default(expression)]`, or `#[default]` for the default of the type",
            )),
        }
    }
}

/// The attribute's kind, if it is one of the three.
pub(super) fn kind(attribute: &Attribute) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| attribute.path().is_ident(kind.attribute()))
}

/// The version that brought a method: one that the interface has had.
fn since(keys: &Keys, interface: Option<Version>, errors: &mut Errors) -> Version {
    let first = interface.unwrap_or(Version::DEFAULT).first();
    let Some(text) = keys.text("since", errors) else { return first };
    let Some(since) = errors.keep(Version::parse(&text)) else { return first };
    if let Some(Version { major, minor }) = interface
        && (since.major != major || since.minor > minor)
    {
        let message = if since.major == major {
            format!(
                "the interface has only version {major}.{minor}: raise `version` in `#[service]`, or lower `since`"
            )
        } else {
            format!("the interface has version {major}.{minor}: give `since` the same major number, {major}")
        };
        errors.push(text, message);
    }
    since
}

fn timeout(text: &LitStr) -> syn::Result<Duration> {
    let timeout = duration(text)?;
    if timeout.is_zero() {
        return Err(syn::Error::new(text.span(), "with this timeout every call would fail: allow some time"));
    }
    Ok(timeout)
}

fn call_monitor(text: &LitStr) -> syn::Result<Duration> {
    let silence = duration(text)?;
    if silence.is_zero() {
        let message =
            "with this nobody would listen for signs of life: allow some time, or leave the key out";
        return Err(syn::Error::new(text.span(), message));
    }
    Ok(silence)
}

fn duration(text: &LitStr) -> syn::Result<Duration> {
    humantime::parse_duration(&text.value()).map_err(|error| {
        let message = format!("not a duration ({error}): write \"30s\", \"1m 30s\" or \"250ms\"");
        syn::Error::new(text.span(), message)
    })
}
