use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn change_power(&self, node: u64);
    #[cast]
    async fn change_power(&self, node: u32);
}

fn main() {}
