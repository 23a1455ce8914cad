//! Totals in SQLite, to which every event is added once.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::Received;
use rusqlite::{Connection, Transaction, params};

use super::Sample;

/// Totals in a file of SQLite. Cheap to clone; the clones share a connection.
///
/// An event comes at least once. Its message id is written down in the transaction that adds it to a total: whatever dies
/// between two lines, either both are on disk or none is, and an id that is there already adds nothing.
#[derive(Clone, Debug)]
pub struct Store(Arc<Mutex<Connection>>);

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Added {
    /// Events that were added to the totals.
    pub new: usize,
    /// Events that had been added before.
    pub known: usize,
}

impl Store {
    /// Opens the file, and makes it if it is not there.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        // What is committed survives a power cut: events are acknowledged after that. Only readers see the log.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS events (
                 message_id TEXT PRIMARY KEY, publisher TEXT NOT NULL
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS totals (
                 project TEXT, meter TEXT, amount INTEGER NOT NULL, events INTEGER NOT NULL,
                 PRIMARY KEY (project, meter)
             ) WITHOUT ROWID;",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Adds a batch, all of it or nothing. It waits for the disk, so it runs on a thread that may.
    pub async fn add<T>(&self, batch: Vec<Received<T>>) -> Result<Added, String>
    where
        T: Into<Sample> + Send + Sync + Clone + 'static,
    {
        let store = self.clone();
        let added = tokio::task::spawn_blocking(move || store.add_blocking(batch)).await;
        added.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    fn add_blocking<T: Into<Sample> + Clone>(&self, batch: Vec<Received<T>>) -> rusqlite::Result<Added> {
        // A panic in between has rolled its transaction back.
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        let added = Self::add_within(&transaction, batch)?;
        transaction.commit()?;
        Ok(added)
    }

    fn add_within<T: Into<Sample> + Clone>(
        transaction: &Transaction<'_>,
        batch: Vec<Received<T>>,
    ) -> rusqlite::Result<Added> {
        let mut write_down = transaction.prepare("INSERT OR IGNORE INTO events VALUES (?1, ?2)")?;
        let mut add = transaction.prepare(
            "INSERT INTO totals VALUES (?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET
                 amount = amount + excluded.amount, events = events + 1",
        )?;
        let mut added = Added::default();
        for event in batch {
            if write_down.execute(params![event.message_id().as_str(), event.publisher_id()])? == 0 {
                added.known += 1;
                continue;
            }
            let Sample { project, meter, amount } = event.payload().clone().into();
            add.execute(params![project, meter, i64::try_from(amount).unwrap_or(i64::MAX)])?;
            added.new += 1;
        }
        Ok(added)
    }
}
