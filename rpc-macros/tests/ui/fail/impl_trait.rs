use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn store(&self, values: impl Iterator<Item = u8>);
    #[call]
    async fn load(&self) -> impl Iterator<Item = u8>;
}

fn main() {}
