use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast]
    async fn sync_power(&self, node: u64, ctx: &Context);
}

fn main() {}
