//! The next delivery of a consumer.

use std::future::poll_fn;
use std::task::Poll;

use super::{Consumer, Delivery};

/// What [`Consumer::poll_next`] tells.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a consumer can be polled or not")]
pub enum PollNext {
    /// As [`Consumer::next`] resolves, or will.
    Polled(Poll<Option<Delivery>>),
    /// [`Consumer::next`] has to be awaited.
    HasToBeAwaited,
}

/// The next delivery, by the cheaper of the two ways that `consumer` has.
pub(crate) async fn next(consumer: &mut dyn Consumer) -> Option<Delivery> {
    let polled = poll_fn(|context| match consumer.poll_next(context) {
        PollNext::Polled(poll) => poll.map(Some),
        PollNext::HasToBeAwaited => Poll::Ready(None),
    });
    match polled.await {
        Some(delivery) => delivery,
        None => consumer.next().await,
    }
}
