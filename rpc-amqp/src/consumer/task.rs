//! The task of one consumer, over all its channels.

mod channel;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::transport::{Delivery, Source};
use tokio::sync::{mpsc, oneshot};

use self::channel::{End, OnChannel};
use super::generation::Generation;
use super::opened::Opened;
use super::settler::Settled;
use super::{Order, Resources};
use crate::link::Backoff;

/// How long to wait after a refusal that only a person can change.
const FINAL_WAIT: Duration = Duration::from_secs(30);

pub(super) struct Task {
    resources: Resources,
    source: Source,
    prefetch: u16,
    /// Dropped when nothing more will be delivered.
    deliveries: Option<mpsc::Sender<(Arc<Generation>, Delivery)>>,
    orders: mpsc::Receiver<Order>,
    decisions: mpsc::UnboundedReceiver<Settled>,
    decision_sender: mpsc::UnboundedSender<Settled>,
}

impl Task {
    pub(super) fn new(
        resources: Resources,
        source: Source,
        prefetch: u16,
        deliveries: mpsc::Sender<(Arc<Generation>, Delivery)>,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        let (decision_sender, decisions) = mpsc::unbounded_channel();
        Self { resources, source, prefetch, deliveries: Some(deliveries), orders, decisions, decision_sender }
    }

    /// Runs until the consumer is closed or dropped, or the transport is closed.
    pub(super) async fn run(mut self, first: Opened) {
        let mut backoff = Backoff::default();
        let mut opened = Some(first);
        while let Some(now) = opened.take() {
            match OnChannel::new(&mut self, now).serve().await {
                End::Finished => return,
                End::Lost(cause) => {
                    tracing::warn!(source = ?self.source, cause, "a consumer lost its channel")
                }
            }
            if self.deliveries.is_none() {
                break;
            }
            opened = self.reopen(&mut backoff).await;
        }
        self.wait_for_the_end().await;
    }

    /// The next channel; `None` when none is wanted any more.
    async fn reopen(&mut self, backoff: &mut Backoff) -> Option<Opened> {
        let mut opening =
            Box::pin(reopen(self.resources.clone(), self.source.clone(), self.prefetch, backoff));
        tokio::select! {
            opened = &mut opening => opened,
            order = self.orders.recv() => {
                drop(opening);
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
        }
    }

    /// Without a channel there is nothing to stop or to flush.
    async fn wait_for_the_end(mut self) {
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

async fn reopen(
    resources: Resources,
    source: Source,
    prefetch: u16,
    backoff: &mut Backoff,
) -> Option<Opened> {
    let mut view = resources.link.watch();
    loop {
        tokio::time::sleep(backoff.after_failure()).await;
        let now = view.wait_for(|view| view.closed || view.session.is_some()).await.ok()?.clone();
        let session = now.session.filter(|_| !now.closed)?;
        if session.is_over() {
            view.changed().await.ok()?;
            continue;
        }
        match Opened::open(session, &source, resources.queue_type, prefetch).await.ok()? {
            Ok(opened) => {
                tracing::info!(?source, "a consumer is back");
                backoff.reset();
                return Some(opened);
            }
            Err(refusal) => {
                tracing::warn!(?source, cause = %refusal.text, "cannot consume again");
                if refusal.is_final() {
                    tokio::time::sleep(FINAL_WAIT).await;
                }
            }
        }
    }
}
