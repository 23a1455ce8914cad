//! Collects notifications.

mod builder;
mod consumers;
mod disposition;
mod endpoint;
mod event;
mod group;
mod handler;
mod intake;
mod reading;
mod received;
mod rejecter;
mod server;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use self::builder::ListenerBuilder;
pub use self::disposition::{Disposition, IntoDisposition};
pub use self::endpoint::NotificationEndpoint;
pub use self::event::Event;
pub use self::handler::HandlerArgument;
use self::intake::Intake;
pub use self::received::Received;
pub use self::server::{NotificationServer, NotificationServerBuilder};
use crate::codec;
use crate::error::Error;
use crate::health::HealthWatch;
use crate::message::NotificationMessage;
use crate::transport::SharedTransport;

/// Collects the notifications of some topics, one by one or in batches, as a program asks for them. A
/// [`NotificationServer`](crate::NotificationServer) calls handlers instead.
///
/// Listeners of one pool share the events; every pool gets all of them. An event is delivered at least once: it
/// stays with the broker until [`Event::ack`], and comes again when the listener dies before. What cannot be
/// decoded into `T`, and what came more often than [`ListenerBuilder::delivery_limit`] allows, goes to the dead-letter
/// queue with the reason, and the rest flow on.
///
/// Events of one topic and priority come in the order in which one publisher emitted them, to one listener that settles
/// each before it takes the next, until one comes again: with [`Received::attempt`] above 1 it may stand behind later ones.
///
/// See [`Notifier`](crate::Notifier) for an example.
#[must_use = "a listener collects only what is taken from it"]
pub struct Listener<T> {
    intake: Intake,
    prefetch: u16,
    payload: PhantomData<fn() -> T>,
}

impl Listener<()> {
    /// A listener on `topics`, in the default pool.
    pub fn builder<T: Into<String>>(
        transport: &impl AsRef<SharedTransport>,
        topics: impl IntoIterator<Item = T>,
    ) -> ListenerBuilder {
        ListenerBuilder::new(transport.as_ref().clone(), topics.into_iter().map(Into::into).collect())
    }
}

impl<T: DeserializeOwned> Listener<T> {
    const fn new(intake: Intake, prefetch: u16) -> Self {
        Self { intake, prefetch, payload: PhantomData }
    }

    /// The next event; `None` once the transport was closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event<T>> {
        loop {
            let arrival = self.intake.next().await?;
            match self.decode(&arrival.message) {
                Ok(payload) => {
                    let received = Received::new(arrival.message, arrival.reading, payload);
                    return Some(Event::new(received, arrival.acknowledger));
                }
                Err(error) => self.intake.rejecter().reject(arrival, error.code(), error.message()),
            }
        }
    }

    /// The next `most` events; fewer when no more have come `within` a time after the first of them. Without such a time it
    /// waits for all. Empty once the transport was closed.
    ///
    /// Without a time RabbitMQ takes an event that waits for others for 30 minutes for forgotten, and delivers it again
    /// ([`NotificationServerBuilder::batch`]).
    ///
    /// A batch has no more than [`prefetch`](ListenerBuilder::prefetch) events, so that it can fill from one queue; 0
    /// counts as 1.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what the batch had goes back to the broker, and comes as the next attempt.
    pub async fn next_batch(&mut self, most: usize, within: Option<Duration>) -> Vec<Event<T>> {
        let most = most.clamp(1, self.prefetch.into());
        let Some(first) = self.next().await else { return Vec::new() };
        let until = within.map(|within| Instant::now() + within);
        let mut batch = vec![first];
        while batch.len() < most {
            let next = self.next();
            let next = match until {
                Some(until) => tokio::time::timeout_at(until, next).await.unwrap_or(None),
                None => next.await,
            };
            let Some(event) = next else { break };
            batch.push(event);
        }
        batch
    }

    /// How the listener is: consuming, degraded and why, or closed.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.intake.health().clone()
    }

    /// How often it has rejected a message by itself, to the dead-letter queue where there are some: what cannot be decoded, and
    /// what came too often. One that the broker could not put away comes again, and counts again. The log tells of them at
    /// most every ten seconds.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.intake.rejecter().total()
    }

    /// Stops listening: gives back what was not taken or not settled, and tells the broker what was. The
    /// broker keeps the pool's events for its next listener.
    pub async fn close(mut self) {
        self.intake.stop().await;
        self.intake.close().await;
    }

    fn decode(&self, message: &NotificationMessage) -> Result<T, Error> {
        Ok(codec::decode(&self.intake.reader().read(message)?)?)
    }
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listener").field("prefetch", &self.prefetch).finish_non_exhaustive()
    }
}
