use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn change_power(&self, other: Option<Self>) -> Self::Power;
}

fn main() {}
