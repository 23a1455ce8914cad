use rpc_macros::service;

#[service(version = 1.2)]
pub trait Conductor {
    #[call(timeout = 30, idempotent = true)]
    async fn change_power(&self);
    #[call(since)]
    async fn power(&self);
    #[call("30s")]
    async fn text_alone(&self);
    #[call = "30s"]
    async fn assigned(&self);
}

fn main() {}
