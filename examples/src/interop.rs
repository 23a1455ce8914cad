//! The service of the interop programs: small methods that show one property of a wire each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{Context, Value, service};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The error that `fail` ends with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{kind}: {message}")]
#[non_exhaustive]
pub struct Failed {
    /// What kind of error the caller wished for.
    pub kind: String,
    /// What it should say.
    pub message: String,
}

/// Methods for programs in other languages to try.
#[service(version = "1.5")]
pub trait Interop {
    /// Gives the value back.
    #[call]
    async fn echo(&self, value: Value) -> Value;
    /// Adds two numbers; a sum beyond 64 bits wraps around.
    #[call]
    async fn add(&self, a: i64, b: i64) -> i64;
    /// The name of the server.
    #[call]
    async fn whoami(&self) -> String;
    /// Fails.
    #[call]
    async fn fail(&self, kind: String, message: String) -> Result<(), Failed>;
    /// Sleeps that many seconds, at most a day, and says how long.
    #[call]
    async fn sleep(&self, seconds: f64) -> f64;
    /// Panics.
    #[call]
    async fn panic(&self);
    /// The metadata that came with the request.
    #[call]
    async fn context(&self, ctx: &Context) -> BTreeMap<String, String>;
    /// Adds a line to the log of this process, which keeps the latest 100,000.
    #[cast]
    async fn append(&self, text: String);
    /// The log of this process.
    #[call]
    async fn seen(&self) -> Vec<String>;
    /// That many zero bytes, at most 64 MiB.
    #[call]
    async fn blob(&self, size: u64) -> ByteBuf;
}

/// The same server under a namespace.
#[service(namespace = "extra", version = "2.3")]
pub trait Extra {
    /// The name of the server.
    #[call]
    async fn whoami(&self) -> String;
}

/// One interop server.
#[derive(Debug)]
pub struct InteropServer {
    name: String,
    log: Mutex<Vec<String>>,
}

impl InteropServer {
    /// A server of this name with an empty log.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), log: Mutex::default() }
    }
}

impl Interop for InteropServer {
    async fn echo(&self, value: Value) -> Value {
        value
    }

    async fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    async fn whoami(&self) -> String {
        self.name.clone()
    }

    async fn fail(&self, kind: String, message: String) -> Result<(), Failed> {
        Err(Failed { kind, message })
    }

    async fn sleep(&self, seconds: f64) -> f64 {
        let day = Duration::from_secs(86_400);
        tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default().min(day)).await;
        seconds
    }

    async fn panic(&self) {
        panic!("asked to");
    }

    async fn context(&self, ctx: &Context) -> BTreeMap<String, String> {
        ctx.metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    async fn append(&self, text: String) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == 100_000 {
            log.remove(0);
        }
        log.push(text);
    }

    async fn seen(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn blob(&self, size: u64) -> ByteBuf {
        let most = 64 * 1_024 * 1_024;
        ByteBuf::from(vec![0; usize::try_from(size).unwrap_or(most).min(most)])
    }
}

impl Extra for InteropServer {
    async fn whoami(&self) -> String {
        self.name.clone()
    }
}
