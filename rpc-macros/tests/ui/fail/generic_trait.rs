use rpc_macros::service;

#[service]
pub trait Conductor<'a, T, const N: usize>
where
    T: Send,
{
    #[call]
    async fn change_power(&self);
}

fn main() {}
