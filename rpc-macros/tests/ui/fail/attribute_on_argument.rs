use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn change_power(&self, #[serde(rename = "n")] node: u64);
}

fn main() {}
