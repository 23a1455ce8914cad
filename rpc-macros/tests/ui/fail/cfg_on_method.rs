use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cfg(unix)]
    #[cast]
    async fn sync_power(&self, node: u64);
    #[cast]
    #[cfg_attr(unix, inline)]
    async fn sync_disk(&self, node: u64);
}

fn main() {}
