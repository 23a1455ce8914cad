//! What happens to one delivery, from its arrival to its settlement.

mod copies;

mod finish;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServerBuilder;
use super::beats::Beats;
use super::cancellations::{Cancellable, Cancellations};
use super::duplicates::Duplicates;
use super::ping::Ping;
use super::progress::ProgressSender;
use super::respond::Responder;
use super::routes::{Route, Routes};
use super::statistics::Statistics;
use super::worker::Worker;
use crate::access::{AccessPolicy, AccessRequest};
use crate::codec::compression;
use crate::context::{Context, SharedContext, with_current};
use crate::deadline::Deadline;
use crate::delivery_limit::{Decision, DeliveryLimit};
use crate::endpoint::{Endpoint, Invocation};
use crate::error::{Code, Error, Executed};
use crate::interface::Interface;
use crate::message::{Asked, Failure, Malformed, Outcome, Request};
use crate::payload::{ContentType, Payload};
use crate::progress::Outbox;
use crate::rejections::Rejections;
use crate::transport::Acknowledger;

pub(super) struct Handler {
    routes: Routes,
    endpoints: Vec<Arc<dyn Endpoint>>,
    access: Arc<dyn AccessPolicy>,
    accept: Vec<ContentType>,
    delivery_limit: DeliveryLimit,
    max_message_size: usize,
    fanout_outlives_link: bool,
    duplicates: Duplicates,
    cancellations: Arc<Cancellations>,
    /// `None` when nobody can ask for them.
    statistics: Option<Arc<Statistics>>,
    responder: Arc<Responder>,
    beats: Beats,
    progress: ProgressSender,
    stop: CancellationToken,
    kill: CancellationToken,
}

/// A request as it came.
pub(super) struct Arrived {
    pub(super) request: Arc<Request>,
    pub(super) received: Instant,
    pub(super) redelivered: bool,
    pub(super) fanout: bool,
    pub(super) acknowledger: Acknowledger,
}

/// How a request that was started ended.
enum Ended {
    With(Outcome),
    AtDeadline,
    /// The caller has given it up.
    Cancelled,
    Killed,
}

impl Ended {
    fn failure(&self) -> Option<Code> {
        match self {
            Self::With(Outcome::Success(_)) => None,
            Self::With(Outcome::Failure(failure)) => Some(failure.code),
            Self::AtDeadline => Some(Code::DeadlineExceeded),
            Self::Cancelled => Some(Code::Cancelled),
            Self::Killed => Some(Code::Unavailable),
        }
    }
}

/// When a request is settled. See the table at [`Server`](super::Server).
#[derive(Clone, Copy, Eq, PartialEq)]
enum Acknowledge {
    BeforeStart,
    AfterEnd,
}

impl Handler {
    pub(super) fn new(
        builder: ServerBuilder,
        running: TaskTracker,
        (stop, kill): (CancellationToken, CancellationToken),
    ) -> Result<Self, Error> {
        let ServerBuilder {
            transport,
            target,
            mut endpoints,
            ping,
            access,
            accept,
            compression,
            delivery_limit,
            dedupe_window: (window, most),
            introspection,
            workers,
            ..
        } = builder;
        let capabilities = transport.capabilities();
        let interfaces = endpoints.iter().map(|endpoint| endpoint.interface()).collect();
        let mut routes = Routes::new(interfaces)?;
        if ping && routes.add_ping(Ping::INTERFACE) {
            endpoints.push(Arc::new(Ping));
        }
        let is_asked = introspection.unwrap_or(capabilities.introspection);
        let statistics = is_asked.then(|| Arc::new(Statistics::new(routes.interfaces())));
        Ok(Self {
            cancellations: Arc::new(Cancellations::new(is_asked)),
            statistics,
            routes,
            endpoints,
            access,
            accept,
            delivery_limit: DeliveryLimit::new(delivery_limit, capabilities.redelivery_count),
            max_message_size: capabilities.max_message_size,
            beats: Beats::new(&transport, target.server_name().unwrap_or_default().into()),
            progress: ProgressSender::new(&transport, target.server_name().unwrap_or_default().into()),
            fanout_outlives_link: capabilities.fanout_outlives_link,
            responder: Arc::new(Responder::new(
                &transport,
                target,
                compression,
                workers,
                (running, kill.clone()),
            )),
            duplicates: Duplicates::new(window, most),
            stop,
            kill,
        })
    }

