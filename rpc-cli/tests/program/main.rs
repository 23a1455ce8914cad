//! `rpc` as a process, against servers on a broker of its own.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod asking;
mod configuration;
mod events;
mod letters;
mod load;
mod requests;
mod schemas;
mod support;
mod topology;
