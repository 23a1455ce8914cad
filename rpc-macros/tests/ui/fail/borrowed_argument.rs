use rpc_macros::service;

#[service]
pub trait Conductor {
    #[call]
    async fn name(&self, name: &str, image: &[u8], tags: Option<&Vec<u16>>, region: std::borrow::Cow<'_, str>);
}

fn main() {}
