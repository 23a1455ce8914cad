use rpc_macros::service;

#[service(version = "1")]
pub trait Conductor {
    #[call(timeout = "soon")]
    fn change_power(&mut self, node: &str) -> Result<bool>;
    async fn sync_power();
    #[cast(since = "2.0")]
    async fn prepare(&self) -> u8 {
        1
    }
}

fn main() {}
