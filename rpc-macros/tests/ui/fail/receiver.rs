use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn none(node: u64);
    #[call]
    async fn value(self, node: u64);
    #[call]
    async fn exclusive(&mut self, node: u64);
    #[call]
    async fn shared(self: std::sync::Arc<Self>, node: u64);
}

fn main() {}
