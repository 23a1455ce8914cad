//! Messages that nobody waits for.

use std::fmt;

use crate::error::{Code, Error, Executed, Phase};

/// Hears of a message that was [posted](super::Transport::post) when it may not have arrived, once and from any thread.
pub struct OnFailure(Option<Box<dyn FnOnce(Error) + Send>>);

impl OnFailure {
    /// Calls `hears` when publishing fails. It must not wait, and is dropped when publishing succeeds.
    #[must_use]
    pub fn new(hears: impl FnOnce(Error) + Send + 'static) -> Self {
        Self(Some(Box::new(hears)))
    }

    /// Says what became of the message. A transport that drops this instead is taken to know nothing of it.
    pub fn tell(mut self, outcome: Result<(), Error>) {
        let hears = self.0.take();
        if let (Some(hears), Err(error)) = (hears, outcome) {
            hears(error);
        }
    }
}

impl Drop for OnFailure {
    fn drop(&mut self) {
        if let Some(hears) = self.0.take() {
            let message = "the transport ended before it said what became of the message";
            let error = Error::new(Code::Unavailable, message);
            hears(error.with_executed(Executed::Unknown).with_phase(Phase::Publish));
        }
    }
}

impl fmt::Debug for OnFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnFailure")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_hears_of_failure_alone_and_of_silence() {
        let (sender, heard) = mpsc::channel();
        let on_failure = || {
            let sender = sender.clone();
            OnFailure::new(move |error: Error| sender.send(error.code()).unwrap())
        };
        on_failure().tell(Ok(()));
        on_failure().tell(Err(Error::new(Code::Unroutable, "nobody is there")));
        drop(on_failure());
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Code::Unroutable, Code::Unavailable]);
    }
}
