//! The registry's tables: all SQL of Annals is in this folder, its table definitions in `migrations/`.
//!
//! SQLite with a write-ahead log and `synchronous = FULL`: a commit that returned survives a power cut. There is one
//! connection, and whoever holds it is the only writer. Statements are those SQLite and PostgreSQL both take.
//!
//! Invariant: ids, versions and references are decided inside one transaction; its unique constraints settle races with
//! any other writer of the same database.

mod load;
mod write;

#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use thiserror::Error;

pub use write::Inserted;

/// SQLite before this version can lose a write-ahead log that is reset while another process reads it.
const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);
/// How long a statement waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The only context so far.
const CONTEXT: &str = ".";

/// Why the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the registry's database failed")]
    Database(#[from] sqlx::Error),
    /// The tables could not be made or brought up to date.
    #[error("the registry's tables cannot be brought up to date; was the file written by a newer version?")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The SQLite this program was built with is not safe enough.
    #[error("SQLite {found} is too old: {}.{}.{} is needed", SQLITE_VERSION_MIN.0, SQLITE_VERSION_MIN.1, SQLITE_VERSION_MIN.2)]
    SqliteTooOld {
        /// The version found.
        found: String,
    },
    /// The store was closed: the server is on its way down.
    #[error("the registry is closed")]
    Closed,
    /// A row that no write of this program could have made.
    #[error("the registry's database holds what it cannot hold: {0}")]
    Damaged(String),
}

/// The registry's database, held by its one writer.
pub struct Store {
    connection: Option<SqliteConnection>,
}

impl Store {
    /// Opens a database file, makes it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let mut connection = options.connect().await?;
        let found: String = sqlx::query_scalar("SELECT sqlite_version()")
            .fetch_one(&mut connection)
            .await?;
        if parsed_version(&found).is_none_or(|version| version < SQLITE_VERSION_MIN) {
            return Err(StoreError::SqliteTooOld { found });
        }
        sqlx::migrate!("./migrations").run(&mut connection).await?;
        Ok(Store {
            connection: Some(connection),
        })
    }

    /// Closes the database, folding the write-ahead log into it. Nothing can be read or written after that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&mut self) -> Result<(), StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Closed)
    }
}

fn parsed_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}
