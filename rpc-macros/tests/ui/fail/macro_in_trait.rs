use rpc_macros::service;

#[service]
pub trait Conductor {
    methods!();
}

fn main() {}
