//! What this crate takes from its libraries, and what its own tests put in its place.
//!
//! Everything above works on these types; the values that pass through them, errors included, are the libraries' own.

#[cfg(not(test))]
pub(crate) use lapin::{Channel, Connection, PublisherConfirm};
#[cfg(not(test))]
pub(crate) use tokio::sync::watch;

#[cfg(test)]
pub(crate) use crate::simulation::library::{Channel, Connection, PublisherConfirm};
#[cfg(test)]
pub(crate) use crate::simulation::watch;
