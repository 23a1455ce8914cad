use rpc_macros::service;

#[service(version = "1.2")]
pub trait Conductor {
    #[call(since = "1.3")]
    async fn later(&self);
    #[cast(since = "2.0")]
    async fn other(&self);
}

fn main() {}
