//! One connection to one of the two databases, and the few statements in which they differ.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use uuid::Uuid;

use super::{
    CONNECT_MAX, Database, StoreError,
    cell::{Cell, Cells},
    database::postgres_options,
    within,
};
use crate::registry::Commit;

/// SQLite before this version can lose a write-ahead log that is reset while another process reads it.
const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);
/// How long SQLite waits for another process that holds the database.
const SQLITE_BUSY: Duration = Duration::from_secs(5);

/// PostgreSQL rolls back a writer that sends nothing for so long: one that hangs, or whose machine is gone.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// How long a writer waits for the others: longer than for one that hangs.
const LOCK: Duration = Duration::from_secs(15);
/// How long PostgreSQL works at one statement.
const STATEMENT: Duration = Duration::from_secs(60);

/// Sets the limits of a session, and undoes the one setting under which an answered commit can be lost.
const POSTGRES_SESSION: &str = "SELECT set_config('idle_in_transaction_session_timeout', $1, false), \
    set_config('lock_timeout', $2, false), set_config('statement_timeout', $3, false), \
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
    ELSE current_setting('synchronous_commit') END, false)";

/// The channel on which PostgreSQL tells other nodes of a commit.
pub(super) const CHANNEL: &str = "annals_registry";

/// The last commit: its number and its token.
pub(super) const LAST_COMMIT: &str = "SELECT sequence, token FROM registry";

pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// The same lines on either database: they are written once and compiled for both.
macro_rules! either {
    ($connection:expr, $inner:ident => $lines:expr) => {
        match $connection {
            Connection::Sqlite($inner) => $lines,
            Connection::Postgres($inner) => $lines,
        }
    };
}

impl Connection {
    /// Connects within [`CONNECT_MAX`], or not at all.
    pub(super) async fn open(database: &Database) -> Result<Connection, StoreError> {
        within(CONNECT_MAX, async {
            match database {
                Database::Sqlite(path) => sqlite(path).await,
                Database::Postgres(url) => postgres(url).await,
            }
        })
        .await
    }

    pub(super) async fn migrate(&mut self, migrator: &Migrator) -> Result<(), StoreError> {
        // Its public face wants more of a lifetime than a future that is sent between threads has.
        Ok(either!(self, inner => migrator.run_direct(None, inner, false).await)?)
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(either!(self, inner => inner.close().await)?)
    }

