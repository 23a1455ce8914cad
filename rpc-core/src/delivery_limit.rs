//! Which deliveries of a message are handled.

/// How often a message may be delivered for handling, and who counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryLimit {
    most: u32,
    broker_counts: bool,
}

/// What becomes of a delivery whose handling is about to start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// It is handled.
    Handle,
    /// It is put to the end of its queue as the attempt that it is, and handled when it comes back. The broker says only
    /// that it was delivered before; without this the next delivery would say no more than this one.
    Count,
    /// It has ended too many processes, or was given back too often.
    Reject,
}

impl DeliveryLimit {
    /// Below RabbitMQ 4's own 20, after which a message without a dead-letter exchange is dropped without a word.
    pub(crate) const DEFAULT: u32 = 10;

    /// `most` deliveries, 0 counting as 1. `broker_counts` when the broker says how often a message was delivered.
    pub(crate) fn new(most: u32, broker_counts: bool) -> Self {
        Self { most: most.max(1), broker_counts }
    }

    /// No limit, for where what is rejected is lost.
    pub(crate) const fn unlimited(broker_counts: bool) -> Self {
        Self { most: u32::MAX, broker_counts }
    }

    /// Decides on a delivery that says that it is the `attempt`th.
    pub(crate) const fn decide(self, attempt: u32, redelivered: bool) -> Decision {
        if attempt > self.most {
            Decision::Reject
        } else if redelivered && !self.broker_counts {
            Decision::Count
        } else {
            Decision::Handle
        }
    }

    /// Why a message is rejected.
    pub(crate) fn reason(self, attempt: u32) -> String {
        format!(
            "delivered {attempt} times, and the limit is {}: its handling ended the process each time, or gave it back",
            self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A queue with one message, as a classic queue or one that counts.
    struct Queue {
        counts: bool,
        /// What the message says.
        sent: u32,
        /// Deliveries since it was put into the queue.
        deliveries: u32,
    }

    impl Queue {
        /// The attempt, and whether it is a repeated delivery.
        fn deliver(&mut self) -> (u32, bool) {
            let earlier = if self.counts { self.deliveries } else { self.deliveries.min(1) };
            self.deliveries += 1;
            (self.sent + earlier, earlier > 0)
        }
    }

    proptest! {
        /// Whoever counts, a message that ends every process is handled as often as the limit says, each time with the
        /// next attempt, and then rejected. Deliveries that were given back unstarted come in between: where the broker
        /// counts they cost attempts, elsewhere at most the one that a repeated delivery costs.
        #[test]
        fn poison_ends(most in 0_u32..30, counts: bool, unstarted in prop::collection::vec(0_u32..3, 100)) {
            let limit = DeliveryLimit::new(most, counts);
            let most = most.max(1);
            let mut queue = Queue { counts, sent: 1, deliveries: 0 };
            let (mut handled, mut last, mut given_back) = (0, 0, 0);
            let mut unstarted = unstarted.into_iter();
            let rejected_as = loop {
                for _ in 0..unstarted.next().expect("it ends before") {
                    queue.deliver();
                    given_back += 1;
                }
                let (attempt, redelivered) = queue.deliver();
                match limit.decide(attempt, redelivered) {
                    Decision::Handle => {
                        prop_assert!(attempt > last && attempt <= most);
                        (handled, last) = (handled + 1, attempt);
                    }
                    Decision::Count => {
                        prop_assert!(redelivered && !counts);
                        queue = Queue { counts, sent: attempt, deliveries: 0 };
                    }
                    Decision::Reject => break attempt,
                }
            };
            prop_assert!(rejected_as > most);
            prop_assert!(handled <= most);
            if given_back == 0 {
                prop_assert_eq!((handled, last), (most, most));
            }
        }
    }
}
