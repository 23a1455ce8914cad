//! Clients, servers, notifiers and listeners over the memory transport, under a paused clock.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[path = "behaviour/absence.rs"]
mod absence;
#[path = "behaviour/again.rs"]
mod again;
#[path = "behaviour/call_monitor.rs"]
mod call_monitor;
#[path = "behaviour/calls.rs"]
mod calls;
#[path = "behaviour/cancellation.rs"]
mod cancellation;
#[path = "behaviour/codec.rs"]
mod codec;
#[path = "behaviour/context.rs"]
mod context;
#[path = "behaviour/dead_letters.rs"]
mod dead_letters;
#[path = "behaviour/dispatch.rs"]
mod dispatch;
#[path = "behaviour/duplicates.rs"]
mod duplicates;
#[path = "behaviour/evidence.rs"]
mod evidence;
#[path = "behaviour/faults.rs"]
mod faults;
#[path = "behaviour/faulty.rs"]
mod faulty;
#[path = "behaviour/forgetful.rs"]
mod forgetful;
#[path = "behaviour/gather.rs"]
mod gather;
#[path = "behaviour/introspection.rs"]
mod introspection;
#[path = "behaviour/lifecycle.rs"]
mod lifecycle;
#[path = "notify/lines.rs"]
mod lines;
#[path = "behaviour/notifications.rs"]
mod notifications;
#[path = "behaviour/outcomes.rs"]
mod outcomes;
#[path = "behaviour/ping.rs"]
mod ping;
#[path = "behaviour/poison.rs"]
mod poison;
#[path = "behaviour/prepare.rs"]
mod prepare;
#[path = "behaviour/progress.rs"]
mod progress;
#[path = "behaviour/relinking.rs"]
mod relinking;
#[path = "behaviour/replies.rs"]
mod replies;
#[path = "behaviour/server.rs"]
mod server;
#[path = "behaviour/shutdown.rs"]
mod shutdown;
#[path = "behaviour/support.rs"]
mod support;
#[path = "behaviour/targets.rs"]
mod targets;
