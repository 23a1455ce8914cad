//! Hands a group of events to the handlers that want them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::future::FutureExt;

use super::handler::{Prepared, PreparedCall, Readable};
use super::intake::{Arrival, Reader};
use super::reading::Reading;
use super::{Disposition, NotificationEndpoint};
use crate::error::Error;
use crate::filter::{Filter, FilterSet, Passed};
use crate::message::NotificationMessage;

/// Finds the handlers of an event, and runs them.
pub(super) struct Dispatcher {
    endpoints: Vec<NotificationEndpoint>,
    /// One for each endpoint.
    filters: FilterSet,
    has_filters: bool,
    reader: Reader,
}

/// An event with what the filters say of it.
pub(super) struct Selected {
    pub(super) message: Arc<NotificationMessage>,
    reading: Option<Reading>,
    /// `None` when there are no filters.
    passed: Option<Passed>,
}

/// What becomes of an event.
#[derive(Debug)]
pub(super) enum Fate {
    Decided(Disposition),
    /// It cannot be read.
    Unreadable(Error),
    /// A handler panicked.
    Panicked,
}

impl Dispatcher {
    pub(super) fn new(endpoints: Vec<NotificationEndpoint>, reader: Reader) -> Result<Self, Error> {
        let filters = FilterSet::new(endpoints.iter().map(|endpoint| &endpoint.filter))?;
        let has_filters = endpoints.iter().any(|endpoint| endpoint.filter != Filter::default());
        Ok(Self { endpoints, filters, has_filters, reader })
    }

    /// The event with what the filters say of it; `None` when no handler wants it.
    pub(super) fn select(&self, arrival: &Arrival) -> Result<Option<Selected>, Error> {
        let Arrival { message, reading, .. } = arrival;
        // Before the filters, which may look into the payload: an event that is somebody else's need not be readable here.
        let has_handler = |endpoint: &NotificationEndpoint| {
            endpoint.handlers.iter().any(|handler| handler.wants.wants(message))
        };
        if !self.endpoints.iter().any(has_handler) {
            return Ok(None);
        }
        let passed = self
            .has_filters
            .then(|| self.filters.matches(message, || self.reader.read(message)))
            .transpose()?;
        let selected = Selected { message: Arc::clone(message), reading: reading.clone(), passed };
        let mut endpoints = self.endpoints.iter().enumerate();
        let is_wanted = endpoints.any(|(index, endpoint)| selected.passes(index) && has_handler(endpoint));
        Ok(is_wanted.then_some(selected))
    }

    /// Runs the handlers of a group of events of one priority, and says what becomes of each.
    ///
    /// Everything is decoded before anything runs. The handlers run one after the other, in order of their endpoints; an
    /// event that is not handled by one does not go to the next, alone or in a batch, and a batch that is not handled ends the
    /// whole group, as in oslo.messaging.
    pub(super) async fn run(&self, group: &[Selected]) -> Vec<Fate> {
        let mut fates: Vec<Option<Fate>> = group.iter().map(|_| None).collect();
        for PreparedCall { mut events, start, is_batch } in self.prepare(group, &mut fates) {
            // What a handler in front has not handled, and what another cannot read.
            events.retain(|event| fates[*event].is_none());
            let is_open = |event: usize| fates[event].is_none();
            let outcome = AssertUnwindSafe(async {
                match start(&is_open) {
                    Some(running) => running.await,
                    None => Disposition::Handled,
                }
            });
            let outcome = outcome.catch_unwind().await;
            if matches!(outcome, Ok(Disposition::Handled)) {
                continue;
            }
            let fate = || match &outcome {
                Ok(disposition) => Fate::Decided(disposition.clone()),
                Err(_) => Fate::Panicked,
            };
            if is_batch {
                fates.iter_mut().filter(|decided| decided.is_none()).for_each(|open| *open = Some(fate()));
            } else {
                events.iter().for_each(|event| fates[*event] = Some(fate()));
            }
        }
        fates.into_iter().map(|fate| fate.unwrap_or(Fate::Decided(Disposition::Handled))).collect()
    }

    /// The calls of all handlers, in order. Events that cannot be read get their fate.
    fn prepare(&self, group: &[Selected], fates: &mut [Option<Fate>]) -> Vec<PreparedCall> {
        let mut readable = Vec::new();
        for (number, selected) in group.iter().enumerate() {
            match self.reader.read(&selected.message) {
                Ok(payload) => {
                    let Selected { message, reading, .. } = selected;
                    let (message, reading) = (Arc::clone(message), reading.clone());
                    readable.push((number, Readable { message, reading, payload }));
                }
                Err(error) => fates[number] = Some(Fate::Unreadable(error)),
            }
        }
        let mut all = Vec::new();
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            for handler in &endpoint.handlers {
                let wanted = readable.iter().filter(|(number, event)| {
                    group[*number].passes(index) && handler.wants.wants(&event.message)
                });
                let wanted: Vec<_> = wanted.map(|(number, event)| (*number, event)).collect();
                let Prepared { calls, unreadable } = handler.run.prepare(&wanted);
                all.extend(calls);
                for (number, error) in unreadable {
                    fates[number] = Some(Fate::Unreadable(error));
                }
            }
        }
        all
    }
}

impl Selected {
    fn passes(&self, endpoint: usize) -> bool {
        self.passed.as_ref().is_none_or(|passed| passed.contains(endpoint))
    }
}
