//! What benches reach of this crate: no part of its API. Only the feature `benching` has it.

use bytes::Bytes;
use rpc_core::Error;
use rpc_core::message::{Malformed, Message};
use rpc_core::transport::Capabilities;

use crate::settings::Wire;
use crate::wire::{Arrived, Exceptions, Properties, decode, write as write_message};

/// A message as a connection takes it and hands it out.
#[derive(Clone, Debug)]
pub struct Wired {
    properties: Properties,
    body: Bytes,
}

/// Writes a message.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(message: Message) -> Result<Wired, Error> {
    write_message(message, Wire::Native, &Exceptions::default(), Some("guest"))
        .map(|(properties, body)| Wired { properties, body })
}

/// Reads a message, as if it was delivered for the first time.
///
/// # Errors
///
/// If it is none of ours.
pub fn read(wired: &Wired) -> Result<Message, Malformed> {
    let Wired { properties, body } = wired;
    let properties = properties.table();
    let arrived = Arrived { properties: &properties, body: body.clone(), redelivered: false };
    decode(arrived, Capabilities::DEFAULT_MAX_MESSAGE_SIZE)
}
