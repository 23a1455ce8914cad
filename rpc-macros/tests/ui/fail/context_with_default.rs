use rpc_macros::service;

#[service]
pub trait Conductor {
    #[cast]
    async fn sync_power(&self, #[default] ctx: &Context);
}

fn main() {}
