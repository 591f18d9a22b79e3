//! The registry's tables: all SQL of Annals is in this folder, its table definitions in `migrations/`.
//!
//! SQLite or PostgreSQL, with one set of statements. A [`Store`] is one connection. Whoever wants to write takes the
//! database's write lock by [`Store::begin`], reads under it what others wrote, and commits [`Change`]s under the next
//! number of the sequence; everybody reads what changed after a commit they know by [`Store::changes_since`], which from
//! the first on is everything there is.
//!
//! A commit carries a random token, and the last ones are remembered. Whoever asks for what came after a commit that is
//! not among them, because a dump was restored or it was too long ago, is told to begin anew ([`Changes::anew`]); and whose
//! commit was not answered finds out by its token whether it was made ([`WriteTransaction::has`]).
//!
//! Invariants: a commit that was answered survives a power cut. Between `begin` and `commit` no other thread, process or
//! node writes. Nothing waits without a limit. A connection whose state is in doubt (an error, a call that was
//! abandoned) is never used again: it is dropped, which rolls back what was not committed.
//!
//! Left out: pools. Readers are served from the registry's view and never come here.
//!
//! [`Change`]: crate::registry::Change

mod cell;
mod connection;
mod database;
mod error;
mod listener;
mod read;
mod rows;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use self::connection::Connection;
pub use self::{
    database::Database, error::StoreError, listener::Listener, read::Changes, write::WriteTransaction,
};
use crate::registry::{Change, Commit};

/// How long a database that does not answer, or is just starting, is waited for.
pub const RECONNECT_MAX: Duration = Duration::from_secs(30);
/// How long one attempt to connect may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The pause after the first failed attempt; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long reading all changes may take.
const READ_MAX: Duration = Duration::from_secs(120);

/// The table definitions, by the number of the format they make.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "registry", include_str!("../../migrations/0001_registry.sql")),
    (
        2,
        "forms and commits",
        include_str!("../../migrations/0002_forms_and_commits.sql"),
    ),
];

/// The registry's database, on one connection.
pub struct Store {
    database: Database,
    connection: Option<Connection>,
    closed: bool,
}

impl Store {
    /// Opens a database, makes the file when it is not there, and brings its tables up to date. A database server that
    /// cannot be reached yet is waited for, up to [`RECONNECT_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(database: &Database) -> Result<Store, StoreError> {
        let mut store = Store {
            database: database.clone(),
            connection: None,
            closed: false,
        };
        // Several processes may bring one file up to date at the same time: whoever comes second with a format fails,
        // and finds it made when it looks again.
        let mut others = MIGRATIONS.len();
        loop {
            store.reconnect().await?;
            match store.migrate().await {
                Err(_) if others > 0 => others -= 1,
                migrated => break migrated?,
            }
        }
        Ok(store)
    }

    /// Everything that changed after a commit, or after the default one everything there is; as of one moment, and
    /// ordered: contexts, schemas by id, versions, settings, modes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes_since(&mut self, since: Commit) -> Result<Changes, StoreError> {
        let mut connection = self.take().await?;
        let changes = within(READ_MAX, read::snapshot(&mut connection, since)).await?;
        self.connection = Some(connection);
        Ok(changes)
    }

    /// Takes the database's write lock: nobody else writes until the transaction is committed, rolled back or dropped.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another writer kept the lock too long, or any other [`StoreError`].
    pub async fn begin(&mut self) -> Result<WriteTransaction<'_>, StoreError> {
        let connection = self.take().await?;
        WriteTransaction::begin(self, connection).await
    }

    /// Hears of others' commits. SQLite has nothing of the kind and answers `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached.
    pub async fn listener(&self) -> Result<Option<Listener>, StoreError> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(url) => Ok(Some(Listener::connect(url).await?)),
        }
    }

    /// Connects again after a failure. A database that does not answer is waited for, up to [`RECONNECT_MAX`]; one that
    /// says no is not. Does nothing when the connection has not failed.
    ///
    /// # Errors
    /// [`StoreError`] of the last attempt.
    pub async fn reconnect(&mut self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        if self.connection.is_some() {
            return Ok(());
        }
        let (start, mut pause) = (Instant::now(), PAUSE_MIN);
        loop {
            match Connection::open(&self.database).await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    return Ok(());
                }
                Err(error) if error.lost_connection() && start.elapsed() + pause < RECONNECT_MAX => {
                    tracing::warn!(database = %self.database, error = %error.with_causes(), "the registry's database does not answer; trying again");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Closes the database; SQLite folds its write-ahead log into the file. Nothing can be read or written after that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&mut self) -> Result<(), StoreError> {
        self.closed = true;
        match self.connection.take() {
            Some(connection) => within(CONNECT_MAX, connection.close()).await,
            None => Ok(()),
        }
    }

    async fn migrate(&mut self) -> Result<(), StoreError> {
        let mut connection = self.take().await?;
        connection.migrate(&migrator(MIGRATIONS.len())).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// The connection, to be put back when it has done well: whoever fails or is abandoned on the way drops it.
    async fn take(&mut self) -> Result<Connection, StoreError> {
        match self.connection.take() {
            _ if self.closed => Err(StoreError::Closed),
            Some(connection) => Ok(connection),
            None => Connection::open(&self.database).await,
        }
    }
}

/// What makes the tables of a format, or brings those of an earlier one there.
fn migrator(format: usize) -> Migrator {
    let migrations = MIGRATIONS.map(|(number, name, sql)| {
        Migration::new(
            number,
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.into_iter().take(format).collect())
}

/// Puts a limit on something that a dead peer could keep waiting for ever.
async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(StoreError::no_answer(limit)),
    }
}

/// What a change is about; of two changes to the same the later one counts. Its order is that of [`Changes`].
fn key(change: &Change) -> (u8, &str, &str, u32) {
    match change {
        Change::Context { name, .. } => (0, name, "", 0),
        Change::Schema { context, id, .. } => (1, context, "", id.get()),
        Change::Version { of, version } => (2, &of.context, &of.subject, version.version),
        Change::Config { of, .. } => (3, &of.context, &of.subject, 0),
        Change::Mode { of, .. } => (4, &of.context, &of.subject, 0),
    }
}
