//! A driver that takes an event when the test permits it.

use std::sync::{Arc, Mutex};

use rpc_core::driver::{Driver, Emission};
use rpc_core::transport::async_trait;
use rpc_core::{Error, Notifier, codec};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub(crate) struct Blocking(Arc<(Semaphore, Mutex<Vec<i32>>)>);

impl Default for Blocking {
    fn default() -> Self {
        Self(Arc::new((Semaphore::new(0), Mutex::default())))
    }
}

impl Blocking {
    pub(crate) fn notifier(&self) -> Notifier {
        Notifier::with_drivers("p", [Arc::new(self.clone()) as Arc<dyn Driver>])
    }

    pub(crate) fn permit(&self, count: usize) {
        self.0.0.add_permits(count);
    }

    /// The payloads that were taken, in order.
    pub(crate) fn taken(&self) -> Vec<i32> {
        self.0.1.lock().unwrap().clone()
    }

    /// How many hold this driver.
    pub(crate) fn handles(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

#[async_trait]
impl Driver for Blocking {
    fn name(&self) -> &str {
        "blocking"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        self.0.0.acquire().await.unwrap().forget();
        self.0.1.lock().unwrap().push(codec::decode(&emission.message().payload).unwrap_or_default());
        Ok(())
    }
}
