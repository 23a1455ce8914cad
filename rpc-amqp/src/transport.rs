//! The transport itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::types::ShortString;
use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, DeadLetterQuery, Destination, LinkState, OnFailure, QueueDepth,
    Source, Status, StatusReporter, StatusWatch, Transport,
};
use rpc_core::{
    ContentType, Deadline, Error, HealthWatch, Priority, ReplyAddress, SharedTransport, Target, Treated,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::AmqpTransportBuilder;
use crate::consumer::{self, Resources};
use crate::dead_letters::DeadLetters;
use crate::inspector::Inspector;
use crate::link::{Dialler, Link, Purpose, Worker, report};
use crate::process::Process;
use crate::publisher::{Outgoing, Publisher, closed};
use crate::queue_manager::{OwnName, QueueManager};
use crate::settings::{OsloCompression, Settings, Wire};
use crate::topology::{Entity, Profile};
use crate::topology_plan::{EntityState, Examiner, TopologyPlan};
use crate::url::BrokerUrl;
use crate::wire::{self, is_oslo_address};

/// A transport over RabbitMQ. Cheap to clone; the clones share two connections, one that publishes and one that
/// consumes.
///
/// It reconnects by itself and for ever once the first connection has succeeded. It runs on a thread of its own, so
/// code that blocks the user's runtime does not cost the link.
#[derive(Clone, Debug)]
pub struct AmqpTransport(SharedTransport, Examiner);

impl AmqpTransport {
    /// Starts to describe a transport to the brokers that `url` names:
    /// `amqp://user:password@host:5672,other:5672/vhost?heartbeat=10`.
    ///
    /// Schemes are `amqp`, `rabbit` (the same) and, with the feature `tls`, `amqps`. What is left away is
    /// `guest:guest`, port 5672 (5671 with TLS) and vhost `/`. A login before the first host serves all that have none.
    /// Messages are published under the name of the user, which the broker checks, so a server knows who asks
    /// ([`Context::sender`](rpc_core::Context)). `user_id=off` leaves the name away, for brokers that know the user by
    /// another one, as with OAuth 2 tokens.
    ///
    /// Keys of the query are `auth_mechanism` (`plain`, or `external`: the broker takes the user from the certificate
    /// given to [`client_identity`](AmqpTransportBuilder::client_identity)), `heartbeat`, `connection_timeout` and
    /// `blocked_timeout` in seconds, `prefetch` (most unsettled deliveries of any queue), `queue_type` (`classic` or
    /// `quorum`), `reply_queue_type` (likewise), `request_routing`
    /// (`queue` or `exchange`), `topology` (`declare` or `verify`), `user_id` (`on` or `off`) and `wire` (`native` or
    /// `oslo`). With `wire=oslo` also those of [`OsloOptions`](crate::OsloOptions) by their names: `control_exchange`, switches
    /// such as `durable` or `stream_fanout` (`true` or `false`), `transient_queues_ttl` in seconds, limits such as
    /// `quorum_delivery_limit` (0 for none), `hostname` and `processname`, and `compression` (`none` or `gzip`). All of these
    /// can also have the names of the options in Python, such as `amqp_durable_queues`; an option there that is done otherwise
    /// here is an error that says how. Setters win over the URL.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> AmqpTransportBuilder {
        AmqpTransportBuilder::new(url.into())
    }

    /// The state of the link to the broker: connected when both connections are, degraded when one of them is.
    #[must_use]
    pub fn status(&self) -> StatusWatch {
        self.0.status()
    }

    /// Whether both connections do their work.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.0.health()
    }

    /// Sends what is on its way, then leaves the broker; takes at most `grace`.
    pub async fn close(&self, grace: Duration) {
        self.0.close(grace).await;
    }

    /// How everything that `plan` wants is on the broker, in its order. Makes nothing. Each question is answered within 5 s, as
    /// all are.
    ///
    /// AMQP has no way to look at bindings, and none to look at what only its own process may use.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when the broker is away, or goes meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the questions.
    pub async fn compare(&self, plan: &TopologyPlan) -> Result<Vec<(Entity, EntityState)>, Error> {
        self.1.compare(plan).await
    }

    /// Makes what `plan` wants, and says what that is: all but what each process makes for itself, and what goes with its last
    /// user. What exists already is left as it is. With [`Topology::Verify`](crate::Topology::Verify) nothing is made,
    /// and what lacks is an error.
    ///
    /// # Errors
    ///
    /// [`Code::PermissionDenied`](rpc_core::Code::PermissionDenied) when the user may not, and
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when the broker is away, or when something exists with other
    /// properties; what was made before stays.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn apply(&self, plan: &TopologyPlan) -> Result<Vec<Entity>, Error> {
        self.1.apply(plan).await
    }

    pub(crate) async fn open(url: BrokerUrl, settings: Settings) -> Result<Self, Error> {
        let worker = Worker::start(&settings.name)?;
        let opened = worker.run(Inner::open(worker.clone(), url, settings)).await;
        let inner = opened.unwrap_or_else(|| Err(closed()))?;
        let (process, link, worker) = (inner.process, inner.resources.link.clone(), worker);
        Ok(Self(SharedTransport::new(inner), Examiner { process, link, worker }))
    }

    /// As [`open`](Self::open), on the runtime that this is called on.
    #[cfg(test)]
    pub(crate) async fn open_here(url: BrokerUrl, settings: Settings) -> Result<SharedTransport, Error> {
        Ok(SharedTransport::new(Inner::open(Worker::here(), url, settings).await?))
    }
}

