use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    fn change_power(&self, node: u64) -> bool;
    #[call]
    const fn power(&self) -> bool;
}

fn main() {}