    /// Begins to read, as of one moment.
    pub(super) async fn begin_to_read(&mut self) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(inner) => sqlx::raw_sql("BEGIN").execute(inner).await?.rows_affected(),
            Connection::Postgres(inner) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                sqlx::raw_sql(begin).execute(inner).await?.rows_affected()
            }
        };
        Ok(())
    }

    /// Takes the write lock by counting the sequence up: its row stays locked until the end of the transaction. Answers
    /// the last commit.
    pub(super) async fn begin_to_write(&mut self) -> Result<Commit, StoreError> {
        match self {
            Connection::Sqlite(inner) => {
                let begin = "BEGIN IMMEDIATE; UPDATE registry SET sequence = sequence + 1 RETURNING sequence - 1, token";
                commit(&sqlx::raw_sql(begin).fetch_one(inner).await?)
            }
            Connection::Postgres(inner) => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; \
                     UPDATE registry SET sequence = sequence + 1 RETURNING sequence - 1, token";
                commit(&sqlx::raw_sql(begin).fetch_one(inner).await?)
            }
        }
    }

    /// Ends a transaction that wrote, and tells other nodes.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite(inner) => sqlx::raw_sql("COMMIT").execute(inner).await?.rows_affected(),
            Connection::Postgres(inner) => {
                let commit = format!("NOTIFY {CHANNEL}; COMMIT");
                sqlx::raw_sql(AssertSqlSafe(commit))
                    .execute(inner)
                    .await?
                    .rows_affected()
            }
        };
        Ok(())
    }

    /// Ends a transaction without writing.
    pub(super) async fn rollback(&mut self) -> Result<(), StoreError> {
        either!(self, inner => { sqlx::raw_sql("ROLLBACK").execute(inner).await?; });
        Ok(())
    }

    /// The last commit.
    pub(super) async fn last_commit(&mut self) -> Result<Commit, StoreError> {
        either!(self, inner => commit(&sqlx::query(LAST_COMMIT).fetch_one(inner).await?))
    }

    /// Whether a commit is among those that are remembered.
    pub(super) async fn remembers(&mut self, commit: Commit) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM commits WHERE sequence = $1 AND token = $2";
        let token = token_text(commit.token);
        let found: i64 = either!(self, inner => {
            sqlx::query_scalar(sql).bind(commit.sequence).bind(token).fetch_one(inner).await?
        });
        Ok(found > 0)
    }

    /// A statement with values. Its text is kept prepared.
    pub(super) async fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<(), StoreError> {
        either!(self, inner => {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for cell in cells {
                query = match cell {
                    Cell::Int(number) => query.bind(*number),
                    Cell::Flag(flag) => query.bind(*flag),
                    Cell::Text(text) => query.bind(text.as_deref()),
                };
            }
            query.execute(inner).await?;
        });
        Ok(())
    }

    /// Hands over the rows that changed after a commit, one by one as they come in.
    pub(super) async fn rows_since(
        &mut self,
        sql: &'static str,
        sequence: i64,
        each: &mut (dyn FnMut(&dyn Cells) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        either!(self, inner => {
            let mut rows = sqlx::query(sql).bind(sequence).fetch(inner);
            while let Some(row) = rows.try_next().await? {
                each(&row)?;
            }
        });
        Ok(())
    }
}

/// A commit as the tables hold it: the empty token stands for none.
fn commit(row: &dyn Cells) -> Result<Commit, StoreError> {
    let text = row.text(1)?;
    let token = match text.as_ref() {
        "" => Uuid::nil(),
        token => Uuid::parse_str(token)
            .map_err(|_| StoreError::Damaged(format!("the token of its last commit is {token}")))?,
    };
    Ok(Commit {
        sequence: row.int(0)?,
        token,
    })
}

/// A token as the tables hold it.
pub(super) fn token_text(token: Uuid) -> String {
    if token.is_nil() {
        return String::new();
    }
    token.simple().to_string()
}

/// How many pages the write-ahead log collects before they are copied into the file: registrations scatter over the
/// indexes, and a page that changed many times is copied once.
const WAL_PAGES_MAX: &str = "4000";

async fn sqlite(path: &std::path::Path) -> Result<Connection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", WAL_PAGES_MAX)
        .busy_timeout(SQLITE_BUSY);
    let mut connection = options.connect().await?;
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await?;
    if parsed_version(&found).is_none_or(|version| version < SQLITE_VERSION_MIN) {
        let (major, minor, patch) = SQLITE_VERSION_MIN;
        let needed = format!("{major}.{minor}.{patch}");
        return Err(StoreError::SqliteTooOld { found, needed });
    }
    Ok(Connection::Sqlite(connection))
}

fn parsed_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

async fn postgres(url: &str) -> Result<Connection, StoreError> {
    let mut connection = postgres_options(url)?.connect().await?;
    let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
        .fetch_one(&mut connection)
        .await?;
    // A database in SQL_ASCII keeps bytes as they come.
    if !["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) {
        return Err(StoreError::Encoding(encoding));
    }
    let milliseconds = |limit: Duration| limit.as_millis().to_string();
    sqlx::query(POSTGRES_SESSION)
        .bind(milliseconds(IDLE_IN_TRANSACTION))
        .bind(milliseconds(LOCK))
        .bind(milliseconds(STATEMENT))
        .execute(&mut connection)
        .await?;
    Ok(Connection::Postgres(connection))
}
