//! What the database knows of projections: their generations, how far each has come, and which tables it has.
//!
//! ```text
//! annals_projections        generation | projection | revision | digest | live | events | unknown_events | unknown_first
//! annals_projection_cuts    generation | of_partition | last_offset
//! annals_projection_tables  generation | name
//! annals_projection_last    number
//! ```
//!
//! Invariant: at most one generation of a projection is live, and its views are there; a generation that is not in the first
//! table has no others, and its number is never given again, so that who still knows it writes nothing. Who writes rows of a generation holds its row's lock ([`lock`]), and who makes, swaps or drops
//! generations holds that of all ([`begin_to_change`]) and takes rows before tables.

use std::collections::BTreeMap;

use super::database::{Database, Names, Row, Transaction};
use super::{ProjectionError, Table};
use crate::cut::Cut;
use crate::fold::FoldId;

/// How long putting the new tables in the place of the old ones waits for readers before it lets them go first, in
/// milliseconds. Readers wait behind it meanwhile; and it is less than the second after which PostgreSQL looks for
/// deadlocks, so that no reader is ended for one.
const SWAP_WAIT_MAX_MS: u64 = 500;
/// The longest name of a table, in bytes: PostgreSQL takes 63, and generation and index are written behind it.
const NAME_BYTES_MAX: usize = 40;

const TABLES: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS annals_projections (generation BIGINT PRIMARY KEY, projection TEXT NOT NULL, \
     revision BIGINT NOT NULL, digest TEXT NOT NULL, live BOOLEAN NOT NULL, events BIGINT NOT NULL, \
     unknown_events BIGINT NOT NULL, unknown_first TEXT)",
    "CREATE TABLE IF NOT EXISTS annals_projection_cuts (generation BIGINT NOT NULL, of_partition BIGINT NOT NULL, \
     last_offset BIGINT NOT NULL, PRIMARY KEY (generation, of_partition))",
    "CREATE TABLE IF NOT EXISTS annals_projection_tables (generation BIGINT NOT NULL, name TEXT NOT NULL, \
     PRIMARY KEY (generation, name))",
    "CREATE TABLE IF NOT EXISTS annals_projection_last (number BIGINT NOT NULL)",
    "INSERT INTO annals_projection_last SELECT 0 WHERE NOT EXISTS (SELECT * FROM annals_projection_last)",
];
/// PostgreSQL's name for the lock of all generations: the letters of `annals`.
const LOCK_ALL: &str = "SELECT pg_advisory_xact_lock(107126926175347)";

const GENERATIONS: &str = "SELECT g.generation, g.revision, g.digest, g.live, g.events, g.unknown_events, \
     g.unknown_first, c.of_partition, c.last_offset FROM annals_projections g \
     LEFT JOIN annals_projection_cuts c ON c.generation = g.generation WHERE g.projection = $1 ORDER BY g.generation";
const TAKEN: &str = "SELECT g.projection FROM annals_projection_tables t \
     JOIN annals_projections g ON g.generation = t.generation WHERE t.name = $1 AND g.projection <> $2";
const LOCK: &str = "UPDATE annals_projections SET events = events + $2, unknown_events = unknown_events + $3, \
     unknown_first = COALESCE(unknown_first, $4) WHERE generation = $1";
const PUT: &str = "INSERT INTO annals_projection_cuts (generation, of_partition, last_offset) \
     VALUES ($1, $2, $3) ON CONFLICT (generation, of_partition) \
     DO UPDATE SET last_offset = excluded.last_offset";
const AHEAD: &str = "SELECT o.of_partition, o.last_offset FROM annals_projection_cuts o \
     LEFT JOIN annals_projection_cuts n ON n.generation = $2 AND n.of_partition = o.of_partition \
     WHERE o.generation = $1 AND o.last_offset > COALESCE(n.last_offset, -1)";

/// A generation of tables.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) number: i64,
    pub(super) revision: u32,
    pub(super) digest: String,
    pub(super) live: bool,
    pub(super) events: u64,
    pub(super) unknown_events: u64,
    pub(super) unknown_first: Option<String>,
    /// By partition, the last offset that is done with.
    pub(super) reached: BTreeMap<u32, i64>,
}

impl Generation {
    pub(super) fn cut(&self) -> Cut {
        let reached = self.reached.iter();
        reached.map(|(partition, last)| (*partition, *last)).collect()
    }

    /// The last offset of a partition that is done with.
    pub(super) fn last(&self, partition: u32) -> i64 {
        self.reached.get(&partition).copied().unwrap_or(-1)
    }

