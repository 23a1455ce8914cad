//! The [`Notification`] derive of rpc-core, which re-exports it.
//!
//! Depend on rpc-core, not on this crate: what a macro writes refers to rpc-core, under whatever name the
//! manifest of the using crate gives it.

mod crate_path;
mod errors;
mod keys;
mod notification;

use proc_macro::TokenStream;

/// Names the event that a struct or an enum is.
///
/// ```
/// # use rpc_macros::Notification;
/// use rpc_core::{Notification as _, Priority};
///
/// #[derive(Notification, serde::Serialize)]
/// #[notification(event_type = "baremetal.node.power_set", priority = "warn")]
/// struct PowerSet {
///     node: u64,
///     on: bool,
/// }
///
/// assert_eq!(PowerSet::EVENT_TYPE, "baremetal.node.power_set");
/// assert_eq!(PowerSet::PRIORITY, Priority::Warn);
/// ```
///
/// It implements `rpc_core::Notification`, which asks for `Serialize`; parameters stay as they are.
///
/// # Keys of `#[notification]`
///
/// | key | meaning | default |
/// |---|---|---|
/// | `event_type = "baremetal.node.power_set"` | What happened, in 1 to 255 bytes. | has to be given |
/// | `priority = "warn"` | `audit`, `debug`, `info`, `warn`, `error`, `critical` or `sample`. | `info` |
#[proc_macro_derive(Notification, attributes(notification))]
pub fn derive_notification(item: TokenStream) -> TokenStream {
    let expanded =
        crate_path::crate_path().and_then(|crate_path| notification::expand(item.into(), &crate_path));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
