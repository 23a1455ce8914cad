use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn name(&self) -> &str;
}

fn main() {}
