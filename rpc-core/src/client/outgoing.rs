//! A request in the making: what calls, casts and fanouts have in common.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::call_monitor::SHORTEST;
use super::listener::{Inbox, Listener};
use super::{Client, Prepare};
use crate::cancellation::Signal;
use crate::codec;
use crate::context::{self, Context};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed, Phase};
use crate::identity::MessageId;
use crate::interface::Method;
use crate::message::Request;
use crate::payload::{ContentEncoding, Payload};
use crate::target::Target;
use crate::transport::{Destination, SharedTransport};
use crate::version::Version;

/// A request in the making. Arguments are encoded at once, so that it borrows nothing.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) transport: SharedTransport,
    settings: Arc<Prepare>,
    method: Cow<'static, str>,
    arguments: Result<Payload, Error>,
    described: Option<&'static Method>,
    fanout: bool,
    pub(super) waits_for_reply: bool,
    pub(super) timeout: Option<Duration>,
    /// When neither the request, the client nor the method has a time limit.
    pub(super) default_timeout: Duration,
    pub(super) call_monitor: Option<Duration>,
    pub(super) context: Option<Box<Context>>,
    pub(super) idempotency_key: Option<String>,
    /// Whether somebody listens for progress.
    pub(super) listens: bool,
}

/// A request that is ready to be sent.
pub(super) struct Ready {
    pub(super) transport: SharedTransport,
    pub(super) destination: Destination,
    pub(super) request: Arc<Request>,
    pub(super) deadline: Deadline,
    /// Whether it is not sent when nobody would take it now.
    pub(super) needs_consumer: bool,
    /// Whether it may be sent again when it is in doubt.
    pub(super) idempotent: bool,
    /// Whether servers are told when it is given up.
    pub(super) cancellable: bool,
    /// Says that it is to be given up.
    pub(super) cancelled_with: Option<Signal>,
    /// Where progress goes, if somebody listens.
    pub(super) inbox: Option<Inbox>,
}

impl Outgoing {
    pub(super) fn new(
        transport: SharedTransport,
        settings: Arc<Prepare>,
        method: Cow<'static, str>,
        arguments: &impl Serialize,
    ) -> Self {
        let arguments = codec::encode(settings.content_type, arguments)
            .map(|payload| settings.compression.apply(payload));
        Self {
            transport,
            settings,
            method,
            arguments,
            described: None,
            fanout: false,
            waits_for_reply: false,
            timeout: None,
            default_timeout: Client::DEFAULT_TIMEOUT,
            call_monitor: None,
            context: None,
            idempotency_key: None,
            listens: false,
        }
    }

    pub(super) fn described_by(mut self, method: &'static Method) -> Self {
        self.described = Some(method);
        self
    }

    pub(super) fn fanout(mut self) -> Self {
        self.fanout = true;
        self
    }

    /// Checks everything that can be checked without the broker. From here on the deadline runs.
    pub(super) fn ready(self) -> Result<Ready, Error> {
        let Self { transport, settings, method, arguments, described, fanout, .. } = self;
        let cancellable = !described.is_some_and(|method| method.uncancellable);
        // A call of the handler's own task ends with that.
        let made_for = self.context.as_ref().filter(|_| cancellable);
        let cancelled_with = made_for.and_then(|context| context.cancellation.get().cloned());
        let given = self.context.map(|given| given.child()).or_else(context::inherited);
        // The first message of a piece of work gives it its name.
        let is_first = given.is_none();
        let mut context = given.unwrap_or_default();
        let (since, timeout, call_monitor) =
            described.map_or((None, None, None), |it| (Some(it.since), it.timeout, it.call_monitor));
        let timeout = self.timeout.or(settings.timeout).or(timeout).unwrap_or(self.default_timeout);
        let call_monitor = self.call_monitor.or(settings.call_monitor).or(call_monitor);
        let call_monitor = call_monitor.filter(|silence| self.waits_for_reply && !silence.is_zero());
        let deadline = Deadline::after(timeout).earlier(context.deadline.filter(|_| self.waits_for_reply));
        context.deadline = Some(deadline);
        context.idempotency_key = self.idempotency_key;
        let message_id = if is_first { MessageId::of(&context.request_id) } else { MessageId::random() };
        // As whoever runs it sees it, who need not copy the context for that in this process.
        context.message_id = Some(message_id.clone());
        let target = if fanout { settings.target.clone().fanout() } else { settings.target.clone() };

        let version = settings.version.or(since).unwrap_or(Version::DEFAULT);
        let arguments = check(&transport, &settings, &target, version, deadline)
            .and(arguments)
            .and_then(|arguments| transport.capabilities().check_size(&arguments).map(|()| arguments))
            .map_err(|error| error.about(&target, &method, &context.request_id))?;
        let request = Arc::new(Request {
            namespace: settings.namespace.clone(),
            version,
            accept_encoding: cfg!(feature = "zstd").then_some(ContentEncoding::Zstd),
            call_monitor: call_monitor.map(|silence| silence.clamp(SHORTEST, Deadline::LONGEST)),
            progress: self.listens,
            ..Request::in_context(message_id, context, method, arguments)
        });
        let destination = Destination::Request(target);
        let needs_consumer = settings.fail_fast_no_consumers;
        let idempotent = described.is_some_and(|method| method.idempotent);
        Ok(Ready {
            transport,
            destination,
            request,
            deadline,
            needs_consumer,
            idempotent,
            cancellable,
            cancelled_with,
            inbox: self.listens.then(Listener::inbox),
        })
    }
}

impl Ready {
    /// Names the request in an error that it ends with.
    pub(super) fn name(&self, error: Error) -> Error {
        let Request { method, context, .. } = &*self.request;
        match &self.destination {
            Destination::Request(target) => error.about(target, method, &context.request_id),
            other => error.about(other, method, &context.request_id),
        }
    }
}

fn check(
    transport: &SharedTransport,
    settings: &Prepare,
    target: &Target,
    version: Version,
    deadline: Deadline,
) -> Result<(), Error> {
    if let Some(which) = target.empty_name() {
        let message = format!("the {which} of the target is empty");
        return Err(Error::new(Code::InvalidArguments, message).with_phase(Phase::Publish));
    }
    if let Some(cap) = settings.refusing_cap(version) {
        let message = format!("needs version {version}, but the client is capped at {cap}");
        return Err(Error::new(Code::UnsupportedVersion, message).with_phase(Phase::Publish));
    }
    if deadline.has_passed() {
        let message = "the deadline had passed before the request was sent";
        return Err(Error::new(Code::DeadlineExceeded, message)
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish));
    }
    if transport.replies().is_closed() {
        return Err(closed());
    }
    Ok(())
}

pub(crate) fn closed() -> Error {
    Error::new(Code::Unavailable, "the transport was closed")
        .with_executed(Executed::NotSent)
        .with_retryable(false)
}
