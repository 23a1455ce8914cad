//! Sends events to drivers by rules.

mod glob;
mod rules;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use self::rules::Compiled;
pub use self::rules::{RoutingRule, RoutingRules};
use super::registry::misconfigured;
use super::together::notify_all;
use super::{Driver, Drivers, Emission};
use crate::error::Error;
use crate::payload::ContentType;
use crate::transport::async_trait;

/// Sends each event to the drivers whose rules accept it; oslo.messaging's routing notifier.
///
/// An event that no rule accepts goes nowhere, and that is no error.
///
/// ```
/// # use std::sync::Arc;
/// # use rpc_core::{MemoryTransport, Notifier};
/// # use rpc_core::driver::{Driver, Drivers, Routing, RoutingRules};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let rules = RoutingRules::from_toml(r#"
///     ## Whatever happens to an instance is billed.
///     [billing.messaging]
///     accepted_events = ["compute.instance.*"]
///
///     ## Operators read the rest, if it is serious.
///     [operators.log]
///     accepted_priorities = ["warn", "error", "critical"]
/// "#)?;
/// let transport = MemoryTransport::new();
/// let routing = Routing::new(&rules, &Drivers::new().transport(&transport))?;
/// let notifier = Notifier::with_drivers("compute.host-1", [Arc::new(routing) as Arc<dyn Driver>]);
/// notifier.info("compute.instance.create.end", &"i-1").await?;
/// # Ok(()) }
/// ```
pub struct Routing {
    /// Each once, in order of name, as `rules` refers to them.
    drivers: Vec<Arc<dyn Driver>>,
    rules: Vec<(usize, Compiled)>,
}

impl Routing {
    /// A driver that follows `rules`, with the drivers that they name.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) when a driver is not known, or a list of priorities holds a
    /// pattern that is none.
    pub fn new(rules: &RoutingRules, known: &Drivers) -> Result<Self, Error> {
        let names: BTreeSet<_> = rules.iter().map(|(_, driver, _)| driver).collect();
        let names: Vec<_> = names.into_iter().collect();
        let drivers = names.iter().map(|name| known.get(name)).collect::<Result<_, _>>()?;
        let compiled = rules.iter().map(|(group, driver, rule)| {
            let compiled = Compiled::new(rule)
                .map_err(|error| misconfigured(format!("rule {group}.{driver}: {error}")))?;
            // It is one of the names, which are in order.
            Ok((names.partition_point(|name| *name < driver), compiled))
        });
        Ok(Self { drivers, rules: compiled.collect::<Result<_, Error>>()? })
    }

    /// The drivers that get events, each once, in order of name.
    pub fn drivers(&self) -> impl Iterator<Item = &dyn Driver> {
        self.drivers.iter().map(|driver| &**driver)
    }
}

#[async_trait]
impl Driver for Routing {
    fn name(&self) -> &str {
        "routing"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        let message = emission.message();
        let accepting =
            self.rules.iter().filter(|(_, rule)| rule.accepts(&message.event_type, message.priority));
        // A driver that several rules name gets the event once.
        let accepting: BTreeSet<_> = accepting.map(|(driver, _)| *driver).collect();
        notify_all(accepting.into_iter().map(|driver| &*self.drivers[driver]), emission).await
    }

    fn content_type(&self) -> Option<ContentType> {
        super::content_type(&self.drivers)
    }

    fn is_noop(&self) -> bool {
        self.drivers.iter().all(|driver| driver.is_noop())
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drivers: Vec<_> = self.drivers().map(Driver::name).collect();
        formatter.debug_struct("Routing").field("drivers", &drivers).finish_non_exhaustive()
    }
}
