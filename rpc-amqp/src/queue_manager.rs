//! Names of queues that a process has again after a restart, among Python peers.
//!
//! The name of a queue that belongs to one process ends in `<host>:<process>:<number>`. Python keeps the number in memory
//! that is shared by the processes of a machine, next to the group and the start time of the process that wrote it last.
//! Where process ids are given out again, or the group of a process changes, two processes get one name and take each
//! other's replies. So nothing is counted here: a process has a number for as long as it holds the [lock](claim) of the
//! name, which the system frees when the process ends, however it ends.
//!
//! A lock is of one machine, and of one container. Between those the name of the host makes the difference; where it does
//! not, the second consumer of a queue sees the first one at its start, and is refused.

mod claim;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::{Error, MessageId, ReplyAddress};

pub(crate) use self::claim::Claim;
use crate::settings::OsloOptions;
use crate::wire::{OSLO_REPLY_PREFIX, random_oslo_address};

/// Where the locks are, if it is there: in memory, so that they are gone with the machine's.
const IN_MEMORY: &str = "/dev/shm";
/// How many names for replies a transport keeps. It asks for another one when the node that keeps the queue of the last is
/// down; by the time it has had so many, that node may be back.
const MOST_ADDRESSES: usize = 8;

/// Gives queues their names. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct QueueManager {
    /// `<host>:<process>`.
    program: Arc<str>,
    folder: Arc<Path>,
    addresses: Arc<Mutex<Addresses>>,
}

/// Names of queues for replies. They are kept as long as the transport is.
#[derive(Debug, Default)]
struct Addresses {
    /// Not given out yet.
    ready: Option<Claim>,
    given: VecDeque<Claim>,
}

/// What is in the names of queues of one consumer, and in no other.
#[derive(Debug)]
pub(crate) enum OwnName {
    Random(MessageId),
    Claimed(Claim),
}

impl QueueManager {
    /// The one that `options` ask for. The first name for replies is claimed with it, so that what is in the way shows when a
    /// transport is made.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when no lock can be had.
    pub(crate) fn of(options: &OsloOptions) -> Result<Option<Self>, Error> {
        match (options.use_queue_manager, &options.hostname, &options.processname) {
            (true, Some(host), Some(process)) => Self::new(format!("{host}:{process}"), &folder()).map(Some),
            _ => Ok(None),
        }
    }

    /// The one of `program`, whose locks are in `folder`.
    pub(crate) fn new(program: String, folder: &Path) -> Result<Self, Error> {
        let (program, folder, addresses) = (program.into(), folder.into(), Arc::default());
        let manager = Self { program, folder, addresses };
        let first = manager.claim(OSLO_REPLY_PREFIX)?;
        manager.addresses().ready = Some(first);
        Ok(manager)
    }

    /// What stands behind `base` in the name of a queue that nobody else on this machine has.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when no lock can be had.
    pub(crate) fn claim(&self, base: &str) -> Result<Claim, Error> {
        Claim::lowest(&self.folder, base, &self.program)
    }

    /// An address for replies. Should there be no name any more, it is a random one, which is as good until a restart.
    pub(crate) fn reply_address(&self) -> ReplyAddress {
        let ready = self.addresses().ready.take();
        let claim = match ready.map_or_else(|| self.claim(OSLO_REPLY_PREFIX), Ok) {
            Ok(claim) => claim,
            Err(error) => {
                tracing::warn!(%error, "replies come to a queue with a random name");
                return random_oslo_address();
            }
        };
        let address = ReplyAddress::checked_by_transport(&format!("{OSLO_REPLY_PREFIX}{}", claim.as_str()));
        let mut addresses = self.addresses();
        if addresses.given.len() >= MOST_ADDRESSES {
            addresses.given.pop_front();
        }
        addresses.given.push_back(claim);
        address
    }

    fn addresses(&self) -> std::sync::MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnName {
    pub(crate) fn random() -> Self {
        Self::Random(MessageId::random())
    }
}

impl fmt::Display for OwnName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(id) => id.fmt(formatter),
            Self::Claimed(claim) => formatter.write_str(claim.as_str()),
        }
    }
}

fn folder() -> PathBuf {
    let in_memory = Path::new(IN_MEMORY);
    if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for each test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("queue-manager-{}", MessageId::random()));
            std::fs::create_dir(&folder).unwrap();
            Self(folder)
        }

        fn manager(&self) -> QueueManager {
            QueueManager::new("h:p".to_owned(), &self.0).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn dv_23_a_name_is_had_by_one_and_comes_again_when_it_is_free() {
        let folder = Folder::new();
        let (first, second) = (folder.manager(), folder.manager());
        assert_eq!(first.reply_address().as_str(), "reply_h:p:1");
        assert_eq!(second.reply_address().as_str(), "reply_h:p:2");
        // Another queue counts by itself, so that the order in which servers start does not matter.
        let [one, other] = [&first, &second].map(|manager| manager.claim("t_fanout_").unwrap());
        assert_eq!((one.as_str(), other.as_str()), ("h:p:1", "h:p:2"));
        drop((first, one));
        let again = folder.manager();
        assert_eq!(again.reply_address().as_str(), "reply_h:p:1");
        assert_eq!(again.claim("t_fanout_").unwrap().as_str(), "h:p:1");
    }

    #[test]
    fn dv_23_a_client_whose_queue_is_away_gets_another_name_and_does_not_keep_all_of_them() {
        let folder = Folder::new();
        let manager = folder.manager();
        let numbers: Vec<_> = (0..10)
            .map(|_| manager.reply_address().as_str().rsplit(':').next().unwrap().parse::<usize>().unwrap())
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
        drop(manager);
        assert_eq!(folder.manager().reply_address().as_str(), "reply_h:p:1");
    }

    #[test]
    fn dv_23_what_is_in_the_way_is_said_at_the_start() {
        let error = QueueManager::new("h:p".to_owned(), Path::new("/no/such/folder")).unwrap_err();
        assert!(error.message().contains("/no/such/folder"), "{error}");
        assert_eq!(error.executed(), rpc_core::Executed::NotSent);
    }
}
