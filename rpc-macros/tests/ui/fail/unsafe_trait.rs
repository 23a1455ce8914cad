use rpc_macros::service;

#[service]
pub unsafe trait Conductor {}

fn main() {}
