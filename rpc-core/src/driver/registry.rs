//! Drivers by name, for configurations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Driver, Log, Messaging, Noop};
use crate::error::{Code, Error, Executed, Phase};
use crate::transport::SharedTransport;

/// Drivers by name, from which a configuration chooses. It starts with `log` and `noop`.
#[derive(Clone)]
pub struct Drivers(BTreeMap<String, Arc<dyn Driver>>);

impl Drivers {
    /// `log` and `noop`.
    #[must_use]
    pub fn new() -> Self {
        Self(BTreeMap::new()).driver(Log::new()).driver(Noop::new())
    }

    /// Adds `messaging`, which publishes over `transport`.
    #[must_use]
    pub fn transport(self, transport: &impl AsRef<SharedTransport>) -> Self {
        self.driver(Messaging::new(transport))
    }

    /// Adds a driver under its own name, in the place of one that had it before.
    #[must_use]
    pub fn driver(mut self, driver: impl Driver) -> Self {
        self.0.insert(driver.name().to_owned(), Arc::new(driver));
        self
    }

    /// The driver called `name`.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] when there is none; lists those that there are.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Driver>, Error> {
        self.0.get(name).map(Arc::clone).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(String::as_str).collect();
            misconfigured(format!(
                "there is no notification driver {name:?}: use one of {}",
                known.join(", ")
            ))
        })
    }
}

impl Default for Drivers {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Drivers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

pub(crate) fn misconfigured(message: String) -> Error {
    Error::new(Code::InvalidArguments, message).with_executed(Executed::NotSent).with_phase(Phase::Connect)
}
