use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast(timeout = "3s")]
    async fn sync_power(&self, node: u64);
    #[fanout(idempotent)]
    async fn flush_cache(&self);
}

fn main() {}
