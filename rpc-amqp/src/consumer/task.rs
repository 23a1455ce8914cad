//! The task of one consumer, over all its channels.

mod channel;
mod looks;
mod reading;
mod reopening;
mod telling;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::transport::{ConsumerReporter, ConsumerStatus, Delivery, Source};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::channel::{End, OnChannel};
use self::reopening::Reopening;
pub(super) use self::telling::{Sender, Sending};
use super::generation::Generation;
use super::opened::Opened;
use super::progress::Progress;
use super::settler::Settled;
use super::{Order, Resources};

/// How long to wait after a refusal that only a person can change.
const FINAL_WAIT: Duration = Duration::from_secs(30);
/// A channel that lasted so long was a good one: the next wait starts small again.
const GOOD_CHANNEL: Duration = Duration::from_secs(30);

pub(super) struct Task {
    resources: Resources,
    source: Source,
    prefetch: u16,
    /// Dropped when nothing more will be delivered.
    deliveries: Option<mpsc::Sender<(Arc<Generation>, Delivery)>>,
    orders: mpsc::Receiver<Order>,
    decisions: mpsc::UnboundedReceiver<Settled>,
    decision_sender: mpsc::UnboundedSender<Settled>,
    status: Arc<ConsumerReporter>,
    /// How far each queue has been read, if they are streams.
    progress: Vec<Progress>,
}

impl Task {
    pub(super) fn new(
        resources: Resources,
        source: Source,
        prefetch: u16,
        deliveries: mpsc::Sender<(Arc<Generation>, Delivery)>,
        orders: mpsc::Receiver<Order>,
        status: Arc<ConsumerReporter>,
    ) -> Self {
        let (decision_sender, decisions) = mpsc::unbounded_channel();
        let deliveries = Some(deliveries);
        let progress = Vec::new();
        Self { resources, source, prefetch, deliveries, orders, decisions, decision_sender, status, progress }
    }

    /// Runs until the consumer is closed or dropped, or the transport is closed.
    pub(super) async fn run(mut self, first: Opened) {
        let mut reopening = Reopening::new(&self, Arc::clone(&first.session));
        self.progress.resize_with(first.queues.len(), Progress::default);
        let mut opened = Some(first);
        while let Some(now) = opened.take() {
            let since = Instant::now();
            match OnChannel::new(&mut self, now).serve().await {
                End::Finished => break,
                End::Lost(cause) => {
                    tracing::warn!(source = %self.source, cause, "a consumer lost its channel");
                    self.status.update(|status| status.degraded(cause.as_str()));
                }
            }
            if self.deliveries.is_none() {
                self.wait_for_the_end().await;
                break;
            }
            if since.elapsed() >= GOOD_CHANNEL {
                reopening.backoff.reset();
            }
            opened = self.reopen(&mut reopening).await;
            if opened.is_none() {
                self.wait_for_the_end().await;
            }
        }
        self.status.update(ConsumerStatus::stopped);
    }

    /// The next channel; `None` when none is wanted any more.
    async fn reopen(&mut self, reopening: &mut Reopening) -> Option<Opened> {
        // Before it is asked where to go on. What is decided from here on finds its generation over, or is taken in later.
        while let Ok(Settled { settlement, settler }) = self.decisions.try_recv() {
            self.note_late(&settlement, &settler.original);
        }
        reopening.resume = self.progress.iter_mut().map(Progress::resume).collect();
        let opened = tokio::select! {
            biased;
            opened = reopening.run() => opened,
            order = self.orders.recv() => {
                if let Some(order) = order {
                    self.deliveries = None;
                    obey(order);
                } else {
                    self.orders.close();
                }
                None
            }
            () = self.resources.closing.cancelled() => {
                self.deliveries = None;
                None
            }
        };
        for queue in reopening.made_anew.drain(..) {
            self.progress[queue] = Progress::default();
        }
        if opened.is_some() {
            self.status.update(ConsumerStatus::consuming);
        }
        opened
    }

    /// Without a channel there is nothing to stop or to flush.
    async fn wait_for_the_end(&mut self) {
        self.deliveries = None;
        let closing = self.resources.closing.clone();
        while let Some(Some(order)) = closing.run_until_cancelled(self.orders.recv()).await {
            obey(order);
        }
    }
}

fn obey(order: Order) {
    let (Order::Stop(done) | Order::Close(done)) = order;
    confirm(done);
}

/// Tells whoever gave an order that it was carried out. Nobody may be there to hear it.
fn confirm(done: oneshot::Sender<()>) {
    let _ = done.send(());
}
