//! Payloads that know what event they are.

use crate::priority::Priority;

/// A payload that knows what event it is. Who emits it derives `Serialize` besides, and who collects it `Deserialize`:
///
/// ```
/// use rpc_core::{Notification, Priority};
///
/// #[derive(Notification, serde::Deserialize, serde::Serialize)]
/// #[notification(event_type = "baremetal.node.power_set", priority = "warn")]
/// struct PowerSet { node: String, on: bool }
///
/// assert_eq!(PowerSet::EVENT_TYPE, "baremetal.node.power_set");
/// assert_eq!(PowerSet::PRIORITY, Priority::Warn);
/// ```
pub trait Notification {
    /// What happened, such as `baremetal.node.power_set`: 1 to 255 bytes.
    const EVENT_TYPE: &'static str;
    /// The priority that [`Notifier::emit`](crate::Notifier::emit) gives it.
    const PRIORITY: Priority = Priority::Info;
}
