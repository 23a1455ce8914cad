//! Generated code raises no lint in a crate that is strict about its own. `ui/pass/strict.rs` looks for missing docs,
//! which a test harness does not.

#![deny(
    clippy::nursery,
    clippy::pedantic,
    missing_debug_implementations,
    refining_impl_trait,
    rust_2018_idioms,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_qualifications,
    warnings
)]
// It contradicts `unreachable_pub`.
#![allow(clippy::redundant_pub_crate)]

pub mod api {
    //! What other crates see.

    use rpc_core::Context;
    use rpc_macros::{Notification, service};
    use serde::{Deserialize, Serialize};

    /// Why a node was not switched.
    #[derive(Debug, Deserialize, Serialize, thiserror::Error)]
    #[error("locked")]
    #[non_exhaustive]
    pub struct Locked;

    /// A node was switched.
    #[derive(Debug, Notification, Serialize)]
    #[notification(event_type = "baremetal.node.power_set")]
    #[non_exhaustive]
    pub struct PowerSet<T> {
        /// The node.
        pub node: T,
    }

    /// Drives the hardware of one cell.
    #[service(namespace = "baremetal", version = "1.2")]
    pub trait Conductor: Send {
        /// Has many arguments, some of them with a common part in their names.
        #[call(timeout = "30s", idempotent)]
        #[expect(
            clippy::too_many_arguments,
            clippy::fn_params_excessive_bools,
            reason = "to see them travel"
        )]
        async fn change_power(
            &self,
            ctx: &Context,
            node_name: String,
            node_zone: String,
            node_rack: String,
            first: bool,
            second: bool,
            third: bool,
            fourth: bool,
            #[default(3)] retries: u8,
        ) -> Result<u8, Locked>;
        /// Returns nothing.
        #[call]
        async fn wait(&self);
        /// Is no longer wanted.
        #[cast]
        #[deprecated(note = "wait")]
        async fn sync_power(&self, node: Vec<u8>);
        /// Has no arguments.
        #[fanout]
        async fn flush_cache(&self, ctx: &Context);
    }

    /// Has no methods.
    #[service]
    pub trait Nothing {}
}

mod private {
    use rpc_macros::service;

    #[service]
    pub(super) trait Inner {
        #[call]
        async fn ask(&self, value: u8) -> u8;
    }

    // Nobody uses its client, nor its endpoint.
    #[service]
    trait Alone {
        #[call]
        async fn ask(&self) -> u8;
    }

    struct Unused;

    impl Alone for Unused {
        async fn ask(&self) -> u8 {
            1
        }
    }

    const _: fn(&Unused) = |service| drop(service.ask());
}

use self::api::{Conductor, ConductorIntoEndpoint, Locked};
use self::private::{Inner, InnerEndpoint};

#[derive(Debug)]
struct Manager;

impl Conductor for Manager {
    async fn change_power(
        &self,
        _: &rpc_core::Context,
        _: String,
        _: String,
        _: String,
        _: bool,
        _: bool,
        _: bool,
        _: bool,
        retries: u8,
    ) -> Result<u8, Locked> {
        Ok(retries)
    }
    async fn wait(&self) {}
    async fn sync_power(&self, _: Vec<u8>) {}
    async fn flush_cache(&self, _: &rpc_core::Context) {}
}

impl Inner for Manager {
    async fn ask(&self, value: u8) -> u8 {
        value
    }
}

#[test]
fn endpoints_are_made() {
    let _ = Manager.into_endpoint();
    let _ = InnerEndpoint::new(Manager);
}
