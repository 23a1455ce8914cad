//! The notification bus over the memory transport, under a paused clock. Names of tests begin with the rows of
//! `docs/conformance.md` that they show, where there are any.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[path = "notify/background.rs"]
mod background;
#[path = "notify/batches.rs"]
mod batches;
#[path = "notify/blocking.rs"]
mod blocking;
#[path = "notify/dispatch.rs"]
mod dispatch;
#[path = "notify/drivers.rs"]
mod drivers;
#[path = "notify/filters.rs"]
mod filters;
#[path = "notify/flaky.rs"]
mod flaky;
#[path = "notify/journal.rs"]
mod journal;
#[cfg(feature = "tracing-layer")]
#[path = "notify/layer.rs"]
mod layer;
#[path = "notify/lines.rs"]
mod lines;
#[path = "notify/notifier.rs"]
mod notifier;
#[path = "notify/patience.rs"]
mod patience;
#[path = "notify/routing.rs"]
mod routing;
#[path = "notify/sources.rs"]
mod sources;
#[path = "notify/support.rs"]
mod support;
