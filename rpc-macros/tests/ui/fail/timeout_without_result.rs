use rpc_macros::service;

#[service]
pub trait Conductor {
    #[fanout(timeout = "1s")]
    async fn flush_cache(&self);
    #[fanout(timeout = "1s")]
    async fn load(&self) -> f32;
}

fn main() {}
