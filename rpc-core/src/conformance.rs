//! The behaviours that every transport has to show: the executable definition of
//! [`Transport`](crate::transport::Transport).
//!
//! A transport's tests implement [`Harness`] and run the list, here once for each behaviour:
//!
//! ```
//! # use std::sync::Arc;
//! # use rpc_core::{MemoryBroker, SharedTransport, conformance};
//! struct Memory(MemoryBroker);
//!
//! #[async_trait::async_trait]
//! impl conformance::Harness for Memory {
//!     async fn connect(&self) -> SharedTransport {
//!         self.0.connect().into()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! let harness: Arc<dyn conformance::Harness> = Arc::new(Memory(MemoryBroker::new()));
//! for behaviour in conformance::BEHAVIOURS {
//!     behaviour.check(&harness).await;
//! }
//! # }
//! ```
//!
//! Every behaviour uses names of its own, so all may run against one broker, at the same time too. A violated
//! one panics and says how.

#![expect(clippy::unwrap_used, reason = "a behaviour that is violated panics")]

mod addressing;
mod closing;
mod end_to_end;
mod expiry;
mod fidelity;
mod notifications;
mod replies;
mod settlement;
mod support;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use crate::transport::SharedTransport;

/// How the list reaches the broker under test.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// One more connection to the broker, as another process would have. Panics when there is none to be had.
    async fn connect(&self) -> SharedTransport;
}

/// One behaviour.
#[derive(Clone, Copy)]
pub struct Behaviour {
    name: &'static str,
    check: fn(Arc<dyn Harness>) -> Check,
}

type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Behaviour {
    /// The behaviour as a sentence with `_` between its words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks it; takes at most a few seconds.
    ///
    /// # Panics
    ///
    /// When the transport does not show it.
    pub async fn check(&self, harness: &Arc<dyn Harness>) {
        (self.check)(Arc::clone(harness)).await;
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Behaviour").field(&self.name).finish()
    }
}

macro_rules! behaviours {
    ($($module:ident: $($name:ident),* $(,)?;)*) => {
        /// All behaviours.
        pub const BEHAVIOURS: &[Behaviour] = &[$($(Behaviour {
            name: stringify!($name),
            check: |harness| Box::pin($module::$name(harness)),
        },)*)*];

        /// Writes a test for each behaviour. It takes what makes the tests async, such as
        /// `#[tokio::test(start_paused = true)]`, and an expression that makes an
        /// `Arc<dyn conformance::Harness>`, which may wait.
        #[macro_export]
        macro_rules! conformance_tests {
            ($test:meta, $harness:expr) => {
                $($(
                    #[$test]
                    async fn $name() {
                        let harness: ::std::sync::Arc<dyn $crate::conformance::Harness> = $harness;
                        let behaviour = $crate::conformance::BEHAVIOURS
                            .iter()
                            .find(|behaviour| behaviour.name() == stringify!($name))
                            .expect("the list and the tests are made from one text");
                        behaviour.check(&harness).await;
                    }
                )*)*
            };
        }
    };
}

behaviours! {
    addressing:
        requests_to_a_topic_are_shared_by_its_servers,
        a_request_to_one_server_reaches_no_other,
        a_fanout_reaches_every_server_once,
        a_fanout_to_nobody_is_taken,
        a_request_to_nobody_is_unroutable_at_once,
        a_request_waits_for_a_server_that_is_away,
        similar_names_do_not_meet,
        exchanges_are_apart,
        unroutable_among_many_hits_the_right_ones;
    settlement:
        no_more_than_the_prefetch_is_handed_out,
        a_dropped_delivery_comes_again,
        a_requeued_delivery_comes_again,
        a_retried_delivery_comes_last_and_is_counted,
        a_retried_delivery_keeps_what_it_was,
        a_retried_notification_is_counted,
        a_rejected_delivery_does_not_come_again,
        what_is_rejected_is_kept_where_that_is_declared,
        an_acknowledged_delivery_does_not_come_again,
        a_dropped_consumer_gives_everything_back,
        a_stopped_consumer_gives_back_what_was_not_taken,
        order_is_kept_between_one_sender_and_one_consumer;
    expiry:
        an_expired_request_is_not_handed_out,
        a_passed_deadline_sends_nothing,
        the_remaining_time_travels;
    replies:
        a_reply_reaches_its_address_only,
        a_reply_to_nobody_is_unroutable;
    fidelity:
        every_field_of_a_request_arrives,
        every_field_of_a_reply_arrives,
        a_sign_of_life_arrives_as_one,
        progress_arrives_as_such,
        every_field_of_a_failure_arrives,
        every_field_of_a_notification_arrives,
        a_body_over_the_limit_is_refused;
    notifications:
        listeners_of_a_pool_share_and_pools_get_all,
        a_notification_before_the_first_listener_is_kept,
        what_came_before_anybody_listened_is_kept_for_the_default_pool_alone,
        a_pool_keeps_what_comes_while_its_listener_is_away,
        priorities_and_topics_are_apart;
    closing:
        a_closed_transport_refuses_everything,
        closing_gives_back_what_was_unsettled,
        the_status_follows;
    end_to_end:
        a_thousand_calls_get_their_own_answers,
        calls_dropped_at_any_moment_leave_nothing_behind,
        a_dropped_call_is_dropped_at_its_server,
        a_dropped_call_that_waits_is_not_started,
        a_server_that_is_shut_down_finishes_what_runs,
        a_typed_error_of_each_kind_comes_back,
        a_long_call_lasts_while_its_server_is_heard,
        a_long_call_ends_in_silence,
        progress_is_heard_before_the_result,
        the_answers_of_all_servers_are_gathered;
}
