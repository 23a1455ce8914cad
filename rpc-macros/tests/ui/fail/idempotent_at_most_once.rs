use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call(idempotent, at_most_once)]
    async fn change_power(&self, node: u64);
}

fn main() {}
