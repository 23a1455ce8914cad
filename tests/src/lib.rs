//! What tests against a real RabbitMQ need: private brokers, a proxy that breaks the network, a raw AMQP client, hostile
//! messages, ledgers, programs that make load and a checker that reads what they wrote down.
//!
//! ```no_run
//! use tests::broker::{Broker, unique};
//!
//! let broker = Broker::shared();          // one node per test binary, started by whoever asks first
//! let exchange = unique("payments");      // tests share the node and keep apart by their names
//! let url = broker.url();                 // amqp://guest:guest@127.0.0.1:…
//! # let _ = (exchange, url);
//! ```
//!
//! A node belongs to the test process: own ports, own data, own name server. It needs no root, disturbs no
//! RabbitMQ service of the machine, and is gone when the process is gone, even after SIGKILL. Everything here
//! panics when something is wrong, because a test can do nothing better.
//!
//! Environment: `RPC_TESTS_RABBITMQ` names the folder of the `rabbitmq-server` script when it is in none of the
//! usual places; `RPC_TESTS_KEEP=1` keeps the folders of the nodes and of the fault suite, logs included;
//! `RPC_TESTS_FAULTS` holds more words for the command line of the fault suite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "plain records for our own tests; nobody builds on them"
)]

pub mod broker;
pub mod chaos;
pub mod checker;
pub mod conformance_table;
pub mod hostile;
pub mod ledger;
pub mod proxy;
pub mod raw;
