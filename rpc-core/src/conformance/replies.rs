//! Replies reach who waits for them.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::support::{consume, next, payload, publish, stays_quiet, two};
use crate::error::{Code, Executed};
use crate::identity::CorrelationId;
use crate::message::{Message, Outcome, Reply};
use crate::reply_address::ReplyAddress;
use crate::transport::{Destination, Source};

fn reply(correlation_id: &CorrelationId) -> Message {
    Message::from(Reply::new(correlation_id.clone(), Outcome::Success(payload("result"))))
}

pub(super) async fn a_reply_reaches_its_address_only(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let (mine, yours) = (ReplyAddress::random("mine"), ReplyAddress::random("yours"));
    let mut at_mine = consume(&one, Source::Replies(mine.clone()), 0).await;
    let mut at_yours = consume(&other, Source::Replies(yours), 0).await;
    // Replies have no prefetch: all of them arrive, settled or not.
    for number in 0..100 {
        let correlation_id = CorrelationId::parse(&number.to_string()).unwrap();
        publish(&other, &Destination::Reply(mine.clone()), reply(&correlation_id)).await.unwrap();
    }
    let mut held = Vec::new();
    for number in 0..100 {
        let delivery = next(&mut at_mine).await;
        match delivery.message() {
            Ok(Message::Reply(reply)) => assert_eq!(reply.correlation_id.as_str(), number.to_string()),
            other => panic!("a reply was expected, this came: {other:?}"),
        }
        held.push(delivery);
    }
    held.into_iter().for_each(|delivery| delivery.ack().unwrap());
    stays_quiet(&mut at_yours).await;
}

pub(super) async fn a_reply_to_nobody_is_unroutable(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let nobody = Destination::Reply(ReplyAddress::random("nobody"));
    let correlation_id = CorrelationId::parse("1").unwrap();
    let error = tokio::time::timeout(Duration::from_secs(2), publish(&one, &nobody, reply(&correlation_id)))
        .await
        .expect("it fails fast")
        .expect_err("nobody is there");
    assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent), "{error}");
}
