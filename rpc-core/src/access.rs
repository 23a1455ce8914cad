//! Who may call what.

use std::collections::BTreeSet;
use std::fmt;

use crate::context::Context;
use crate::interface::{Interface, Method};

/// Decides, before a method starts, whether this request may run it.
///
/// Only the methods of the served interfaces can be reached at all; a policy narrows further. It sees claims:
/// whoever may publish to the broker can write any context.
///
/// Closures are policies, too:
///
/// ```
/// use rpc_core::{AccessRequest, Denied};
///
/// let policy = |request: &AccessRequest<'_>| match request.context.metadata.get("role") {
///     Some("admin") => Ok(()),
///     _ => Err(Denied::new("only admins may do this")),
/// };
/// # fn takes(_: impl rpc_core::AccessPolicy) {} takes(policy);
/// ```
pub trait AccessPolicy: Send + Sync + 'static {
    /// `Ok` lets the request pass. It runs for each request, so it has to be quick.
    ///
    /// # Errors
    ///
    /// What the caller is told under [`Code::PermissionDenied`](crate::Code::PermissionDenied).
    fn check(&self, request: &AccessRequest<'_>) -> Result<(), Denied>;
}

/// What an [`AccessPolicy`] decides about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessRequest<'a> {
    /// The interface that is called.
    pub interface: &'a Interface,
    /// The method that is called.
    pub method: &'a Method,
    /// What travels with the request.
    pub context: &'a Context,
}

/// A refusal, in words for the caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denied(String);

impl Denied {
    /// Refuses with this text.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<F> AccessPolicy for F
where
    F: Fn(&AccessRequest<'_>) -> Result<(), Denied> + Send + Sync + 'static,
{
    fn check(&self, request: &AccessRequest<'_>) -> Result<(), Denied> {
        self(request)
    }
}

/// Lets every request pass; the default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AllowAll;

impl AccessPolicy for AllowAll {
    fn check(&self, _: &AccessRequest<'_>) -> Result<(), Denied> {
        Ok(())
    }
}

/// Lets only the named methods pass, in every interface.
#[derive(Clone, Debug, Default)]
pub struct AllowMethods(BTreeSet<String>);

impl AllowMethods {
    /// Lets these methods pass.
    pub fn new<M: Into<String>>(methods: impl IntoIterator<Item = M>) -> Self {
        Self(methods.into_iter().map(Into::into).collect())
    }
}

impl AccessPolicy for AllowMethods {
    fn check(&self, request: &AccessRequest<'_>) -> Result<(), Denied> {
        if self.0.contains(request.method.name) {
            Ok(())
        } else {
            Err(Denied::new("this server does not offer the method to you"))
        }
    }
}
