use rpc_macros::service;

#[service(version = "1.0", version = "1.1")]
pub trait Conductor {
    #[call(since = "1.0", since = "1.0")]
    async fn change_power(&self);
}

fn main() {}
