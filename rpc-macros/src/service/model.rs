//! A service as the renderers see it: checked, and free of syntax.

use std::time::Duration;

use syn::{Attribute, Expr, Ident, Type, Visibility};

use super::types;
use super::version::Version;

/// A trait with `#[service]`.
pub(super) struct Service {
    pub(super) name: Ident,
    pub(super) visibility: Visibility,
    pub(super) namespace: Option<String>,
    pub(super) version: Version,
    pub(super) methods: Vec<Method>,
    /// The `#[doc]` attributes.
    pub(super) docs: Vec<Attribute>,
}

/// One method.
pub(super) struct Method {
    pub(super) name: Ident,
    pub(super) kind: Kind,
    pub(super) since: Version,
    pub(super) timeout: Option<Duration>,
    pub(super) call_monitor: Option<Duration>,
    pub(super) idempotent: bool,
    pub(super) at_most_once: bool,
    pub(super) uncancellable: bool,
    /// The type of the context argument, if the method takes one.
    pub(super) context: Option<Type>,
    /// What the method tells of its progress, if it does.
    pub(super) progress: Option<Type>,
    pub(super) arguments: Vec<Argument>,
    pub(super) output: Output,
    /// The `#[doc]` attributes.
    pub(super) docs: Vec<Attribute>,
    pub(super) deprecated: Option<Attribute>,
}

/// How the client sends a method.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Call,
    Cast,
    Fanout,
}

/// What a method returns: a value, or `Result<value, error>`.
pub(super) struct Output {
    pub(super) value: Type,
    /// `None` when all errors are the framework's.
    pub(super) error: Option<Type>,
}

/// An argument on the wire.
pub(super) struct Argument {
    pub(super) name: Ident,
    pub(super) argument_type: Type,
    /// What a request without the argument means; `None` when it has to be there.
    pub(super) default: Option<ArgumentDefault>,
}

/// What stands for an argument that a request leaves out.
pub(super) enum ArgumentDefault {
    /// `Default::default()`.
    OfType,
    /// The expression, evaluated for each request.
    Expression(Box<Expr>),
}

impl Method {
    /// Whether somebody waits for what it returns: one caller, or one who gathers.
    pub(super) fn is_answered(&self) -> bool {
        match self.kind {
            Kind::Call => true,
            Kind::Cast => false,
            Kind::Fanout => self.output.error.is_some() || !types::is_unit(&self.output.value),
        }
    }
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Call, Self::Cast, Self::Fanout];

    /// The name of the attribute.
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Fanout => "fanout",
        }
    }
}
