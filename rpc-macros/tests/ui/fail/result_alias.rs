use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn change_power(&self) -> Result<bool>;
    #[call]
    async fn power(&self) -> PowerResult<bool, String>;
    #[call]
    async fn result(&self) -> std::fmt::Result;
}

fn main() {}
