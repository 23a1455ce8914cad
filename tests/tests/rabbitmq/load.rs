//! Many calls at a time: each has its own answer, and nothing is left behind.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tests::broker::Broker;
use tests::raw::eventually;

use crate::service::pair;

const CALLS: i64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_at_a_time_get_their_own_answers() {
    let pair = pair(Broker::shared()).await;
    let mut calls: FuturesUnordered<_> = (0..CALLS)
        .map(|number| {
            let call = pair.client.square(number).timeout(Duration::from_secs(120));
            async move { (number, call.await) }
        })
        .collect();
    let mut answered = 0;
    while let Some((number, answer)) = calls.next().await {
        assert_eq!(answer.unwrap(), number * number);
        answered += 1;
    }
    assert_eq!(answered, CALLS);
    assert_eq!(pair.transport.as_ref().pending_calls(), 0);
    assert_eq!(pair.transport.as_ref().orphan_replies(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_dropped_at_random_moments_leave_nothing_behind() {
    let pair = pair(Broker::shared()).await;
    let mut calls: FuturesUnordered<_> = (0..CALLS)
        .map(|number| {
            let call = pair.client.square(number);
            // Spread over the time in which the calls are answered, by a multiplication that scatters.
            let moment = Duration::from_micros(number.unsigned_abs() * 7_919 % 3_000_000);
            async move { tokio::time::timeout(moment, call.into_future()).await.is_ok() }
        })
        .collect();
    let (mut answered, mut dropped) = (0, 0);
    while let Some(in_time) = calls.next().await {
        *(if in_time { &mut answered } else { &mut dropped }) += 1;
    }
    assert_eq!(pair.transport.as_ref().pending_calls(), 0);
    assert!(answered > 100 && dropped > 100, "both happened: {answered} answered, {dropped} dropped");
    assert_eq!(pair.client.square(3).await.unwrap(), 9, "and the next call works");
    let idle = eventually(async || (pair.server.running() == 0).then_some(())).await;
    assert!(idle.is_some(), "{} handlers are running still", pair.server.running());
}
