use rpc_macros::service;

#[service]
pub trait Conductor {
    const LIMIT: usize;
}

fn main() {}