impl AsRef<SharedTransport> for AmqpTransport {
    fn as_ref(&self) -> &SharedTransport {
        &self.0
    }
}

impl From<AmqpTransport> for SharedTransport {
    fn from(transport: AmqpTransport) -> Self {
        transport.0
    }
}

struct Inner {
    process: Process,
    worker: Worker,
    publish_link: Link,
    resources: Resources,
    inspector: Inspector,
    dead_letters: DeadLetters,
    most_prefetch: u16,
    wire: Wire,
    /// Whether bodies on the wire of Python peers are compressed.
    compresses: bool,
    /// Under which name messages are published. The broker refuses every other.
    user_id: Option<ShortString>,
    status: Arc<StatusReporter>,
    consumers: TaskTracker,
}

impl Inner {
    async fn open(worker: Worker, url: BrokerUrl, settings: Settings) -> Result<Self, Error> {
        let Settings { wire, max_message_size, .. } = settings;
        let compresses = settings.oslo.compression == OsloCompression::Gzip;
        let queue_manager = QueueManager::of(&settings.oslo)?;
        let (profile, exceptions) = (Profile::of(&settings, queue_manager), settings.exceptions.clone());
        let (most_prefetch, blocked_timeout) = (settings.most_prefetch, settings.blocked_timeout);
        let user_id = url.user_id().and_then(|user| ShortString::try_new(user).ok());
        let dialler = Arc::new(Dialler::new(url, settings));
        let opened = tokio::try_join!(
            Link::open(Arc::clone(&dialler), Purpose::Publish),
            Link::open(Arc::clone(&dialler), Purpose::Consume)
        );
        let (publish_link, link) = opened.map_err(|refusal| refusal.error("cannot connect"))?;
        let status = Arc::new(StatusReporter::new(Status::CONNECTING.next_epoch()));
        worker.spawn(report(Arc::clone(&status), publish_link.watch(), link.watch()));
        let inspector = Inspector::new(link.clone(), worker.clone());
        let publisher = Publisher::start(publish_link.clone(), blocked_timeout);
        let resources = Resources {
            link,
            publisher,
            profile,
            exceptions,
            max_message_size,
            closing: CancellationToken::new(),
            own_name: Arc::new(OwnName::random()),
        };
        let dead_letters = DeadLetters {
            link: resources.link.clone(),
            worker: worker.clone(),
            inspector: inspector.clone(),
            publisher: resources.publisher.clone(),
            // Where none are kept there are none to look after.
            queue_type: resources.profile.dead_letters().unwrap_or_default(),
            max_message_size,
            visits: DeadLetters::visits(),
        };
        let consumers = TaskTracker::new();
        Ok(Self {
            process: Process::current(),
            worker,
            publish_link,
            resources,
            inspector,
            dead_letters,
            most_prefetch,
            wire,
            compresses,
            user_id,
            status,
            consumers,
        })
    }

    /// A reply goes out on the wire of its request, which shows in the address that came with it.
    fn wire_to(&self, destination: &Destination) -> Wire {
        match destination {
            Destination::Reply(address) if is_oslo_address(address) => Wire::Oslo,
            Destination::Reply(_) => Wire::Native,
            Destination::Request(_) | Destination::Notification { .. } => self.wire,
        }
    }

    /// The message as it leaves; `is_quiet` when `Ok` may be late.
    fn outgoing(
        &self,
        destination: &Destination,
        message: Message,
        is_quiet: bool,
    ) -> Result<Outgoing, Error> {
        self.process.check()?;
        self.capabilities().check_size(message.payload())?;
        let Resources { profile, exceptions, .. } = &self.resources;
        let (route, doubt) = (profile.route(destination)?, profile.is_passing(destination));
        let wire = self.wire_to(destination);
        let is_awaited = is_awaited(&message);
        let user = self.user_id.as_ref().map(ShortString::as_str);
        let (mut properties, mut body) = wire::write(message, wire, exceptions, user)?;
        if self.compresses && wire == Wire::Oslo {
            let (table, compressed) = wire::compressed(properties.into_table(), &body)?;
            (properties, body) = (table.into(), compressed);
        }
        Ok(Outgoing { doubt, is_awaited, is_quiet, ..Outgoing::new(route, properties, body) })
    }

    async fn send(
        &self,
        destination: &Destination,
        outgoing: Outgoing,
        deadline: Deadline,
    ) -> Result<(), Error> {
        match destination {
            Destination::Notification { exchange, topic, priority } => {
                self.notify((exchange, topic, *priority), outgoing, deadline).await
            }
            Destination::Request(_) | Destination::Reply(_) => {
                self.resources.publisher.publish(outgoing, deadline).await
            }
        }
    }

