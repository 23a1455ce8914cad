use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn pair(&self, (a, b): (u8, u8));
    #[call]
    async fn mutable(&self, mut node: u64);
    #[call]
    async fn unnamed(&self, _: u64);
}

fn main() {}
