//! What the fuzz targets check, a file for each, and the seeds that they start from.

#![forbid(unsafe_code)]

#[cfg(fuzzing)]
pub mod connection;
#[cfg(fuzzing)]
pub mod dead_letter;
pub mod frames;
#[cfg(fuzzing)]
pub mod guard;
#[cfg(fuzzing)]
pub mod guard_then_lapin;
#[cfg(fuzzing)]
mod message;
#[cfg(fuzzing)]
pub mod notification;
#[cfg(fuzzing)]
pub mod reply;
#[cfg(fuzzing)]
pub mod reply_address;
#[cfg(fuzzing)]
pub mod request;
#[cfg(fuzzing)]
mod small_stack;
#[cfg(fuzzing)]
mod stream;
#[cfg(fuzzing)]
mod table;
#[cfg(fuzzing)]
pub mod url;
