//! Read models: tables in SQLite or PostgreSQL that follow a topic's events.
//!
//! A [`Projection`] says which tables there are and what an event does to them; a [`Projector`] reads the events of a
//! [`Feed`](crate::Feed) and carries them out. How far it has come stands in the same database, and is written in the
//! transaction that writes the rows: whatever ends a program where it stands, an event is in the tables once, or it is not
//! yet and comes again.
//!
//! The tables are made anew when what makes them has changed: the name, [`Projection::REV`], the tables or the schemas that
//! events are read with. That is a *generation*, beside the live one, in tables of its own (`open_orders__7`). What is read by
//! is a view (`open_orders`), which stands for the new tables from the moment on when they have come to the head; that is one
//! transaction, so nobody sees half of it, and nothing that was seen goes away again.
//!
//! Invariant: what a generation's rows come from is every committed event behind its beginning up to its cut, in the order of
//! each partition, once. An event that cannot be read or is not accepted stops it there; one of a kind that the projection
//! has not heard of is counted, and the first one is named, in [`Standing`].
//! Left out: an order between partitions; effects outside of the database, which no transaction takes back.

mod checkpoint;
mod database;
mod error;
mod pass;
mod projector;
mod status;
mod swap;

use std::future::Future;

use annals_schema_model::EventSet;

use crate::cause::{Headers, told_by_headers};
use crate::fold::Halt;
use crate::key::key_text;
pub use database::{Database, Query, Row, Sql, Transaction};
pub use error::{ProjectionError, Refusal};
pub use projector::{Progress, Projector};
pub use status::{Lag, Standing, Status};

/// A table of a read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// What readers call it: a lower-case letter, and up to 39 more, digits or underscores. In statements it is `{name}`.
    pub name: &'static str,
    /// What stands between the parentheses of its CREATE TABLE. `TEXT`, `BIGINT`, `BOOLEAN`, `DOUBLE PRECISION` and `BYTEA`
    /// mean the same to both databases.
    pub columns: &'static str,
    /// The columns of each index that it has besides.
    pub indexes: &'static [&'static str],
}

/// Where an event sits in the log. All of it comes from the log, none of it from a clock.
#[derive(Clone, Copy, Debug)]
pub struct EventAt<'a> {
    /// Partition of the topic.
    pub partition: u32,
    /// Offset in that partition.
    pub offset: i64,
    /// The record's own time, in milliseconds since the epoch; a producer's may run backwards.
    pub recorded_ms: i64,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's headers as they were sent.
    pub headers: &'a Headers,
}

told_by_headers!(EventAt);

impl EventAt<'_> {
    /// The aggregate's id; nothing where the record has no key, and so belongs to no aggregate.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.key.map(key_text)
    }
}

/// What a topic's events do to tables.
///
/// The same statements run on SQLite and on PostgreSQL: values are `$1`, `$2`, …, and `{accounts}` is the table that is
/// written. What is read back within the transaction has what was written before in it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// use std::sync::Arc;
/// use annals_event_store::projection::{Database, EventAt, Projection, Projector, Refusal, Sql, Table};
/// use annals_event_store::{Cause, EventStore, Repository, Source, typed};
/// use annals_schema_model::Timestamp;
/// use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
///
/// struct Balances;
///
/// impl Projection for Balances {
///     const NAME: &'static str = "balances";
///     const REV: u32 = 1;
///     const TABLES: &'static [Table] = &[Table {
///         name: "accounts",
///         columns: "id TEXT PRIMARY KEY, owner TEXT NOT NULL, cents BIGINT NOT NULL",
///         indexes: &["owner"],
///     }];
///     type Event = AccountEvent;
///
///     async fn project(&self, event: &AccountEvent, at: &EventAt<'_>, sql: &mut Sql<'_>) -> Result<(), Refusal> {
///         let cents = match event {
///             AccountEvent::Opened { owner } => {
///                 let insert = "INSERT INTO {accounts} (id, owner, cents) VALUES ($1, $2, 0)";
///                 sql.query(insert).bind(at.id()).bind(owner).execute().await?;
///                 return Ok(());
///             }
///             AccountEvent::Deposited { cents } => *cents,
///             AccountEvent::Withdrawn { cents } => -cents,
///         };
///         let update = "UPDATE {accounts} SET cents = cents + $2 WHERE id = $1";
///         match sql.query(update).bind(at.id()).bind(cents).execute().await? {
///             1 => Ok(()),
///             _ => Err(Refusal::halt("there is no such account")),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let place = tempfile::tempdir()?;
/// # let now = Timestamp::from_millis(1_767_600_000_000);
/// # let log = LogDir::open(place.path().join("log").as_path(), LogConfig::default(), now.as_millis())?;
/// # let schemas = Arc::new(schemas());
/// # let store = EventStore::new(schemas.clone());
/// # let source = Source::open(&log, "accounts", 2, &PartitionConfig::default())?;
/// # store.add_aggregate(Box::new(typed::<AccountFold>("accounts")), source)?;
/// # let accounts: Repository<AccountFold, _> = Repository::new(store.log("account")?, schemas.clone());
/// accounts.handle("a-1", &Open { owner: "Ada".to_owned() }, &Cause::new("open-a-1", now))?;
/// accounts.handle("a-1", &Deposit { cents: 500 }, &Cause::new("d-1", now))?;
///
/// let database = Database::connect(&format!("sqlite:{}/balances.db", place.path().display())).await?;
/// let balances = Projector::new(Balances, store.feed("account")?, schemas, database.clone());
/// balances.catch_up().await?;
///
/// let rows = database.begin().await?.query("SELECT owner, cents FROM accounts").fetch().await?;
/// assert_eq!((rows[0].get::<&str>(0)?, rows[0].get::<i64>(1)?), ("Ada", 500));
/// let live = balances.status().await?.live.expect("it has caught up");
/// assert_eq!((live.events, live.lag.offsets, live.lag.since), (2, 0, None));
/// # log.close()?;
/// # Ok(())
/// # }
/// ```
pub trait Projection: Send + Sync + 'static {
    /// Its name, by which it finds again what it has made.
    const NAME: &'static str;
    /// Meaning version: raise it when the same events shall make other rows. The tables are made anew then; a program that
    /// has a lower one than what is live is refused.
    const REV: u32;
    /// The tables it makes. No two projections in one database have one of the same name.
    const TABLES: &'static [Table];
    /// The events it follows.
    type Event: EventSet + Send + Sync + 'static;

    /// What an event does. It may be asked again for the same event, as long as nothing came of it before: all that it
    /// does goes through `sql`.
    ///
    /// # Errors
    /// A [`Refusal`], which stops the projection before this event.
    fn project(
        &self,
        event: &Self::Event,
        at: &EventAt<'_>,
        sql: &mut Sql<'_>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;
}

impl Refusal {
    /// An event that is not accepted, with the reason.
    pub fn halt(reason: impl Into<String>) -> Refusal {
        Refusal::Halt(Halt::new(reason))
    }
}
