//! What can go wrong with the database, sorted by what can be done about it.

use std::{error::Error, io, time::Duration};

use sqlx::migrate::MigrateError;
use thiserror::Error;

/// Why the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database's address cannot be understood.
    #[error("{0}")]
    Address(String),
    /// The database cannot be reached, or went away. Nothing was written; [`super::Store::reconnect`] and try again.
    #[error("the registry's database cannot be reached")]
    Disconnected(#[source] sqlx::Error),
    /// Others kept the database's lock too long, or it took too long itself. Nothing was written; try again.
    #[error("the registry's database is busy")]
    Busy(#[source] sqlx::Error),
    /// A commit was sent and not answered: it may have been done or not. [`super::Store::reconnect`] and look.
    #[error("the registry's database did not say whether it wrote")]
    OutcomeUnknown(#[source] sqlx::Error),
    /// The database said no. Nothing was written.
    #[error("the registry's database failed")]
    Refused(#[source] sqlx::Error),
    /// The tables could not be made or brought up to date.
    #[error("the registry's tables cannot be made or brought up to date")]
    Migration(#[source] MigrateError),
    /// A later version of this program wrote the tables.
    #[error(
        "the registry's database has format {0}, which this version does not know; use the version that made it, or a newer one"
    )]
    Newer(i64),
    /// An early version of this program wrote the tables.
    #[error(
        "the registry's database has an early form of format {0}, which is no longer read; use the version that made it, or start with a new database"
    )]
    Older(i64),
    /// The SQLite this program was built with is not safe enough.
    #[error("SQLite {found} is too old: {needed} is needed")]
    SqliteTooOld {
        /// The version found.
        found: String,
        /// The first version that will do.
        needed: String,
    },
    /// The database cannot hold every text.
    #[error("the database's encoding is {0}; make one with ENCODING 'UTF8'")]
    Encoding(String),
    /// The store was closed: the server is on its way down.
    #[error("the registry is closed")]
    Closed,
    /// The transaction failed or was abandoned earlier. Nothing was written.
    #[error("the transaction was rolled back")]
    RolledBack,
    /// What no write of this program could have made.
    #[error("the registry's database holds what it cannot hold: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether the connection is gone, so that [`super::Store::reconnect`] and another try may help. After
    /// [`StoreError::OutcomeUnknown`], look first.
    #[must_use]
    pub fn lost_connection(&self) -> bool {
        matches!(self, StoreError::Disconnected(_) | StoreError::OutcomeUnknown(_))
    }

    /// The sentence with those of its causes, for logs.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Nobody answered in time.
    pub(super) fn no_answer(limit: Duration) -> StoreError {
        let text = format!("no answer within {} s", limit.as_secs());
        StoreError::Disconnected(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    /// The error of a commit, which leaves open whether it was done.
    pub(super) fn of_commit(self) -> StoreError {
        match self {
            StoreError::Disconnected(error) | StoreError::Busy(error) | StoreError::Refused(error) => {
                StoreError::OutcomeUnknown(error)
            }
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match class(&error) {
            Class::Disconnected => StoreError::Disconnected(error),
            Class::Busy => StoreError::Busy(error),
            Class::Refused => StoreError::Refused(error),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> StoreError {
        match error {
            MigrateError::VersionMissing(format) => StoreError::Newer(format),
            MigrateError::VersionMismatch(format) => StoreError::Older(format),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)
                if !matches!(class(&error), Class::Refused) =>
            {
                error.into()
            }
            other => StoreError::Migration(other),
        }
    }
}

enum Class {
    Disconnected,
    Busy,
    Refused,
}

fn class(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Database(error) => class_of_code(error.code().as_deref().unwrap_or_default()),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed => Class::Disconnected,
        _ => Class::Refused,
    }
}

/// The class of a code: PostgreSQL's have five characters (PostgreSQL documentation, appendix A), SQLite's are numbers
/// whose low byte says what they are about (SQLite, "Result and Error Codes").
fn class_of_code(code: &str) -> Class {
    const SQLITE_BUSY: u32 = 5;
    const SQLITE_LOCKED: u32 = 6;
    match code {
        // Shutting down, crashed, starting up, idle too long in a transaction; too many connections; a server that
        // became a standby.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" | "53300" | "25006" => Class::Disconnected,
        // A lock or a statement that took too long, a deadlock, a conflict.
        "55P03" | "57014" | "40P01" | "40001" => Class::Busy,
        _ if code.len() == 5 && code.starts_with("08") => Class::Disconnected,
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(SQLITE_BUSY | SQLITE_LOCKED) if code.len() < 5 => Class::Busy,
            _ => Class::Refused,
        },
    }
}