    pub(super) fn rejections(&self) -> Arc<Rejections> {
        self.responder.rejections()
    }

    pub(super) const fn beats(&self) -> &Beats {
        &self.beats
    }

    pub(super) fn cancellations(&self) -> Arc<Cancellations> {
        Arc::clone(&self.cancellations)
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        self.routes.interfaces()
    }

    pub(super) fn statistics(&self) -> Option<Arc<Statistics>> {
        self.statistics.clone()
    }

    /// Tells the sender if it can be told; otherwise the reason goes to the dead-letter queue.
    pub(super) async fn refuse(&self, malformed: Malformed, acknowledger: Acknowledger) {
        self.count(None, malformed.code);
        match &malformed.reply_to {
            Some(to) => {
                // A sender that is gone needs no answer.
                let _ = self.responder.refuse(to, Failure::from(&malformed.error())).await;
                drop(acknowledger.ack());
            }
            None => self.responder.dead_letter(acknowledger, malformed.code, &malformed.reason),
        }
    }

    pub(super) async fn request(&self, arrived: Arrived, mut worker: Worker) {
        let Arrived { request, received, redelivered, fanout, acknowledger } = arrived;
        // The broker drops expired messages only at the head of a queue, and not those it has handed out.
        if request.context.deadline.is_some_and(Deadline::has_passed) {
            tracing::debug!(method = %request.method, request_id = %request.context.request_id, "expired unstarted");
            self.count(None, Code::DeadlineExceeded);
            drop(acknowledger.ack());
            return;
        }
        let route = match self.routes.find(request.namespace.as_deref(), request.version, &request.method) {
            Ok(route) => route,
            Err(failure) => {
                self.count(None, failure.code);
                let failure = failure.with_asked(Asked::of(&request));
                self.responder.answer_or_dead_letter(&request, failure, acknowledger, &mut worker).await;
                return;
            }
        };
        let method = &self.routes.interface(route).methods[route.method];
        let (idempotent, at_most_once) = (method.idempotent, method.at_most_once);
        let uncancellable = method.uncancellable || fanout;
        let acknowledge = match (&request.reply_to, fanout) {
            (_, true) => Acknowledge::BeforeStart,
            (_, false) if at_most_once => Acknowledge::BeforeStart,
            (Some(_), false) if !idempotent => Acknowledge::BeforeStart,
            (_, false) => Acknowledge::AfterEnd,
        };
        // A fanout is acknowledged before it starts, mostly in a queue that no other link and no other server sees.
        let comes_once = fanout && !self.fanout_outlives_link;
        let (running, acknowledger) = if comes_once {
            (None, acknowledger)
        } else {
            match self.first_copy(&request, idempotent, acknowledge, acknowledger, &mut worker).await {
                Some((running, acknowledger)) => (Some(running), acknowledger),
                None => return,
            }
        };
        let cancellable =
            if uncancellable { Some(Cancellable::NEVER) } else { self.cancellations.begin(&request) };
        let Some(cancellable) = cancellable else {
            tracing::debug!(method = %request.method, request_id = %request.context.request_id, "cancelled unstarted");
            self.count(Some(route), Code::Cancelled);
            return finish::forget(Some(acknowledger), running);
        };
        // Whoever brought it before may have started it, and nobody can say.
        if at_most_once && (redelivered || request.context.attempt > 1) {
            let failure = may_have_run();
            self.count(Some(route), failure.code);
            self.responder.answer_or_dead_letter(&request, failure, acknowledger, &mut worker).await;
            return;
        }
        if acknowledge == Acknowledge::AfterEnd {
            // Before anything of the user's looks at it: that, too, may end the process.
            let attempt = request.context.attempt;
            match self.delivery_limit.decide(attempt, redelivered) {
                Decision::Handle => {}
                Decision::Count => return drop(acknowledger.retry(attempt)),
                Decision::Reject => {
                    self.count(Some(route), Code::TooManyAttempts);
                    return self.give_up(&request, acknowledger, &mut worker).await;
                }
            }
        }
        let admitted = std::panic::catch_unwind(AssertUnwindSafe(|| self.admit(route, &request)));
        let arguments = match admitted.unwrap_or_else(|_| Err(panicked_before_start())) {
            Ok(arguments) => arguments,
            Err(failure) => {
                self.count(Some(route), failure.code);
                self.responder.answer_or_dead_letter(&request, failure, acknowledger, &mut worker).await;
                return;
            }
        };
        let acknowledger = match acknowledge {
            Acknowledge::AfterEnd => Some(acknowledger),
            // What cannot be acknowledged will be delivered again: it must not run here, too.
            Acknowledge::BeforeStart => match acknowledger.ack() {
                Err(_) if !comes_once => return,
                Ok(()) | Err(_) => None,
            },
        };
        let measured = self.statistics.as_ref().map(|statistics| statistics.started(route, received));
        let is_watched = request.call_monitor.is_some() || request.progress;
        let ended = if !is_watched {
            let invocation = (arguments, None);
            self.run(route, &request, invocation, acknowledge, &cancellable).await
        } else {
            Box::pin(self.run_watched(route, &request, arguments, acknowledge, &cancellable)).await
        };
        drop(cancellable);
        if let Some(measured) = measured {
            measured.ended(ended.failure());
        }
        let Some(mut answer) = self.conclude(&request, ended, acknowledger, running) else { return };
        if answer.acknowledger.is_none() && self.responder.post(&request, &answer.outcome) {
            return answer.settle(Ok(()));
        }
        let sent =
            self.responder.reply(&request, &answer.outcome, &mut worker, &mut answer.acknowledger).await;
        answer.settle(sent);
    }

