//! All that a service may be made of.

use rpc_core::{Context, Target};
use rpc_macros::service;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize, thiserror::Error)]
#[error("locked")]
pub struct Locked;

/// Docs.
#[service(namespace = "baremetal", version = "1.2")]
pub trait Conductor: std::fmt::Debug {
    /// Docs.
    #[call(timeout = "1m 30s", idempotent, since = "1.1")]
    async fn change_power(
        &self,
        ctx: &Context,
        node: u64,
        #[default] to: bool,
        #[default(String::from("now"))] when: String,
    ) -> Result<bool, Locked>;
    #[call]
    async fn whole(&self, r#type: std::borrow::Cow<'static, str>) -> core::result::Result<Vec<u8>, Locked>;
    #[call]
    async fn plain(&self) -> Option<u8>;
    #[call]
    async fn nothing(&self, ctx: &rpc_core::Context);
    #[cast]
    async fn r#move(&self, ctx: &Context, service: u8, invocation: u8, arguments: u8, method: u8);
    #[cast(since = "1.2")]
    #[deprecated(note = "use `flush_cache`")]
    async fn forget(&self) -> ();
    #[fanout(since = "1.2")]
    async fn flush_cache(&self);
    #[fanout(timeout = "1s")]
    async fn load(&self, ctx: &Context, node: u64) -> f32;
    #[fanout]
    async fn check(&self) -> Result<(), Locked>;
}

#[service]
trait Empty: Send + 'static {}

#[derive(Debug)]
struct Manager;

impl Empty for Manager {}

impl Conductor for Manager {
    async fn change_power(&self, _: &Context, _: u64, to: bool, _: String) -> Result<bool, Locked> {
        Ok(to)
    }
    async fn whole(&self, r#type: std::borrow::Cow<'static, str>) -> Result<Vec<u8>, Locked> {
        Ok(r#type.into_owned().into_bytes())
    }
    async fn plain(&self) -> Option<u8> {
        None
    }
    async fn nothing(&self, _: &Context) {}
    async fn r#move(&self, _: &Context, _: u8, _: u8, _: u8, _: u8) {}
    async fn forget(&self) {}
    async fn flush_cache(&self) {}
    async fn load(&self, _: &Context, _: u64) -> f32 {
        0.5
    }
    async fn check(&self) -> Result<(), Locked> {
        Err(Locked)
    }
}

fn main() {
    let transport = rpc_core::MemoryTransport::new();
    let client = ConductorClient::new(&transport, Target::topic("conductor"));
    let _: rpc_core::Call<bool, Locked> = client.change_power(1, true, String::new());
    let _: rpc_core::Call<Option<u8>, rpc_core::NoError> = client.plain();
    let _: rpc_core::Cast = client.prepare(|prepare| prepare).r#move(1, 2, 3, 4);
    let _: rpc_core::Gather<f32, rpc_core::NoError> = client.load(1).expected(2);
    let _: rpc_core::Gather<(), Locked> = client.check();
    let _ = ConductorEndpoint::new(Manager);
    let _ = EmptyIntoEndpoint::into_endpoint(Manager);
}
