use rpc_macros::service;

#[service(version = "1.2.3")]
pub trait Conductor {
    #[call(since = "one")]
    async fn change_power(&self);
}

fn main() {}
