//! Whether a new version of an interface fits the old one: which changes break whom, and a check that fails a build.
//!
//! Two programs that talk are seldom of one age. So a change is looked at from both sides: what becomes of **callers** that
//! know the old interface when they meet a server of the new one, and what becomes of **servers** of the old interface
//! when they are called by who knows the new one.
//!
//! | change | callers of old | servers of old |
//! |---|---|---|
//! | a method is removed, or is of another kind | break | break, unless removed |
//! | a method is added | | break, unless its `since` is above the old version |
//! | an argument that is needed is added | break | break |
//! | an argument with a default is added | | break |
//! | an argument is removed | break | break, if it was needed |
//! | an argument becomes needed | break | |
//! | an argument gets a default | | break |
//! | the type of an argument takes less than before | break | |
//! | the type of an argument takes more than before | | break |
//! | the type of a result, or of an error, can be more than before | break | |
//! | the type of a result, or of an error, can be less than before | | break |
//! | the namespace changes | break | break |
//! | the version goes back | break | |
//!
//! Where only servers break, a minor version mends it: a method whose `since` is raised above the old version asks for that, and
//! an old server refuses as `unsupported_version` what it would have misunderstood. Everything else needs a new major version,
//! beside which the old one can be served. Order of arguments, names of traits, documentation, time limits, and whether
//! a method is idempotent break nobody.
//!
//! Types are compared as far as [`TypeDescription`](crate::introspection::TypeDescription) tells: those of the standard
//! library by their values, so `u8` fits where `u32` is wanted, and a service's own by their names. What is within those is not
//! seen: a field that is renamed is for serde's tests.
//!
//! ```
//! use rpc_core::contract::{self, Breaks};
//! use rpc_core::introspection::InterfaceDescription;
//! # use rpc_core::service;
//! # mod released { #[rpc_core::service(version = "1.0")]
//! # pub trait Conductor { #[call] async fn change_power(&self, node: u32, on: bool) -> bool; } }
//!
//! #[service(version = "1.1")]
//! pub trait Conductor {
//!     #[call]
//!     async fn change_power(&self, node: String, on: bool) -> bool;
//! }
//!
//! # let old = InterfaceDescription::new(&released::ConductorClient::INTERFACE);
//! let new = InterfaceDescription::new(&ConductorClient::INTERFACE);
//! let comparison = contract::compare(&old, &new);                       // with a node that was a number
//! assert_eq!(comparison.breaks(), Breaks::BOTH);
//! assert!(!comparison.is_allowed(), "1.1 promises that nobody breaks");
//! let change = &comparison.changes()[0];
//! assert_eq!(change.to_string(), "change_power(node): the type was u32 and is String");
//! ```
//!
//! # In a build
//!
//! [`check`] compares with a file that is kept beside the code, and holds what was released last. As a test it fails a build
//! that would break others:
//!
//! ```
//! # use rpc_core::service;
//! use rpc_core::contract::{self, ContractError};
//! use rpc_core::introspection::InterfaceDescription;
//!
//! #[service(version = "1.0")]
//! pub trait Conductor {
//!     #[call]
//!     async fn change_power(&self, node: u32, on: bool) -> bool;
//! }
//!
//! // #[test]
//! fn nobody_breaks() -> Result<(), ContractError> {
//!     contract::check(&InterfaceDescription::new(&ConductorClient::INTERFACE), "conductor.json")
//! }
//! # assert!(matches!(nobody_breaks(), Err(ContractError::Absent { .. })));
//! ```
//!
//! With `RPC_CONTRACT=write` in the environment it writes the file instead: once at the beginning, and with each
//! release. `rpc schema export --format interface` writes the same of a server that runs, and `rpc schema diff` compares.

mod change;
mod check;
mod compare;
mod schema;

pub use self::change::{Breaks, Change, What};
pub use self::check::{ContractError, check};
pub use self::compare::{Comparison, compare};
