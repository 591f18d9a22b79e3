//! One face for the two databases: transactions, statements and rows.
//!
//! Invariant: a statement is written once, with `$1` for values, and means the same to both; what a statement is made of is
//! in the program, never in an event. Left out: what only one of them has.

use std::str::FromStr as _;

use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Decode, Encode, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, Type};

/// Where read models are kept: a pool of SQLite or of PostgreSQL. Cloning shares it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use annals_event_store::projection::Database;
///
/// # let place = tempfile::tempdir()?;
/// let database = Database::connect(&format!("sqlite:{}/notes.db", place.path().display())).await?;
/// let mut transaction = database.begin().await?;
/// transaction.query("CREATE TABLE notes (id BIGINT, note TEXT)").execute().await?;
/// transaction.query("INSERT INTO notes VALUES ($1, $2)").bind(7_i64).bind("paid").execute().await?;
/// transaction.commit().await?;
///
/// let rows = database.begin().await?.query("SELECT note FROM notes WHERE id = $1").bind(7_i64).fetch().await?;
/// assert_eq!(rows[0].get::<&str>(0)?, "paid");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub enum Database {
    /// A file; in the mode WAL, or readers keep the projection from writing.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Database {
        Database::Sqlite(pool)
    }
}

impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Database {
        Database::Postgres(pool)
    }
}

impl Database {
    /// Connects by a URL: `sqlite:path`, which is made when it is not there, or `postgres://…`. Who wants it otherwise
    /// makes a pool of `sqlx` and has a database `from` it.
    ///
    /// # Errors
    /// When it cannot be reached, or the URL cannot be read.
    pub async fn connect(url: &str) -> Result<Database, sqlx::Error> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Ok(PgPool::connect(url).await?.into());
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        Ok(SqlitePool::connect_with(options).await?.into())
    }

    /// Begins a transaction. Dropped, it is rolled back.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Database::Sqlite(pool) => Transaction::Sqlite(pool.begin().await?),
            Database::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that writes. One that began to read would be refused when another has written meanwhile
    /// (SQLite), or see what its first statement saw (PostgreSQL where that is the default).
    pub(super) async fn begin_to_write(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Database::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Database::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
                Transaction::Postgres(pool.begin_with(begin).await?)
            }
        })
    }
}

/// A transaction of one of them.
#[derive(Debug)]
pub enum Transaction {
    /// SQLite's.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// PostgreSQL's.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// A statement.
    pub fn query(&mut self, statement: &'static str) -> Query<'_> {
        self.prepared(AssertSqlSafe(statement.to_owned()))
    }

    fn prepared(&mut self, statement: AssertSqlSafe<String>) -> Query<'_> {
        Query(match self {
            Transaction::Sqlite(inner) => Prepared::Sqlite(inner, sqlx::query(statement)),
            Transaction::Postgres(inner) => Prepared::Postgres(inner, sqlx::query(statement)),
        })
    }

    /// A statement about tables, which comes once.
    pub(super) async fn define(&mut self, statement: String) -> Result<(), sqlx::Error> {
        let statement = AssertSqlSafe(statement);
        match self {
            Transaction::Sqlite(inner) => sqlx::raw_sql(statement).execute(&mut **inner).await.map(|_| ()),
            Transaction::Postgres(inner) => sqlx::raw_sql(statement).execute(&mut **inner).await.map(|_| ()),
        }
    }

    /// Ends it; what it wrote is there.
    ///
    /// # Errors
    /// When that is not sure.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Transaction::Sqlite(inner) => inner.commit().await,
            Transaction::Postgres(inner) => inner.commit().await,
        }
    }

    /// Ends it; nothing was written.
    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Transaction::Sqlite(inner) => inner.rollback().await,
            Transaction::Postgres(inner) => inner.rollback().await,
        }
    }
}

/// What each table is called in statements, and what it is called in the database.
pub(super) type Names = Vec<(String, String)>;

/// The transaction an event is projected in.
pub struct Sql<'t> {
    pub(super) transaction: &'t mut Transaction,
    pub(super) names: &'t Names,
}

impl Sql<'_> {
    /// A statement, in which `{name}` is the table of that name. It is kept prepared.
    pub fn query(&mut self, statement: &'static str) -> Query<'_> {
        let mut text = statement.to_owned();
        for (name, table) in self.names {
            if text.contains(name) {
                text = text.replace(name, table);
            }
        }
        self.transaction.prepared(AssertSqlSafe(text))
    }
}

/// A statement on its way to the database.
#[must_use = "it is carried out by `execute` or `fetch`"]
pub struct Query<'t>(Prepared<'t>);

enum Prepared<'t> {
    Sqlite(
        &'t mut SqliteConnection,
        sqlx::query::Query<'static, Sqlite, SqliteArguments>,
    ),
    Postgres(
        &'t mut PgConnection,
        sqlx::query::Query<'static, Postgres, PgArguments>,
    ),
}

impl Query<'_> {
    /// The next of its values: `i64`, `f64`, `bool`, text, bytes, or an `Option` of one.
    pub fn bind<'v, T>(self, value: T) -> Self
    where
        T: Encode<'v, Sqlite> + Type<Sqlite> + Encode<'v, Postgres> + Type<Postgres>,
    {
        Query(match self.0 {
            Prepared::Sqlite(connection, query) => Prepared::Sqlite(connection, query.bind(value)),
            Prepared::Postgres(connection, query) => Prepared::Postgres(connection, query.bind(value)),
        })
    }

    /// Carries it out, and says how many rows it wrote.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(self) -> Result<u64, sqlx::Error> {
        Ok(match self.0 {
            Prepared::Sqlite(connection, query) => query.execute(connection).await?.rows_affected(),
            Prepared::Postgres(connection, query) => query.execute(connection).await?.rows_affected(),
        })
    }

    /// Carries it out, and gives all its rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch(self) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self.0 {
            Prepared::Sqlite(connection, query) => {
                let rows = query.fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Prepared::Postgres(connection, query) => {
                let rows = query.fetch_all(connection).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}

/// A row that was read.
pub enum Row {
    /// SQLite's.
    Sqlite(SqliteRow),
    /// PostgreSQL's.
    Postgres(PgRow),
}

impl Row {
    /// The value of a column, counted from 0: `i64`, `f64`, `bool`, text, bytes, or an `Option` of one.
    ///
    /// # Errors
    /// When there is no such column, or it holds something else.
    pub fn get<'r, T>(&'r self, column: usize) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
    }
}
