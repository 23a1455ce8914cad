use rpc_macros::service;

#[service(namespace = "")]
pub trait Conductor {
    #[call]
    async fn change_power(&self);
}

fn main() {}
