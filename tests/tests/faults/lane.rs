//! Where rows run one after the other.

use tests::broker::{Broker, Builder};

/// What the programs log in as. The password is looked for in every log.
pub(crate) const USER: &str = "chaos";
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

/// A lane, with the broker that its rows share.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    broker: Option<Broker>,
}

impl Lane {
    /// The broker of the lane, started when the first row asks for it.
    pub(crate) fn broker(&mut self) -> &Broker {
        self.broker.get_or_insert_with(start_broker)
    }

    /// The broker, if one was asked for.
    pub(crate) const fn running(&self) -> Option<&Broker> {
        self.broker.as_ref()
    }

    /// Gives the lane another broker.
    pub(crate) fn replace(&mut self, broker: Broker) {
        self.broker = Some(broker);
    }

    /// Gives the broker up: the next row gets a new one.
    pub(crate) fn spoil(&mut self) {
        self.broker = None;
    }
}

/// A node where [`USER`] may do all, from its first moment: also after its data was removed.
fn start_broker() -> Broker {
    broker().start()
}

/// The same, not started yet.
pub(crate) fn broker() -> Builder {
    Broker::builder()
        .setting(&format!("default_user = {USER}"))
        .setting(&format!("default_pass = {PASSWORD}"))
}
