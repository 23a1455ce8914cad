//! Programs in Python that use oslo.messaging, and ours, on one RabbitMQ. A name begins with the rows of the conformance
//! table that it proves, if it proves any.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bodies;
mod both;
mod call_monitor;
mod compression;
mod configuration;
mod disagreement;
mod duplicates;
mod exceptions;
mod failover;
mod functional;
mod joining;
mod limits;
mod listeners;
mod log_records;
mod mixed;
mod nobody;
mod notifications;
mod python;
mod python_client;
mod queue_manager;
mod rust_client;
mod service;
mod stage;
mod streams;
mod topology;
