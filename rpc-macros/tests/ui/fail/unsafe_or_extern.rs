use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async unsafe fn change_power(&self);
    #[call]
    async extern "C" fn power(&self);
}

fn main() {}
