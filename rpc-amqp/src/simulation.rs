//! A deterministic simulation: the real transport, client, server and listener over a simulated broker and network.
//!
//! Everything above connections and their channels ([`library`](crate::library)) is the code that runs in production.
//! Below them is a broker in virtual time with RabbitMQ's habits. One seed of 64 bits decides what is done, what goes
//! wrong and how long everything takes; a run of the same seed is the same run. What must hold is in [`check`].

mod broker;
mod check;
mod frame;
mod history;
pub(crate) mod library;
mod process;
mod random;
mod run;
mod scenario;
mod seeds;
pub(crate) mod watch;
mod world;

pub(crate) use self::run::seeded_number;