    /// What its tables are called.
    pub(super) fn names(&self, tables: &[Table]) -> Names {
        let name = |table: &Table| (format!("{{{}}}", table.name), physical(table.name, self.number));
        tables.iter().map(name).collect()
    }
}

/// A table of a generation.
fn physical(name: &str, generation: i64) -> String {
    format!("{name}__{generation}")
}

/// Begins to make, swap or drop generations; makes the tables of this file where they are not there.
pub(super) async fn begin_to_change(database: &Database) -> Result<Transaction, sqlx::Error> {
    let mut transaction = database.begin_to_write().await?;
    if let Transaction::Postgres(_) = transaction {
        transaction.query(LOCK_ALL).execute().await?;
    }
    for table in TABLES {
        transaction.query(table).execute().await?;
    }
    Ok(transaction)
}

/// A projection's generations, as of one moment, the oldest first.
pub(super) async fn generations(
    transaction: &mut Transaction,
    projection: &str,
) -> Result<Vec<Generation>, sqlx::Error> {
    let mut generations: Vec<Generation> = Vec::new();
    for row in transaction.query(GENERATIONS).bind(projection).fetch().await? {
        let number: i64 = row.get(0)?;
        if generations.last().is_none_or(|last| last.number != number) {
            generations.push(generation(&row)?);
        }
        let Some(partition) = row.get::<Option<i64>>(7)? else {
            continue;
        };
        let reached = row.get(8)?;
        if let (Some(last), Ok(partition)) = (generations.last_mut(), u32::try_from(partition)) {
            last.reached.insert(partition, reached);
        }
    }
    Ok(generations)
}

fn generation(row: &Row) -> Result<Generation, sqlx::Error> {
    Ok(Generation {
        number: row.get(0)?,
        revision: u32::try_from(row.get::<i64>(1)?).unwrap_or(u32::MAX),
        digest: row.get(2)?,
        live: row.get(3)?,
        events: row.get::<i64>(4)?.unsigned_abs(),
        unknown_events: row.get::<i64>(5)?.unsigned_abs(),
        unknown_first: row.get(6)?,
        reached: BTreeMap::new(),
    })
}

/// Makes a generation that begins behind a cut, with its tables.
pub(super) async fn make(
    transaction: &mut Transaction,
    id: &FoldId,
    tables: &[Table],
    behind: &Cut,
) -> Result<(), ProjectionError> {
    let next = "UPDATE annals_projection_last SET number = number + 1 RETURNING number";
    let next = transaction.query(next).fetch().await?;
    let number: i64 = next.first().ok_or(sqlx::Error::RowNotFound)?.get(0)?;
    let insert = "INSERT INTO annals_projections (generation, projection, revision, digest, live, events, \
                  unknown_events) VALUES ($1, $2, $3, $4, FALSE, 0, 0)";
    transaction
        .query(insert)
        .bind(number)
        .bind(&id.name)
        .bind(i64::from(id.rev))
        .bind(id.digest_hex())
        .execute()
        .await?;
    for (partition, last) in behind.iter() {
        put(transaction, number, partition, last).await?;
    }
    for table in tables {
        let taken = transaction
            .query(TAKEN)
            .bind(table.name)
            .bind(&id.name)
            .fetch()
            .await?;
        if let Some(row) = taken.first() {
            let problem = format!("projection {} has a table of this name", row.get::<&str>(0)?);
            let name = table.name;
            return Err(ProjectionError::Name { name, problem });
        }
        let insert = "INSERT INTO annals_projection_tables (generation, name) VALUES ($1, $2)";
        transaction
            .query(insert)
            .bind(number)
            .bind(table.name)
            .execute()
            .await?;
        let name = physical(table.name, number);
        transaction
            .define(format!("CREATE TABLE {name} ({})", table.columns))
            .await?;
        for (place, columns) in table.indexes.iter().enumerate() {
            let index = format!("CREATE INDEX {name}_{place} ON {name} ({columns})");
            transaction.define(index).await?;
        }
    }
    Ok(())
}

/// Drops a generation, with its tables.
pub(super) async fn unmake(transaction: &mut Transaction, number: i64) -> Result<(), sqlx::Error> {
    // Who writes it has this row, and is waited for; afterwards they find it gone.
    let delete = "DELETE FROM annals_projections WHERE generation = $1";
    transaction.query(delete).bind(number).execute().await?;
    for name in names(transaction, number).await? {
        let table = physical(&name, number);
        transaction.define(format!("DROP TABLE {table}")).await?;
    }
    for delete in [
        "DELETE FROM annals_projection_tables WHERE generation = $1",
        "DELETE FROM annals_projection_cuts WHERE generation = $1",
    ] {
        transaction.query(delete).bind(number).execute().await?;
    }
    Ok(())
}

