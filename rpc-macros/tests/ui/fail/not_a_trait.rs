use rpc_macros::service;

#[service]
pub struct Conductor {
    cell: String,
}

#[service(version = "1.0")]
impl Conductor {}

fn main() {}
