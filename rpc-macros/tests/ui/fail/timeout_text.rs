use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call(timeout = "soon")]
    async fn text(&self);
    #[call(timeout = "30")]
    async fn unit(&self);
    #[call(timeout = "0s")]
    async fn zero(&self);
    #[call(call_monitor = "0s")]
    async fn deaf(&self);
}

fn main() {}
