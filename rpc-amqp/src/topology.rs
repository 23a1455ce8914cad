//! Which exchanges and queues there are, under which names, with which arguments: pure data.
//!
//! | use | exchange | queue |
//! |---|---|---|
//! | any server of a topic | `x.<exchange>`, topic | `rpc.<exchange>.<topic>` |
//! | one server | the same, key `<topic>.<server>` | `rpc.<exchange>.<topic>.<server>`, expires after 30 minutes |
//! | every server | `x.<exchange>.<topic>.fanout` | `fan.<topic>.<server>.<random>`, exclusive, new in every epoch |
//! | replies | the default exchange | the reply address, expires after 2 minutes |
//! | notifications | `n.<exchange>`, topic, key `<topic>.<priority>` | `notify.<exchange>.<topic>.<priority>[.<pool>]` |
//! | their history | the same, key `<topic>.*` | `history.<exchange>.<topic>`, a stream |
//! | dead letters | `dlx.<exchange>`, direct, key `<topic>` | `dlq.<exchange>.<topic>` |
//!
//! Exchanges and shared queues are durable, and `x-queue-type` is always given. Queues of notifications and dead
//! letters carry the exchange in their names, so that two deployments on one broker do not share them.
//!
//! On the `oslo` wire it is what Python peers declare ([`oslo`]).

mod declaration;
mod entity;
mod name;
mod oslo;
mod plan;
mod profile;
mod properties;
mod remedy;
mod route;

pub(crate) use self::declaration::{Declaration, ExchangeKind, Lifetime};
pub use self::entity::{Entity, EntityKind};
pub(crate) use self::entity::{is_own, shown};
pub(crate) use self::oslo::{Difference, advice};
pub(crate) use self::plan::{Plan, PlannedQueue};
pub(crate) use self::profile::Profile;
pub(crate) use self::properties::{Argument, Properties};
pub(crate) use self::remedy::remedy;
pub(crate) use self::route::{Route, dead_letter_queue, dead_letters, history_queue, is_queue_of};
