//! The properties of a message on its way out.

use std::time::Duration;

use lapin::BasicProperties;

use super::age::aged;
use super::size::header_size;
use super::written::Written;

/// The properties of a message on its way out: octets, where the message is ours and goes as it is; otherwise a table, which
/// costs more and can be looked into.
#[derive(Clone, Debug)]
pub(crate) enum Properties {
    Written(Written),
    Table(Box<BasicProperties>),
}

impl From<BasicProperties> for Properties {
    fn from(table: BasicProperties) -> Self {
        Self::Table(Box::new(table))
    }
}

impl Properties {
    /// At least the bytes that they take on the wire, with the frame around them.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Written(written) => written.size(),
            Self::Table(table) => header_size(table),
        }
    }

    pub(crate) fn message_id(&self) -> Option<&str> {
        match self {
            Self::Written(written) => Some(written.message_id()),
            Self::Table(table) => table.message_id().as_ref().map(|id| id.as_str()),
        }
    }

    /// What they say after the message has waited for `time`.
    pub(crate) fn aged(self, time: Duration) -> Self {
        match self {
            Self::Written(written) if written.is_as_good_after(time) => Self::Written(written),
            properties => aged(properties.into_table(), time).into(),
        }
    }

    pub(crate) fn into_table(self) -> BasicProperties {
        match self {
            Self::Written(written) => written.table(),
            Self::Table(table) => *table,
        }
    }

    /// For those who want to see what is in them.
    #[cfg(any(test, fuzzing, feature = "benching"))]
    pub(crate) fn table(&self) -> BasicProperties {
        self.clone().into_table()
    }
}