    /// Counts a request that is refused; without a route it has reached no method.
    fn count(&self, route: Option<Route>, code: Code) {
        match (&self.statistics, route) {
            (None, _) => {}
            (Some(statistics), None) => statistics.refused(code),
            (Some(statistics), Some(route)) => statistics.refused_by(route, code),
        }
    }

    /// Half of what RabbitMQ grants a message that is not settled.
    const OVERDUE: Duration = Duration::from_secs(15 * 60);

    /// Keeps the request where a person can find it, and tells the caller, if there is one.
    async fn give_up(&self, request: &Request, acknowledger: Acknowledger, worker: &mut Worker) {
        let reason = self.delivery_limit.reason(request.context.attempt);
        self.responder.dead_letter(acknowledger, Code::TooManyAttempts, &reason);
        if request.reply_to.is_some() {
            let failure = Outcome::Failure(Failure::new(Code::TooManyAttempts, reason.as_str()));
            let failure = self.responder.ready(request, failure);
            // A caller that is gone needs no answer.
            let _ = Box::pin(self.responder.reply(request, &failure, worker, &mut None)).await;
        }
    }

    /// Everything else that is checked before a method may start; the arguments, not compressed.
    fn admit(&self, route: Route, request: &Request) -> Result<Payload, Failure> {
        let interface = self.routes.interface(route);
        let access =
            AccessRequest { interface, method: &interface.methods[route.method], context: &request.context };
        self.access
            .check(&access)
            .map_err(|denied| Failure::new(Code::PermissionDenied, denied.to_string()))?;
        request
            .arguments
            .check_accepted(&self.accept)
            .and_then(|()| compression::inflate(request.arguments.clone(), self.max_message_size))
            .map_err(|error| Failure::from(&error))
    }