    /// A notification that no queue takes has no listener yet: it is kept in the queue that the first listener of the
    /// default pool will find and bind. While a pool is bound none comes back, so nothing piles up beside it.
    async fn notify(
        &self,
        place: (&str, &str, Priority),
        outgoing: Outgoing,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let Resources { publisher, profile, .. } = &self.resources;
        let outgoing = Outgoing { also_needs: profile.default_queue(place)?, ..outgoing };
        let mut outcome = publisher.publish(outgoing.clone(), deadline).await;
        for doubt in [false, true] {
            if !is_unroutable(&outcome) {
                break;
            }
            let route = profile.unclaimed(place, &outgoing.route)?;
            // In doubt when the queue that was declared in this epoch has been deleted since.
            let again = Outgoing { route, doubt, ..outgoing.clone() };
            outcome = publisher.publish(again, deadline).await;
        }
        outcome
    }
}

/// Whether somebody waits for it, or for the answer to it.
fn is_awaited(message: &Message) -> bool {
    match message {
        Message::Request(request) => request.reply_to.is_some(),
        Message::Reply(_) => true,
        Message::Notification(_) => false,
    }
}

fn is_unroutable(outcome: &Result<(), Error>) -> bool {
    outcome.as_ref().is_err_and(Error::is_unroutable)
}

#[async_trait]
impl Transport for Inner {
    async fn publish(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let outgoing = self.outgoing(destination, message, false)?;
        self.send(destination, outgoing, deadline).await
    }

    async fn publish_quietly(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let outgoing = self.outgoing(destination, message, true)?;
        self.send(destination, outgoing, deadline).await
    }

    fn post(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
        on_failure: OnFailure,
    ) -> Result<(), (Message, OnFailure)> {
        // What becomes of a notification that nobody listens for takes more than one step.
        let is_reply = matches!(destination, Destination::Reply(_)) && self.process.is_current();
        let size = message.payload().body.len();
        let post = is_reply.then(|| self.resources.publisher.post(size)).flatten();
        let Some(post) = post else { return Err((message, on_failure)) };
        match self.outgoing(destination, message, false) {
            Ok(outgoing) => post.send(outgoing, deadline, on_failure),
            Err(error) => on_failure.tell(Err(error)),
        }
        Ok(())
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.process.check()?;
        if self.consumers.is_closed() {
            return Err(closed());
        }
        let prefetch = options.prefetch.clamp(1, self.most_prefetch);
        let started = consumer::start(self.resources.clone(), source, prefetch, self.worker.clone());
        let (consumer, task) = self.worker.run(started).await.unwrap_or_else(|| Err(closed()))?;
        self.worker.spawn(self.consumers.track_future(task));
        Ok(Box::new(consumer))
    }

    fn reply_address(&self, service: &str) -> ReplyAddress {
        self.resources.profile.reply_address(service)
    }

    async fn inspect(&self, target: &Target) -> Result<Option<QueueDepth>, Error> {
        self.process.check()?;
        match self.resources.profile.request_queue(target)? {
            Some(queue) => self.inspector.depth(queue).await.map(Some),
            None => Ok(None),
        }
    }

    async fn count_dead_letters(&self, exchange: &str, topic: &str) -> Result<u32, Error> {
        self.process.check()?;
        self.dead_letters.count(exchange, topic).await
    }

    async fn treat_dead_letters(&self, query: DeadLetterQuery) -> Result<Treated, Error> {
        self.process.check()?;
        self.dead_letters.treat(query).await
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new();
        capabilities.durable = true;
        capabilities.fail_fast = true;
        // Classic queues say only whether a message was delivered before.
        capabilities.redelivery_count = self.resources.profile.counts_deliveries();
        capabilities.expiry = true;
        capabilities.dead_letters = self.resources.profile.dead_letters().is_some();
        capabilities.most_prefetch = self.most_prefetch;
        capabilities.fanout_outlives_link = self.resources.profile.fanout_outlives_link();
        capabilities.max_message_size = self.resources.max_message_size;
        if self.wire == Wire::Oslo {
            capabilities.content_type = ContentType::Json;
            capabilities.introspection = false;
        }
        capabilities
    }

    fn status(&self) -> StatusWatch {
        self.status.watch()
    }

    async fn close(&self, grace: Duration) {
        if !self.process.is_current() {
            return;
        }
        self.consumers.close();
        let (resources, publish_link, consumers) =
            (self.resources.clone(), self.publish_link.clone(), self.consumers.clone());
        let farewell = async move {
            // Consumers first: what they reject has to be published.
            resources.closing.cancel();
            // Bounded like a deadline, so that the longest grace does not overflow the clock.
            let until = tokio::time::Instant::now() + grace.min(Deadline::LONGEST);
            let _ = tokio::time::timeout_at(until, consumers.wait()).await;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            resources.publisher.close(left).await;
            let leave = async { tokio::join!(publish_link.close(), resources.link.close()) };
            if tokio::time::timeout_at(until, leave).await.is_err() {
                publish_link.kill();
                resources.link.kill();
            }
        };
        let _ = self.worker.run(farewell).await;
        self.status.update(|status| status.with(LinkState::Closed, None));
    }
}
