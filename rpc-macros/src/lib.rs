//! The `#[service]` attribute and the `Notification` derive of rpc-core, which re-exports them.
