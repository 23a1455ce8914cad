//! The [`service`] attribute and the [`Notification`] derive of rpc-core, which re-exports both.
//!
//! Depend on rpc-core, not on this crate: what the macros write refers to rpc-core, under whatever name the
//! manifest of the using crate gives it.
//!
//! A trait that breaks a rule does not compile. Everything that is wrong with it is reported at once, each thing
//! at the word that has to change.

mod crate_path;
mod errors;
mod keys;
mod notification;
mod service;

use proc_macro::TokenStream;

/// Makes a service of a trait: a typed client, an endpoint that serves an implementation, and a description of the
/// interface.
///
/// ```
/// # use rpc_macros::service;
/// use std::time::Duration;
///
/// use rpc_core::{CallError, Context, MemoryTransport, Server, Target};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Deserialize, Serialize, thiserror::Error)]
/// enum PowerError {
///     #[error("node {0} is locked")]
///     Locked(u64),
/// }
///
/// /// Drives the hardware of one cell.
/// #[service(namespace = "baremetal", version = "1.2")]
/// trait Conductor {
///     /// Switches a node on or off and waits until it has happened.
///     #[call(timeout = "30s", since = "1.1")]
///     async fn change_power(&self, ctx: &Context, node: u64, #[default] on: bool) -> Result<bool, PowerError>;
///     /// Refreshes one node; nobody waits for it.
///     #[cast]
///     async fn sync_power(&self, node: u64);
///     /// Tells every conductor to forget what it knows.
///     #[fanout(since = "1.2")]
///     async fn flush_cache(&self);
/// }
///
/// struct Manager;
///
/// impl Conductor for Manager {
///     async fn change_power(&self, _: &Context, node: u64, on: bool) -> Result<bool, PowerError> {
///         if node == 13 { Err(PowerError::Locked(node)) } else { Ok(on) }
///     }
///     async fn sync_power(&self, _: u64) {}
///     async fn flush_cache(&self) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new();
/// let server = Server::builder(&transport, Target::topic("conductor").server("cell-1"))
///     .endpoint(Manager.into_endpoint())
///     .start()
///     .await?;
///
/// let conductor = ConductorClient::new(&transport, Target::topic("conductor"));
/// assert!(conductor.change_power(4, true).await?);
/// let locked = conductor.change_power(13, true).timeout(Duration::from_secs(1)).await;
/// assert!(matches!(locked, Err(CallError::Service(PowerError::Locked(13)))));
/// conductor.prepare(|settings| settings.server("cell-1")).sync_power(4).await?;
/// conductor.flush_cache().await?;
/// # server.shutdown(Duration::from_secs(1)).await;
/// # Ok(()) }
/// ```
///
/// # What it makes
///
/// Of `trait Conductor`, and as visible as the trait:
///
/// | item | what it is |
/// |---|---|
/// | `Conductor` | The trait as written, plus `Send + Sync + 'static`. Each `async fn` promises a future that is `Send`; implementations write plain `async fn`. |
/// | `ConductorClient` | Cheap to clone. `new(&transport, target)`, `prepare(change)`, and a method for each of the trait's: it takes the arguments without the context and returns an `rpc_core::Call`, `rpc_core::Cast` or `rpc_core::Gather`, which does nothing until it is awaited. |
/// | `ConductorClient::INTERFACE` | The `rpc_core::Interface`: names, versions, time limits, arguments, docs. |
/// | `ConductorEndpoint<S>` | The `rpc_core::Endpoint` that serves an `S: Conductor`: `new(service)`, or `from_shared(arc)`. |
/// | `ConductorIntoEndpoint` | Gives every implementation `into_endpoint()`, where this trait is in scope. A type that implements two services in scope says which: `ConductorEndpoint::new(manager)`. |
///
/// Docs and `#[deprecated]` travel to the client; other attributes stay on the trait.
///
/// # Keys of `#[service]`
///
/// | key | meaning | default |
/// |---|---|---|
/// | `namespace = "baremetal"` | The namespace of the interface. | the one without a name |
/// | `version = "1.2"` | Its version. Raise the minor number when something is added, the major one when callers break. | `"1.0"` |
///
/// # Attributes of a method
///
/// Each method has exactly one.
///
/// | attribute | who runs the method | result |
/// |---|---|---|
/// | `#[call]` | any one server, or the one that the client was prepared for | any type, or `Result<T, E>` |
/// | `#[cast]` | the same, and nobody waits | none |
/// | `#[fanout]` | every server of the topic, or the one that the client was prepared for | none, and nobody waits; or as for `#[call]`, and the client gathers the answers of all |
///
/// | key | of | meaning | default |
/// |---|---|---|---|
/// | `since = "1.1"` | all | The version that brought the method; the client asks for a server of at least this one. | `"<major>.0"` |
/// | `timeout = "1m 30s"` | `#[call]`, `#[fanout]` with a result | How long the client waits, unless it is told otherwise. | that of the client |
/// | `call_monitor = "10s"` | `#[call]` | For how long the client bears no sign of life from the server, unless it is told otherwise: then the call ends as `unresponsive`. For calls that take minutes, whose server may die long before. | that of the client, or for ever |
/// | `idempotent` | `#[call]` | The method may run again after a crash: the request is acknowledged after the reply, not before the method starts, and sent again when the link breaks under it. | it may not |
/// | `at_most_once` | `#[call]` | The method never runs for a request that may have run before: one that is delivered again is refused as `unavailable`, `unknown`, also when it was given back unstarted. | it may, after a crash within the last moments |
/// | `uncancellable` | `#[call]` | The method runs to its end, or its deadline, although its caller has given the call up. Otherwise it is dropped then, at an await point, or not started. | it is dropped |
///
/// # Arguments
///
/// - `&Context` in the first place receives what travels with the request. It is recognised by this name and is
///   not an argument for the client.
/// - `&Progress<T>` in the first place, or right after the context, tells the caller of a `#[call]` how far the method is. It is
///   recognised by this name and is not an argument for the client, whose call can have `on_progress`. `T` is `Serialize` for the
///   endpoint and `DeserializeOwned` for the client.
/// - All others travel by name and are owned; their types are `Serialize` for the client and `DeserializeOwned`
///   for the endpoint. A server refuses a request with an argument that it does not know.
/// - `#[default]` lets a request leave the argument out, which then is `Default::default()`; `#[default(expression)]`
///   makes it the value of the expression. So an argument can be added in a minor version. The client always
///   sends all arguments. An `Option` has the default `None` even without the attribute, as everywhere in serde.
///
/// # Results
///
/// `Result<T, E>`, spelled out with both types, makes `E` the service's own error, which reaches the caller as
/// `CallError::Service(E)`. `E` is `Serialize` and `Display` for the endpoint and `DeserializeOwned` for the
/// client. A method with any other type cannot fail on its own: its call has the error `rpc_core::NoError`. A type
/// whose name ends in `Result` is refused, because an alias hides the error from the macro.
///
/// # What is refused
///
/// Parameters of the trait or of a method, associated types and constants, provided bodies, `cfg` on a method,
/// receivers other than `&self`, borrowed arguments, patterns in the place of names, `impl Trait`, and methods
/// called `new`, `prepare` or `into_endpoint`.
#[proc_macro_attribute]
pub fn service(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = crate_path::crate_path()
        .and_then(|crate_path| service::expand(attribute.into(), item.into(), &crate_path));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

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
/// It implements `rpc_core::Notification`; parameters stay as they are. Who emits the event needs `Serialize` besides, and who
/// collects it `Deserialize`.
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
