//! What was put away, for whoever looks after it.

mod filter;
mod letter;
mod query;
mod treated;

use std::fmt;

pub use self::filter::DeadLetterFilter;
pub use self::letter::DeadLetter;
pub use self::query::{DeadLetterQuery, Treatment};
pub use self::treated::Treated;
use crate::error::{Code, Error, Executed, Phase};
use crate::target::Target;
use crate::transport::SharedTransport;

/// The dead letters of an exchange: requests and events that could not be handled, kept by topic with the reason.
///
/// ```
/// use rpc_core::{DeadLetterFilter, DeadLetters, Listener, MemoryTransport, Notifier};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new();
/// let mut events = Listener::builder(&transport, ["notifications"]).start::<u32>().await?;
/// Notifier::new(&transport, "cell-1").info("counted", &7).await?;
/// events.next().await.expect("it is there").reject("the store has no such table").await?;
///
/// let dead_letters = DeadLetters::new(&transport);
/// for (topic, count) in dead_letters.topics(["notifications", "billing"]).await? {
///     println!("{topic}: {count}");
/// }
/// let of_counted = DeadLetterFilter::new().event_type("counted");
/// let seen = dead_letters.inspect("notifications", &of_counted, 20).await?;
/// assert_eq!(seen.letters[0].reason, "the store has no such table");
///
/// // Once the table is there:
/// assert_eq!(dead_letters.replay("notifications", &of_counted, 1_000).await?.letters.len(), 1);
/// assert_eq!(events.next().await.expect("it came again").payload(), &7);
/// # Ok(()) }
/// ```
///
/// Every method looks at the letters that are there when it begins, oldest first, until it has met as many that pass the
/// filter as it was told, or [`MOST_LOOKED_AT`](Self::MOST_LOOKED_AT) of any kind; [`Treated::is_complete`] says whether
/// there may be more. Letters that one call looks at are hidden from others until it ends; some brokers then give them back
/// in another order, as quorum queues do.
///
/// # Errors
///
/// Of all methods: [`Code::InvalidArguments`] for names that are empty or too long for the transport;
/// [`Code::Overloaded`] when too many look at dead letters over this transport; [`Code::Unavailable`] when the broker is out
/// of reach, and, not to be tried again, when the transport keeps none
/// ([`Capabilities::dead_letters`](crate::transport::Capabilities::dead_letters)); what the broker refuses.
/// What keeps a single letter from being replayed is in [`Treated::left`].
///
/// # Cancel safety
///
/// Of all methods: dropping the future stops the wait, and what was begun is finished.
#[derive(Clone)]
pub struct DeadLetters {
    transport: SharedTransport,
    exchange: String,
}

impl DeadLetters {
    /// The most letters that one call inspects, replays or discards.
    pub const MOST: usize = 10_000;
    /// The most letters that one call looks at, those that do not pass the filter included.
    pub const MOST_LOOKED_AT: usize = 100_000;

    /// The dead letters of [`Target::DEFAULT_EXCHANGE`].
    #[must_use]
    pub fn new(transport: &impl AsRef<SharedTransport>) -> Self {
        Self { transport: transport.as_ref().clone(), exchange: Target::DEFAULT_EXCHANGE.to_owned() }
    }

    /// Looks into this exchange. Default: [`Target::DEFAULT_EXCHANGE`].
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.exchange = exchange.into();
        self
    }

    /// Which of these topics have dead letters, and how many.
    ///
    /// Topics have to be named: a broker need not be able to list its queues. RabbitMQ's management page does, under
    /// `dlq.<exchange>.<topic>`.
    pub async fn topics<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, u32)>, Error> {
        let mut counted = Vec::new();
        for topic in topics {
            let topic = topic.into();
            self.check_supported()?;
            let count = self.transport.transport().count_dead_letters(&self.exchange, &topic).await?;
            if count > 0 {
                counted.push((topic, count));
            }
        }
        Ok(counted)
    }

    /// Looks at no more than `most` letters of `topic`, and takes none away. 0 counts as 1, and more than
    /// [`MOST`](Self::MOST) as that, here and below.
    pub async fn inspect(
        &self,
        topic: impl Into<String>,
        filter: &DeadLetterFilter,
        most: usize,
    ) -> Result<Treated, Error> {
        self.treat(Treatment::Inspect, topic.into(), filter, most).await
    }

    /// Sends letters back to the queue that they were rejected from: that of their topic, their server or their pool, since
    /// the others have had them. They keep their message id, are a first attempt again, and have neither a time limit
    /// nor a caller that waits for an answer.
    ///
    /// A letter is taken away when the broker has confirmed its copy: one of both is always there, and after a crash in
    /// between both are. One whose queue is gone stays ([`Treated::left`]).
    pub async fn replay(
        &self,
        topic: impl Into<String>,
        filter: &DeadLetterFilter,
        most: usize,
    ) -> Result<Treated, Error> {
        self.treat(Treatment::Replay, topic.into(), filter, most).await
    }

    /// Takes letters away for good.
    pub async fn discard(
        &self,
        topic: impl Into<String>,
        filter: &DeadLetterFilter,
        most: usize,
    ) -> Result<Treated, Error> {
        self.treat(Treatment::Discard, topic.into(), filter, most).await
    }

    async fn treat(
        &self,
        treatment: Treatment,
        topic: String,
        filter: &DeadLetterFilter,
        most: usize,
    ) -> Result<Treated, Error> {
        self.check_supported()?;
        let query = DeadLetterQuery {
            exchange: self.exchange.clone(),
            topic,
            treatment,
            filter: filter.clone(),
            most: most.clamp(1, Self::MOST),
        };
        self.transport.transport().treat_dead_letters(query).await
    }

    fn check_supported(&self) -> Result<(), Error> {
        if self.transport.capabilities().dead_letters { Ok(()) } else { Err(unsupported()) }
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DeadLetters").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

/// The error of a transport that has no dead letters to show.
pub(crate) fn unsupported() -> Error {
    Error::new(Code::Unavailable, "this transport keeps no dead letters: ask its broker")
        .with_executed(Executed::NotSent)
        .with_retryable(false)
        .with_phase(Phase::Connect)
}
