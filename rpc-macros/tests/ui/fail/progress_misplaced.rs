use rpc_macros::service;

#[service]
trait Conductor {
    #[call]
    async fn deploy(&self, node: u64, progress: &Progress<u8>);
    #[call]
    async fn wipe(&self, #[default] progress: &Progress<u8>);
    #[call]
    async fn move_on(&self, progress: &Progress<u8>, ctx: &Context);
    #[call]
    async fn borrow(&self, progress: &Progress<&str>);
    #[cast]
    async fn sync_power(&self, progress: &Progress<u8>);
    #[fanout]
    async fn load(&self, ctx: &Context, progress: &Progress<u8>) -> u8;
}

fn main() {}
