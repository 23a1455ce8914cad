//! What fuzz targets reach of this crate: no part of its API. Only a build with `--cfg fuzzing`, as cargo-fuzz makes it,
//! has it.

use serde::de::DeserializeOwned;

use crate::client::{ServiceFailure, answer};
use crate::error::CallError;
use crate::message::Reply;
use crate::value::Value;

/// Reads a reply into the caller's types, as a typed client does. A payload above `limit` bytes is refused.
///
/// # Errors
///
/// What the reply says, and what is wrong with it.
pub fn typed<T: DeserializeOwned, E: DeserializeOwned>(
    reply: Reply,
    limit: usize,
) -> Result<T, CallError<E>> {
    answer::typed(reply, limit)
}

/// Reads a reply of any shape, as an untyped client does. A payload above `limit` bytes is refused.
///
/// # Errors
///
/// What the reply says, and what is wrong with it.
pub fn untyped(reply: Reply, limit: usize) -> Result<Value, CallError<ServiceFailure>> {
    answer::untyped(reply, limit)
}
