//! Consuming over reconnects.
//!
//! Each consumer has a task and, per epoch, a channel of its own: an error on it hits nobody else. When the channel ends,
//! for whatever reason, the task opens the next one, and what was unsettled comes again.

mod acks;
mod copy;
mod dead_letter;
mod generation;
mod moving;
mod opened;
mod progress;
mod retry;
mod settler;
mod task;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use rpc_core::transport::{
    Consumer, ConsumerReporter, ConsumerStatus, ConsumerWatch, Delivery, PollNext, Source,
};
use rpc_core::{Code, Error, Executed, Phase};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::copy::{copy, copy_without_caller};
#[cfg(fuzzing)]
pub(crate) use self::dead_letter::fuzzing;
use self::generation::Generation;
pub(crate) use self::moving::MOVE_LIMIT;
use self::opened::Opened;
use self::task::Task;
use crate::link::{Backoff, Link, Refusal, RefusalKind, Worker};
use crate::publisher::Publisher;
use crate::queue_manager::OwnName;
use crate::topology::{Plan, Profile};
use crate::wire::Exceptions;

/// How long to wait for a broker that is away when a consumer starts.
const START_LIMIT: Duration = Duration::from_secs(5);
/// How long the channel of a consumer may be silent before another one is tried: so long for three times, then twice as
/// long each time, until the silence is that of the broker.
///
/// A channel of RabbitMQ is silent for 7 s or more when it consumes from a quorum queue whose leader's node is known to be
/// gone and accepts connections (one that is cut off, or stands still): it asks there first. Once another leader
/// is elected, which takes 1 to 3 s from that knowledge, any new channel asks that one.
const PATIENCE: Duration = Duration::from_secs(1);
/// Replies on their way to the reply table.
const MOST_REPLIES: u16 = 1_024;
/// How long a consumer that ends may take to settle its affairs with the broker.
const END_LIMIT: Duration = Duration::from_secs(7);

/// What every consumer of a transport works with.
#[derive(Clone)]
pub(crate) struct Resources {
    pub(crate) link: Link,
    pub(crate) publisher: Publisher,
    pub(crate) profile: Profile,
    pub(crate) exceptions: Exceptions,
    pub(crate) max_message_size: usize,
    pub(crate) closing: CancellationToken,
    /// Of the consumer that works with them, and of no other, for queues of its own that outlive a link.
    pub(crate) own_name: Arc<OwnName>,
}

impl Resources {
    /// What a consumer of `source` declares.
    fn plan(&self, source: &Source) -> Result<Plan, Error> {
        self.profile.plan(source, &self.own_name)
    }
}

/// What is asked of a consumer's task. Dropping the sender of either kind tells it to end.
enum Order {
    Stop(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// A consumer as its user holds it.
pub(crate) struct AmqpConsumer {
    deliveries: mpsc::Receiver<(Arc<Generation>, Delivery)>,
    orders: mpsc::Sender<Order>,
    status: Arc<ConsumerReporter>,
    _worker: Worker,
}

/// Opens the first channel of a consumer, and gives what is left to be run in the background.
pub(crate) async fn start(
    resources: Resources,
    source: Source,
    prefetch: u16,
    worker: Worker,
) -> Result<(AmqpConsumer, impl Future<Output = ()> + Send), Error> {
    // Replies are acknowledged so that those on their way over a link that breaks come again over the next; nobody waits
    // for their handling, so their number is ours to choose.
    let prefetch = if matches!(source, Source::Replies(_)) { MOST_REPLIES } else { prefetch.max(1) };
    let resources = Resources { own_name: Arc::new(resources.profile.own_name(&source)?), ..resources };
    let opened = open_first(&resources, &source, prefetch).await?;
    let (delivery_sender, deliveries) = mpsc::channel(prefetch.into());
    let (orders, order_receiver) = mpsc::channel(1);
    let status = Arc::new(ConsumerReporter::new(ConsumerStatus::CONSUMING));
    let task = Task::new(resources, source, prefetch, delivery_sender, order_receiver, Arc::clone(&status));
    Ok((AmqpConsumer { deliveries, orders, status, _worker: worker }, task.run(opened)))
}

async fn open_first(resources: &Resources, source: &Source, prefetch: u16) -> Result<Opened, Error> {
    let until = Instant::now() + START_LIMIT;
    let mut view = resources.link.watch();
    let mut backoff = Backoff::default();
    loop {
        let now = view.borrow_and_update().clone();
        if now.closed || resources.closing.is_cancelled() {
            return Err(crate::publisher::closed());
        }
        if let Some(refusal) = now.last_error.filter(|refusal| now.session.is_none() && refusal.is_final()) {
            return Err(refusal.error("not connected to the broker"));
        }
        let Some(session) = now.session.filter(|session| !session.is_over()) else {
            match tokio::time::timeout_at(until, view.changed()).await {
                Ok(Ok(())) => continue,
                _ => return Err(out_of_reach(resources)),
            }
        };
        let plan = resources.plan(source)?;
        let has_passing_exchange = plan.has_passing_exchange();
        let refusal = match Opened::open(session, plan, prefetch, patience(&backoff)).await {
            Ok(opened) => match opened.taken_queue.clone() {
                None => return Ok(opened),
                Some(queue) => {
                    opened.close().await;
                    taken(&queue)
                }
            },
            Err(refusal) => refusal,
        };
        let wait = backoff.after_failure();
        // It can have gone with its last user between being found and being bound to.
        let is_passing = refusal.is_passing() || refusal.kind == RefusalKind::Absent && has_passing_exchange;
        if !is_passing || Instant::now() + wait >= until {
            return Err(refusal.error("cannot consume"));
        }
        tokio::time::sleep(wait).await;
    }
}

/// How long the next channel may be silent, after the failures that `backoff` has counted.
fn patience(backoff: &Backoff) -> Duration {
    backoff.doubled(PATIENCE / 4).max(PATIENCE)
}

/// The last process of this name may have ended without a word, which the broker takes some time to notice.
fn taken(queue: &str) -> Refusal {
    let text = format!(
        "queue {queue:?} has a consumer already, and two processes must not share it: give each machine a hostname and each \
         program on it a processname of its own, or wait until the broker has noticed that the last process is gone"
    );
    Refusal { kind: RefusalKind::Taken, text }
}

fn out_of_reach(resources: &Resources) -> Error {
    let cause = resources.link.view().last_error;
    let cause = cause.map_or_else(|| "no connection yet".to_owned(), |refusal| refusal.text.clone());
    Error::new(Code::Unavailable, format!("not connected to the broker: {cause}"))
        .with_executed(Executed::NotSent)
        .with_phase(Phase::Connect)
}

impl AmqpConsumer {
    fn poll_delivery(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            match ready!(self.deliveries.poll_recv(context)) {
                // The broker delivers it again; handling this one too would do the work twice.
                Some((generation, _)) if generation.is_over() => {}
                delivery => return Poll::Ready(delivery.map(|(_, delivery)| delivery)),
            }
        }
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(order(done)).await.is_ok() {
            let _ = tokio::time::timeout(END_LIMIT, is_done).await;
        }
    }
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.poll_delivery(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> PollNext {
        PollNext::Polled(self.poll_delivery(context))
    }

    fn status(&self) -> ConsumerWatch {
        self.status.watch()
    }

    async fn stop(&mut self) {
        self.order(Order::Stop).await;
        self.deliveries.close();
        // A delivery that is dropped is requeued.
        while self.deliveries.try_recv().is_ok() {}
    }

    async fn close(mut self: Box<Self>) {
        self.stop().await;
        self.order(Order::Close).await;
    }
}
