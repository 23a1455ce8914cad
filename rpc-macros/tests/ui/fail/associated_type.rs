use rpc_macros::service;

#[service]
pub trait Conductor {
    type Node;
}

fn main() {}
