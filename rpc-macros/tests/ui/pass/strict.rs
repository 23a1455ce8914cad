//! A crate that is strict about what it shows. Here, because a test harness does not look for missing docs.

#![deny(missing_debug_implementations, missing_docs, unnameable_types, unreachable_pub, warnings)]

pub mod api {
    //! What other crates see.

    /// Drives the hardware of one cell.
    #[rpc_macros::service]
    pub trait Conductor {
        /// Changes the power.
        #[call]
        async fn change_power(&self, node: u64) -> Result<u8, String>;
        /// Flushes the cache.
        #[fanout]
        async fn flush_cache(&self);
    }
}

mod hidden {
    #[rpc_macros::service]
    pub(super) trait Inner {
        #[call]
        async fn ask(&self) -> u8;
    }

    #[rpc_macros::service]
    trait Innermost {
        #[cast]
        async fn tell(&self);
    }
}

fn main() {
    let _ = hidden::InnerClient::INTERFACE;
}
