//! Telling a process from its fork.

use rpc_core::{Code, Error, Executed, Phase};

/// The process that something was made in.
///
/// A fork has the sockets of its parent and none of its threads: what it sent would never leave, and closing what it
/// inherited would end the parent's connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_current(self) -> bool {
        self.0 == std::process::id()
    }

    /// Refuses to work in a fork.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.is_current() {
            return Ok(());
        }
        let message = format!(
            "the transport was connected by process {}, of which this one is a fork: connect after the fork",
            self.0
        );
        Err(Error::new(Code::Unavailable, message)
            .with_executed(Executed::NotSent)
            .with_retryable(false)
            .with_phase(Phase::Connect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_told_what_to_do() {
        assert!(Process::current().check().is_ok());
        let error = Process(1).check().unwrap_err();
        assert_eq!(error.executed(), Executed::NotSent);
        assert!(error.message().contains("connect after the fork"), "{error}");
    }
}
