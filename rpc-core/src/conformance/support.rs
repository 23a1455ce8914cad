//! What the behaviours share.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Harness;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::identity::random_hex;
use crate::message::{Message, Request};
use crate::payload::{ContentType, Payload};
use crate::target::Target;
use crate::transport::{ConsumeOptions, Consumer, Delivery, Destination, SharedTransport, Source};

/// How long a broker may take for what has to happen.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// How long nothing has to be seen before it counts as not happening.
pub(super) const QUIET: Duration = Duration::from_millis(400);

/// A name that no other behaviour and no other run uses.
pub(super) fn unique(name: &str) -> String {
    format!("{name}-{}", &random_hex()[..12])
}

pub(super) fn topic() -> Target {
    Target::topic(unique("topic"))
}

pub(super) fn soon() -> Deadline {
    Deadline::after(SOON)
}

pub(super) fn payload(text: &str) -> Payload {
    Payload::new(ContentType::Json, Bytes::from(format!("{text:?}")))
}

/// A request whose method is what the test looks at.
pub(super) fn request(method: &str) -> Request {
    Request { durable: true, ..Request::new(method.to_owned(), payload("arguments")) }
}

pub(super) async fn send(transport: &SharedTransport, target: &Target, method: &str) -> Result<(), Error> {
    send_request(transport, target, request(method)).await
}

pub(super) async fn send_request(
    transport: &SharedTransport,
    target: &Target,
    request: Request,
) -> Result<(), Error> {
    publish(transport, &Destination::Request(target.clone()), Message::from(request)).await
}

pub(super) async fn publish(
    transport: &SharedTransport,
    destination: &Destination,
    message: Message,
) -> Result<(), Error> {
    transport.transport().publish(destination, message, soon()).await
}

pub(super) async fn serve(transport: &SharedTransport, target: &Target, prefetch: u16) -> Box<dyn Consumer> {
    consume(transport, Source::Requests(target.clone()), prefetch).await
}

pub(super) async fn consume(transport: &SharedTransport, source: Source, prefetch: u16) -> Box<dyn Consumer> {
    transport
        .transport()
        .consume(source, ConsumeOptions::new().prefetch(prefetch))
        .await
        .expect("the source can be consumed")
}

/// The next delivery, which has to come soon.
pub(super) async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(SOON, consumer.next())
        .await
        .expect("a delivery comes soon")
        .expect("the consumer is open")
}

/// The next delivery's method; the delivery is acknowledged.
pub(super) async fn next_method(consumer: &mut Box<dyn Consumer>) -> String {
    let delivery = next(consumer).await;
    let method = method(&delivery);
    delivery.ack().expect("the link is up");
    method
}

pub(super) fn method(delivery: &Delivery) -> String {
    request_of(delivery).method.clone().into_owned()
}

pub(super) fn request_of(delivery: &Delivery) -> &Request {
    match delivery.message() {
        Ok(Message::Request(request)) => request,
        other => panic!("a request was expected, this came: {other:?}"),
    }
}

/// Nothing may come for a while.
pub(super) async fn stays_quiet(consumer: &mut Box<dyn Consumer>) {
    if let Ok(delivery) = tokio::time::timeout(QUIET, consumer.next()).await {
        panic!("nothing was expected, this came: {delivery:?}");
    }
}

/// Two connections to the broker.
pub(super) async fn two(harness: &Arc<dyn Harness>) -> (SharedTransport, SharedTransport) {
    (harness.connect().await, harness.connect().await)
}
