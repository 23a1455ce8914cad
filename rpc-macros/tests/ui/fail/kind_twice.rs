use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    #[cast]
    async fn change_power(&self, node: u64);
}

fn main() {}