    /// As [`run`](Self::run), and tells the caller meanwhile that it runs, or how far it is.
    async fn run_watched(
        &self,
        route: Route,
        request: &Arc<Request>,
        arguments: Payload,
        acknowledge: Acknowledge,
        cancellable: &Cancellable<'_>,
    ) -> Ended {
        let beating = self.beats.start(request);
        let outbox = request.progress.then(|| Outbox::new(arguments.content_type));
        let run = self.run(route, request, (arguments, outbox.clone()), acknowledge, cancellable);
        let ended = match &outbox {
            Some(outbox) => self.progress.beside(request, outbox, run).await,
            None => run.await,
        };
        if let Some(beating) = beating {
            beating.end().await;
        }
        ended
    }

    async fn run(
        &self,
        route: Route,
        request: &Arc<Request>,
        (arguments, outbox): (Payload, Option<Outbox>),
        acknowledge: Acknowledge,
        cancellable: &Cancellable<'_>,
    ) -> Ended {
        let is_call = request.reply_to.is_some();
        // For a cast the deadline said until when to start. Nobody waits for its end.
        let deadline = request.context.deadline.filter(|_| is_call);
        let brought = &request.context;
        let is_told =
            brought.deadline == deadline && brought.message_id.as_ref() == Some(&request.message_id);
        let context = if is_told {
            SharedContext::OfRequest(Arc::clone(request))
        } else {
            let message_id = Some(request.message_id.clone());
            SharedContext::Alone(Arc::new(Context { deadline, message_id, ..brought.clone() }))
        };
        let invocation = Invocation::shared(context.clone(), arguments).with_outbox(outbox);
        let endpoint = &self.endpoints[route.endpoint];
        let method = async { endpoint.dispatch(route.method, invocation).await };
        let running = AssertUnwindSafe(with_current(context, method)).catch_unwind();
        let limit = async {
            let overdue = Deadline::after(Self::OVERDUE);
            let warns =
                acknowledge == Acknowledge::AfterEnd && deadline.is_none_or(|deadline| overdue < deadline);
            let mut next = if warns { Some(overdue) } else { deadline };
            while let Some(moment) = next {
                tokio::time::sleep_until(moment.instant()).await;
                if Some(moment) == deadline {
                    return;
                }
                // And lets it run on, as a broker does that takes its message back.
                tracing::warn!(
                    method = %request.method, request_id = %request.context.request_id,
                    "the handler has run for {:?}: at twice that a broker may take its message back and run it again",
                    Self::OVERDUE
                );
                next = deadline;
            }
            std::future::pending().await
        };
        let ended = tokio::select! {
            biased;
            outcome = running => Ended::With(outcome.unwrap_or_else(|_| {
                tracing::error!(method = %request.method, request_id = %request.context.request_id, "the handler panicked");
                Outcome::Failure(Failure::new(Code::Panicked, "the handler panicked; its server's log has the details"))
            })),
            () = limit => Ended::AtDeadline,
            () = cancellable.cancelled() => Ended::Cancelled,
            () = self.kill.cancelled() => Ended::Killed,
        };
        // Whatever it says in that moment: what it waits for is cancelled, too, and nobody would hear of it.
        if cancellable.is_cancelled() { Ended::Cancelled } else { ended }
    }
}

fn may_have_run() -> Failure {
    let message = "the request was delivered before and may have run; this method runs at most once";
    Failure { retryable: false, ..Failure::new(Code::Unavailable, message) }
}

fn panicked_before_start() -> Failure {
    Failure {
        executed: Executed::NotSent,
        ..Failure::new(Code::Panicked, "a check before the start panicked; its server's log has the details")
    }
}
