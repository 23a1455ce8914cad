//! Tests against a real RabbitMQ. All of them are in this one binary, so that one node serves them all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agreed;
mod bad_input;
mod bad_replies;
mod blocked;
mod cancellation;
mod cluster;
mod conformance;
mod dead_letters;
mod harm;
mod harness;
mod heartbeats;
mod history;
mod history_crash;
mod hostile_frames;
mod load;
mod login;
mod notifications;
mod oslo_listener;
mod poison;
mod proxied;
mod publishing;
mod reconnect;
mod refusals;
mod service;
mod tls;
mod topology;
