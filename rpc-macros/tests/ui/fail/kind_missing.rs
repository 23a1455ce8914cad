use rpc_macros::service;

#[service]
pub trait Conductor {
    async fn change_power(&self, node: u64);
    /// Has docs only.
    async fn sync_power(&self, node: u64);
}

fn main() {}
