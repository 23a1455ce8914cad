use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast]
    async fn sync_power(&self, #[default] #[default(3)] node: u64);
}

fn main() {}
