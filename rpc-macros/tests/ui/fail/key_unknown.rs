use rpc_macros::service;

#[service(name = "conductor")]
pub trait Conductor {
    #[call(timout = "30s", retries = 3)]
    async fn change_power(&self);
}

fn main() {}
