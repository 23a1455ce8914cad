use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn store<T: Send>(&self, value: T);
    #[call]
    async fn fill<const N: usize>(&self, value: [u8; N]);
    #[call]
    async fn lend<'a>(&self, value: Cow<'a, str>);
    #[call]
    async fn bound(&self) where Self: Sized;
}

fn main() {}
