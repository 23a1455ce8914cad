//! What fuzz targets reach of this crate: no part of its API. Only a build with `--cfg fuzzing`, as cargo-fuzz makes it,
//! has it.
//!
//! A message is given as octets: two with the length of its properties, the properties as AMQP has them, and the body.
//! The highest bit of the first octet says that it was delivered before. Properties pass the guard first, as they do on
//! their way from a broker, so that nearly any octets are a message.

use std::io::Cursor;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::protocol::basic;
use lapin::types::ShortString;
use rpc_core::message::{Malformed, Message};
use rpc_core::{Error, ReplyAddress};

pub use crate::connection::fuzzing::{Heard, heard};
pub use crate::consumer::fuzzing::{DeadLetter, dead_letter};
pub use crate::link::fuzzing::{Guarded, guarded};
use crate::settings::Wire;
use crate::url::{BrokerUrl, UrlError};
use crate::wire::{Arrived, Exceptions, decode, encode};

/// The largest body that is taken, in bytes: small, so that larger ones are seen.
pub const LIMIT: usize = 8 * 1_024;

const FRAME_MAX: u32 = 131_072;
const LARGEST_PROPERTIES: usize = 120_000;
const REDELIVERED: u8 = 1 << 7;
/// The start of a frame, and what stands before the properties in a content header.
const BEFORE_PROPERTIES: usize = 7 + 12;

/// A message as a connection hands it out.
pub(crate) struct Wired {
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
    pub(crate) redelivered: bool,
}

impl Wired {
    /// `None` if there are less than the two octets of a length.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        let ([high, low], rest) = octets.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high & !REDELIVERED, *low]));
        let (properties, body) = rest.split_at(length.min(rest.len()));
        // Flags are the least that there can be.
        let mut properties = properties.to_vec();
        properties.resize(properties.len().max(2), 0);
        Some(Self {
            properties: guarded_properties(&properties).0,
            body: Bytes::copy_from_slice(body),
            redelivered: high & REDELIVERED != 0,
        })
    }

    fn decode(&self) -> Result<Message, Malformed> {
        let Self { properties, body, redelivered } = self;
        decode(Arrived { properties, body: body.clone(), redelivered: *redelivered }, LIMIT)
    }
}

/// Properties as the guard lets them through, and whether it had to change them.
fn guarded_properties(octets: &[u8]) -> (BasicProperties, bool) {
    let length = u32::try_from(12 + octets.len()).expect("less than a frame");
    let frame = [&[2, 0, 1][..], &length.to_be_bytes(), &[0, 60, 0, 0], &[0; 8], octets, &[0xce]].concat();
    let passed = guarded(FRAME_MAX, &frame, &[usize::MAX]).octets;
    let (rest, properties) = basic::parse_properties(&passed[BEFORE_PROPERTIES..passed.len() - 1])
        .expect("the parser reads what the guard lets through");
    assert!(rest.is_empty(), "properties leave {rest:x?}");
    (properties, passed != frame)
}

/// Properties as AMQP has them.
pub(crate) fn written(properties: &BasicProperties) -> Vec<u8> {
    let mut buffer = vec![0; LARGEST_PROPERTIES];
    let written = basic::gen_properties(properties)(Cursor::new(&mut buffer[..]).into());
    let length = written.expect("there is room for them").write.position();
    buffer.truncate(usize::try_from(length).expect("it is within the buffer"));
    buffer
}

/// What a message means. `None` if it is none.
#[must_use]
pub fn message(octets: &[u8]) -> Option<Result<Message, Malformed>> {
    Wired::read(octets).map(|wired| wired.decode())
}

/// Writes a message and reads it again, as if it was delivered for the first time.
///
/// # Errors
///
/// If it cannot be written.
pub fn again(message: Message) -> Result<Result<Message, Malformed>, Error> {
    let (properties, body) = encode(message, Wire::Native, &Exceptions::default())?;
    let (properties, is_changed) = guarded_properties(&written(&properties));
    assert!(!is_changed, "what we write ourselves has to pass");
    Ok(Wired { properties, body, redelivered: false }.decode())
}

/// Where a request with this property `reply_to` is answered, if anywhere. `None` for more than 255 bytes as well.
#[must_use]
pub fn reply_address(text: &str) -> Option<ReplyAddress> {
    let short = |text| ShortString::try_new(text).ok();
    let properties = BasicProperties::default().with_reply_to(short(text)?).with_correlation_id(short("1")?);
    let wired = Wired { properties, body: Bytes::new(), redelivered: false };
    // It has no type, so it is malformed in any case.
    wired.decode().err()?.reply_to.map(|(address, _)| address)
}

/// What people may see of a broker's URL, and the passwords in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Everything that is shown.
    pub text: String,
    /// What must not be in it.
    pub passwords: Vec<String>,
}

/// Reads a URL and shows what came of it in every way.
///
/// # Errors
///
/// What is wrong with the URL.
pub fn url(text: &str) -> Result<Seen, UrlError> {
    let url: BrokerUrl = text.parse()?;
    let nodes: Vec<_> = url.nodes.iter().map(ToString::to_string).collect();
    Ok(Seen {
        text: format!("{url:?}{url:#?}{nodes:?}{}", nodes.concat()),
        passwords: url.nodes.iter().map(|node| node.password.reveal().to_owned()).collect(),
    })
}
