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
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// use annals_event_store::projection::{Database, EventAt, Projection, Projector, Refusal, Sql, Table};
///
#[doc = include_str!("../../tests/deciding/balances.in")]
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Shown { let bank = two_accounts(); let (store, schemas) = (&bank.store, bank.schemas.clone());
/// # let place = tempfile::tempdir()?;
/// let database = Database::connect(&format!("sqlite:{}/balances.db", place.path().display())).await?;
/// let balances = Projector::new(Balances, store.feed("account")?, schemas, database.clone());
/// balances.catch_up().await?;
///
/// let richest = "SELECT owner, cents FROM accounts ORDER BY cents DESC";
/// let rows = database.begin().await?.query(richest).fetch().await?;
/// assert_eq!((rows[0].get::<&str>(0)?, rows[0].get::<i64>(1)?), ("Ada", 530));
/// let live = balances.status().await?.live.expect("it has caught up");
/// assert_eq!((live.events, live.lag.offsets, live.lag.since), (5, 0, None));
/// # Ok(()) }
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
