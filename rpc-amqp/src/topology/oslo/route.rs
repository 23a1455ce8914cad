//! Which way a message takes among Python peers.

use rpc_core::transport::Destination;
use rpc_core::{Error, Priority, Route as TargetRoute, Target};

use super::super::declaration::Declaration;
use super::super::route::Route;
use super::{Oslo, name};

impl Oslo {
    /// The way to `destination`. Python's senders are told of what no queue takes only when they ask; ours always are.
    pub(in crate::topology) fn route(&self, destination: &Destination) -> Result<Route, Error> {
        match destination {
            Destination::Request(target) => self.to_servers(target),
            // The address is the queue, as it is on the native wire.
            Destination::Reply(_) => Route::to(destination),
            Destination::Notification { exchange, topic, priority } => {
                let exchange = name::exchange(self.exchange(exchange))?;
                Ok(Route {
                    needs: vec![self.topic_exchange(exchange.clone())],
                    key: name::notifications(topic, *priority)?,
                    exchange,
                    mandatory: true,
                })
            }
        }
    }

    fn to_servers(&self, target: &Target) -> Result<Route, Error> {
        if target.route() == TargetRoute::Fanout {
            let exchange = name::fanout(target.topic_name())?;
            let needs = vec![self.fanout_exchange(exchange.clone())];
            return Ok(Route { exchange, key: String::new(), mandatory: false, needs });
        }
        let exchange = name::exchange(self.exchange(target.exchange_name()))?;
        let needs = vec![self.topic_exchange(exchange.clone())];
        Ok(Route { exchange, key: name::requests(target)?, mandatory: true, needs })
    }

    /// Notifiers of Python make the queue of those who are in no pool, so that no early event is lost.
    pub(in crate::topology) fn default_queue(
        &self,
        exchange: &str,
        topic: &str,
        priority: Priority,
    ) -> Result<Vec<Declaration>, Error> {
        let exchange = name::exchange(self.exchange(exchange))?;
        let queue = name::notifications(topic, priority)?;
        Ok(vec![
            self.topic_exchange(exchange.clone()),
            self.shared_queue(queue.clone()),
            Declaration::Binding { key: queue.clone(), queue, exchange },
        ])
    }

    pub(in crate::topology) fn request_queue(&self, target: &Target) -> Result<Option<String>, Error> {
        match target.route() {
            TargetRoute::Fanout => Ok(None),
            TargetRoute::Topic | TargetRoute::Server(_) => name::requests(target).map(Some),
        }
    }
}
