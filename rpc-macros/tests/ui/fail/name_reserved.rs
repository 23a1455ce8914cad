use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn new(&self);
    #[call]
    async fn prepare(&self);
    #[call]
    async fn into_endpoint(&self);
}

fn main() {}
