//! Progress stands where the context does, or right behind it, and is no argument for the client.

use rpc_core::{Call, Context, NoError, NoProgress, Progress, Target};
use rpc_macros::service;

#[service]
trait Conductor {
    #[call]
    async fn deploy(&self, ctx: &Context, progress: &Progress<Vec<u8>>, node: u64) -> bool;
    #[call]
    async fn wipe(&self, progress: &rpc_core::Progress<u8>) -> Result<(), String>;
    #[call]
    async fn plain(&self) -> u8;
}

struct Manager;

impl Conductor for Manager {
    async fn deploy(&self, _: &Context, progress: &Progress<Vec<u8>>, _: u64) -> bool {
        progress.send(&vec![1]);
        progress.is_heard()
    }

    async fn wipe(&self, progress: &Progress<u8>) -> Result<(), String> {
        let elsewhere = progress.clone();
        std::thread::spawn(move || elsewhere.send(&1));
        Ok(())
    }

    async fn plain(&self) -> u8 {
        7
    }
}

fn main() {
    let client = ConductorClient::new(&rpc_core::MemoryTransport::new(), Target::topic("t"));
    let deploy: Call<bool, NoError, Vec<u8>> = client.deploy(1);
    drop(deploy.on_progress(|bytes: Vec<u8>| drop(bytes)));
    let _: Call<(), String, u8> = client.wipe();
    let _: Call<u8, NoError, NoProgress> = client.plain();
    let _: Call<u8, NoError> = client.plain();
    drop(Manager.into_endpoint());
}
