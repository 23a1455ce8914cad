//! The example programs as processes over a private RabbitMQ, judged by what they print.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::needless_pass_by_value, reason = "JSON values are written where they are passed")]

mod audit;
mod configured;
mod contract;
mod errors;
mod metering;
mod notifications;
mod program;
mod python;
mod quickstart;
mod roles;
mod servers;
