//! The proxy keeps its own promises, between plain sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod ends;
mod frames;
mod listening;
mod modes;
mod roles;
mod wire;
