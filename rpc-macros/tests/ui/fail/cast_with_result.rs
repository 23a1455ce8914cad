use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast]
    async fn sync_power(&self, node: u64) -> bool;
    #[cast]
    async fn flush_cache(&self) -> Result<(), String>;
}

fn main() {}