async fn names(transaction: &mut Transaction, number: i64) -> Result<Vec<String>, sqlx::Error> {
    let names = "SELECT name FROM annals_projection_tables WHERE generation = $1 ORDER BY name";
    let rows = transaction.query(names).bind(number).fetch().await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a transaction adds to a generation.
pub(super) struct Added {
    pub(super) events: u64,
    pub(super) unknown_events: u64,
    pub(super) unknown_first: Option<String>,
}

/// Takes the lock of a generation, which nobody else writes until the end of the transaction, counts what is added, and says
/// how far it has come in a partition; nothing when it is gone.
pub(super) async fn lock(
    transaction: &mut Transaction,
    number: i64,
    partition: u32,
    added: &Added,
) -> Result<Option<i64>, sqlx::Error> {
    let locked = transaction
        .query(LOCK)
        .bind(number)
        .bind(added.events.cast_signed())
        .bind(added.unknown_events.cast_signed())
        .bind(added.unknown_first.as_deref())
        .execute()
        .await?;
    if locked == 0 {
        return Ok(None);
    }
    let reached = "SELECT last_offset FROM annals_projection_cuts \
                   WHERE generation = $1 AND of_partition = $2";
    let reached = transaction.query(reached).bind(number).bind(i64::from(partition));
    Ok(Some(match reached.fetch().await?.first() {
        Some(row) => row.get(0)?,
        None => -1,
    }))
}

/// Writes how far a generation has come.
pub(super) async fn put(
    transaction: &mut Transaction,
    number: i64,
    partition: u32,
    last: i64,
) -> Result<(), sqlx::Error> {
    transaction
        .query(PUT)
        .bind(number)
        .bind(i64::from(partition))
        .bind(last)
        .execute()
        .await?;
    Ok(())
}

/// Begins to put a generation in the place of the live one.
pub(super) async fn begin_to_swap(database: &Database) -> Result<Transaction, sqlx::Error> {
    let mut transaction = begin_to_change(database).await?;
    if let Transaction::Postgres(_) = transaction {
        let wait = format!("SET LOCAL lock_timeout = {SWAP_WAIT_MAX_MS}");
        transaction.define(wait).await?;
    }
    Ok(transaction)
}

/// Whether an error is that a lock was not had in time, by PostgreSQL's code for it.
pub(super) fn is_in_use(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "55P03")
}

/// Takes the live generation's lock, for good: nobody writes it from here on. Gives the partitions in which it has come
/// further than another, and how far.
pub(super) async fn retire(
    transaction: &mut Transaction,
    live: i64,
    other: i64,
) -> Result<Vec<(u32, i64)>, sqlx::Error> {
    let lock = "UPDATE annals_projections SET live = FALSE WHERE generation = $1";
    transaction.query(lock).bind(live).execute().await?;
    let ahead = transaction.query(AHEAD).bind(live).bind(other).fetch().await?;
    let partition = |row: &Row| Ok((u32::try_from(row.get::<i64>(0)?).unwrap_or(u32::MAX), row.get(1)?));
    ahead.iter().map(partition).collect()
}

/// Makes a generation live: its tables are what readers find, and those of the one before are gone.
pub(super) async fn show(
    transaction: &mut Transaction,
    number: i64,
    before: Option<i64>,
) -> Result<(), sqlx::Error> {
    let live = "UPDATE annals_projections SET live = TRUE WHERE generation = $1";
    transaction.query(live).bind(number).execute().await?;
    let shown = names(transaction, number).await?;
    if let Some(before) = before {
        for name in names(transaction, before).await? {
            if !shown.contains(&name) {
                transaction.define(format!("DROP VIEW IF EXISTS {name}")).await?;
            }
        }
    }
    for name in shown {
        transaction.define(format!("DROP VIEW IF EXISTS {name}")).await?;
        let table = physical(&name, number);
        transaction
            .define(format!("CREATE VIEW {name} AS SELECT * FROM {table}"))
            .await?;
    }
    match before {
        Some(before) => unmake(transaction, before).await,
        None => Ok(()),
    }
}

/// Whether a table may be called so.
pub(super) fn check_name(name: &'static str) -> Result<(), ProjectionError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let problem = if name.len() > NAME_BYTES_MAX {
        format!("it has more than {NAME_BYTES_MAX} bytes")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_plain) {
        "it is not made of lower-case letters, digits and underscores, a letter first".to_owned()
    } else if name.contains("__") || name.starts_with("annals_") {
        "`__` and `annals_` are the projections' own".to_owned()
    } else {
        return Ok(());
    };
    Err(ProjectionError::Name { name, problem })
}
