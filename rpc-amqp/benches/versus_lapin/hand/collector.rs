//! The consumer of events by hand.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions};
use lapin::types::FieldTable;

use crate::command::Manner;
use crate::role::PREFETCH;

/// Takes `count` events, acknowledges each, and says how long it took from the first of them until the broker knew.
pub(super) async fn collect(channel: Channel, queue: &str, count: u64, manner: Manner) -> Duration {
    let (options, tag) = (BasicConsumeOptions::default(), "collector");
    let consumer = channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default());
    let mut first = None;
    let mut events = Box::pin(consumer.await.unwrap().take(count.try_into().unwrap()));
    let ack = |delivery_tag| channel.basic_ack(delivery_tag, BasicAckOptions::default());
    match manner {
        Manner::OneByOne => {
            while let Some(event) = events.try_next().await.unwrap() {
                first.get_or_insert_with(Instant::now);
                ack(event.delivery_tag).await.unwrap();
            }
        }
        Manner::Concurrent => {
            events
                .inspect(|_| {
                    first.get_or_insert_with(Instant::now);
                })
                .try_for_each_concurrent(usize::from(PREFETCH), |event| ack(event.delivery_tag))
                .await
                .unwrap();
        }
    }
    // Its answer comes after the broker has read all acknowledgements.
    channel.basic_cancel(tag.into(), BasicCancelOptions::default()).await.unwrap();
    let time = first.map_or(Duration::ZERO, |first| first.elapsed());
    channel.close(200, "".into()).await.unwrap();
    time
}
