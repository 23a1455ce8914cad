//! What the examples share: the service that they run, the transports that they link, and how they stop.

pub mod compute;
pub mod interop;
mod logging;
pub mod metering;
mod options;
mod python;
pub mod quota;
mod stop;
mod transcript;

pub use self::logging::log_to_stderr;
pub use self::options::{TransportOptions, registry};
pub use self::python::{ExceptionName, ExceptionNames, interop_registry};
pub use self::stop::stop_requested;
pub use self::transcript::Transcript;

/// The example of the README is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadMe;
