//! A trait that another macro writes: its types arrive in invisible brackets.

use rpc_core::{Call, Context, MemoryTransport, MethodKind, Target};

macro_rules! service {
    ($(#[$meta:meta])* $name:ident $version:literal $context:ty, $argument:ty, $return:ty, $default:expr) => {
        $(#[$meta])*
        #[rpc_macros::service(version = $version, namespace = "cell")]
        pub trait $name {
            $(#[$meta])*
            #[call(since = $version, timeout = "30s")]
            async fn ask(&self, context: $context, #[default($default)] argument: $argument) -> $return;
            #[cast]
            async fn tell(&self, argument: Option<$argument>);
        }
    };
}

service! {
    /// Docs.
    Conductor "1.2" &Context, Option<u8>, Result<u8, String>, Some(3)
}

fn main() {
    let client = ConductorClient::new(&MemoryTransport::new(), Target::topic("conductor"));
    let _: Call<u8, String> = client.ask(None);
    let interface = ConductorClient::INTERFACE;
    assert_eq!(interface.docs, "Docs.");
    assert_eq!(interface.version, rpc_core::Version::new(1, 2));
    assert_eq!(interface.methods[0].kind, MethodKind::Call);
    assert_eq!(interface.methods[0].docs, "Docs.");
    assert_eq!(interface.methods[0].arguments[0].type_name, "Option<u8>");
}
