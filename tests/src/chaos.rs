//! The programs of the fault suite: `chaos-client` makes load, `chaos-server` serves it or listens.
//!
//! They use the library as anybody would and write what happens to them into a ledger, which
//! [`checker`](crate::checker) reads. They are told what to do by lines on their standard input, each answered by one
//! line. Lines are words of the form `name=value`; see [`Words`].

mod child;
mod load;
mod measure;
mod process;
pub mod program;
mod requester;
mod service;
mod strangers;
mod words;

pub use self::child::call_in_a_child;
pub use self::load::{Load, Loads};
pub use self::measure::measure;
pub use self::process::{Process, SOON};
pub use self::requester::{Demand, Fact, Requester};
pub use self::service::{Chaos, ChaosClient, ChaosEndpoint, ChaosIntoEndpoint, Served, Work};
pub use self::strangers::call_strangers;
pub use self::words::Words;

/// What the payload of every request contains, and no log may (I9).
pub const PAYLOAD_MARK: &str = "confidential-payload";

/// 128 random bits as 32 hexadecimal digits.
#[must_use]
pub fn new_id() -> String {
    crate::raw::random_hex()
}

/// As many bytes as a request is to carry, at least those of [`PAYLOAD_MARK`].
#[must_use]
pub fn filler(size: usize) -> Vec<u8> {
    let mut bytes = PAYLOAD_MARK.as_bytes().to_vec();
    bytes.resize(size.max(bytes.len()), b'.');
    bytes
}

/// The function that every call computes: FNV-1a over the id and the filler.
#[must_use]
pub fn sum(id: &str, filler: &[u8]) -> u64 {
    let bytes = id.bytes().chain(filler.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Text without spaces, short enough for a ledger.
fn one_word(text: &str) -> String {
    let word: String = text.split_whitespace().collect::<Vec<_>>().join("_");
    word.chars().take(200).collect()
}
