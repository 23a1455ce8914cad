//! What stands on a socket or on a clock, and what this crate's own tests put in its place.
//!
//! Everything above works on these types; the values that pass through them, errors included, are the same on both.

#[cfg(not(test))]
pub(crate) use crate::connection::{Channel, Connection};
pub(crate) use crate::connection::{Confirmation, Delivery, Place, Returned};
#[cfg(not(test))]
pub(crate) use tokio::sync::watch;

#[cfg(test)]
pub(crate) use crate::simulation::library::{Channel, Connection};
#[cfg(test)]
pub(crate) use crate::simulation::watch;
