//! Does nothing.

use super::{Driver, Emission};
use crate::error::Error;
use crate::transport::async_trait;

/// Does nothing with events: how an operator switches notifications off.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Noop;

impl Noop {
    /// A driver that does nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Driver for Noop {
    fn name(&self) -> &str {
        "noop"
    }

    async fn notify(&self, _: &Emission) -> Result<(), Error> {
        Ok(())
    }

    fn is_noop(&self) -> bool {
        true
    }
}
