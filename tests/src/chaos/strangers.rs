//! Calls that nobody serves, each of another name.

use std::ops::Range;

use futures_util::{StreamExt, stream};
use rpc_amqp::AmqpTransport;
use rpc_core::{Client, Code, Target};

use super::Words;
use super::program::Options;

/// Calls at a time.
const AT_A_TIME: usize = 32;

/// For each number calls a topic and a method that nobody has, and says how many calls ended in another way than they
/// have to.
pub async fn call_strangers(transport: &AmqpTransport, options: &Options, numbers: Range<u64>) -> Words {
    let served = Client::new(transport, Target::topic(&options.topic).exchange(&options.exchange));
    let wrong = stream::iter(numbers).map(async |number| {
        let topic = Target::topic(format!("topic-{number}")).exchange(&options.exchange);
        let unroutable = Client::new(transport, topic).call("check", &()).await;
        let unknown = served.call(&format!("method-{number}"), &()).await;
        let codes = [unroutable, unknown].map(|result| result.map(drop).map_err(|error| error.code()));
        // The untyped client names no namespace, and nobody serves the one without a name.
        codes != [Err(Code::Unroutable), Err(Code::UnsupportedVersion)]
    });
    let wrong = wrong.buffer_unordered(AT_A_TIME).filter(|wrong| std::future::ready(*wrong)).count().await;
    Words::default().with("wrong", wrong)
}
