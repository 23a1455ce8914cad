use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast]
    async fn sync_power(&self, #[default = 3] node: u64);
    #[cast]
    async fn sync_disk(&self, #[default()] node: u64);
}

fn main() {}
