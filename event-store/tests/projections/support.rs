//! Accounts in a log, a projection of them, and what its table has to hold.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use annals_event_store::projection::{
    Database, EventAt, Projection, ProjectionError, Projector, Refusal, Sql, Table,
};
use annals_event_store::{Cut, DiskFeed, Feed as _, Listed, Source};
use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker};
use annals_schema_model::{EventSet as _, Seen};
use annals_segment_log::{Durability, LogConfig, LogDir, PartitionConfig};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::account::{AccountEvent, schemas};

pub(crate) const NOW_MS: i64 = 1_767_600_000_000;

/// A topic on disk.
pub(crate) struct Accounts {
    pub(crate) source: Source,
    pub(crate) schemas: Arc<Listed>,
    log: LogDir,
}

/// How a transaction goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Commit,
    Abort,
    Open,
}

impl Accounts {
    pub(crate) fn open(place: &Path, partitions: u32) -> Accounts {
        let log = LogDir::open(place, LogConfig::default(), NOW_MS).unwrap();
        let config = PartitionConfig {
            durability: Durability::Os,
            ..PartitionConfig::default()
        };
        Accounts {
            source: Source::open(&log, "accounts", partitions, &config).unwrap(),
            schemas: Arc::new(schemas()),
            log,
        }
    }

    pub(crate) fn close(self) {
        self.log.close().unwrap();
    }

    fn append_batch(&self, partition: usize, batch: &[u8]) -> i64 {
        let (batch, _) = Batch::parse(&bytes::Bytes::copy_from_slice(batch), 0).unwrap();
        self.source.partitions[partition]
            .append(&batch, NOW_MS)
            .unwrap()
            .base_offset
    }

    /// Appends records as they are given: time, key, value.
    pub(crate) fn append_raw(&self, partition: usize, records: &[(i64, &str, &[u8])]) -> i64 {
        let mut builder = BatchBuilder::new();
        for (ms, key, value) in records {
            builder.push(*ms, Some(key.as_bytes()), Some(value), &[]);
        }
        self.append_batch(partition, &builder.build())
    }

    /// Appends events of an account; gives the first one's offset.
    pub(crate) fn append(&self, partition: usize, key: &str, ms: i64, events: &[AccountEvent]) -> i64 {
        let values: Vec<Vec<u8>> = events.iter().map(|event| self.value(event)).collect();
        let records: Vec<(i64, &str, &[u8])> = values.iter().map(|value| (ms, key, &**value)).collect();
        self.append_raw(partition, &records)
    }

    fn value(&self, event: &AccountEvent) -> Vec<u8> {
        event.to_record(&*self.schemas).unwrap()
    }

    /// The same in a transaction of a producer that has no other.
    pub(crate) fn transaction(
        &self,
        (partition, producer): (usize, i64),
        key: &str,
        ms: i64,
        events: &[AccountEvent],
        end: End,
    ) {
        let mut builder = BatchBuilder::new().producer(producer, 0, 0).transactional();
        for event in events {
            builder.push(ms, Some(key.as_bytes()), Some(&self.value(event)), &[]);
        }
        self.append_batch(partition, &builder.build());
        if end != End::Open {
            self.end(partition, producer, ms, end);
        }
    }

    pub(crate) fn end(&self, partition: usize, producer: i64, ms: i64, end: End) {
        let marker = Marker {
            committed: end == End::Commit,
            coordinator_epoch: 0,
        };
        self.append_batch(partition, &marker.build(ms, producer, 0));
    }

    pub(crate) fn feed(&self) -> DiskFeed {
        self.source.feed()
    }

    pub(crate) fn projector<P: Projection>(&self, projection: P, database: &Database) -> Projector<P> {
        Projector::new(projection, self.feed(), self.schemas.clone(), database.clone())
    }

    /// What the table of [`Balances`] has to hold at a cut, by reading everything.
    pub(crate) fn folded(&self, cut: &Cut) -> Rows {
        let feed = self.feed();
        let mut rows = Rows::new();
        for (partition, last) in cut.iter() {
            let mut behind = -1;
            while behind < last {
                let portion = feed.read_on(partition, behind, 7).unwrap();
                assert!(portion.last > behind);
                behind = portion.last;
                for record in portion.records.iter().filter(|record| record.offset <= last) {
                    let id = String::from_utf8(record.key.as_deref().unwrap().to_vec()).unwrap();
                    let value = record.value.as_deref().unwrap();
                    if let Seen::Known(event) = AccountEvent::from_record(value, &*self.schemas).unwrap() {
                        let row = rows.entry(id).or_default();
                        row.0 += cents(&event);
                        row.1 += 1;
                        row.2 = record.timestamp_ms;
                    }
                }
            }
        }
        rows
    }
}

/// Cents, number of events and time of the last one, by account.
pub(crate) type Rows = BTreeMap<String, (i64, i64, i64)>;

pub(crate) fn cents(event: &AccountEvent) -> i64 {
    match event {
        AccountEvent::Opened { .. } => 0,
        AccountEvent::Deposited { cents } => *cents,
        AccountEvent::Withdrawn { cents } => -cents,
    }
}

pub(crate) fn deposited(cents: i64) -> AccountEvent {
    AccountEvent::Deposited { cents }
}

/// What each account has, and what may go wrong with it. None of its statements may be carried out twice.
#[derive(Default)]
pub(crate) struct Balances<const REV: u32> {
    /// Calls until the program ends.
    pub(crate) dies_at: Option<AtomicU32>,
    /// A deposit of so many cents is not accepted.
    pub(crate) refuses: Option<i64>,
}

impl<const REV: u32> Projection for Balances<REV> {
    const NAME: &'static str = "balances";
    const REV: u32 = REV;
    const TABLES: &'static [Table] = &[
        Table {
            name: "accounts",
            columns: "id TEXT PRIMARY KEY, cents BIGINT NOT NULL, events BIGINT NOT NULL, latest BIGINT NOT NULL, \
                      rev BIGINT NOT NULL",
            indexes: &["cents", "events, latest"],
        },
        Table {
            name: "account_events",
            columns: "of_partition BIGINT NOT NULL, of_offset BIGINT NOT NULL, id TEXT NOT NULL, rev BIGINT NOT NULL, \
                      PRIMARY KEY (of_partition, of_offset)",
            indexes: &[],
        },
    ];
    type Event = AccountEvent;

    async fn project(
        &self,
        event: &AccountEvent,
        at: &EventAt<'_>,
        sql: &mut Sql<'_>,
    ) -> Result<(), Refusal> {
        if let Some(left) = &self.dies_at
            && left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            std::process::abort();
        }
        if self.refuses == Some(cents(event)) {
            return Err(Refusal::halt("not so much"));
        }
        let upsert = "INSERT INTO {accounts} (id, cents, events, latest, rev) VALUES ($1, $2, 1, $3, $4) \
                      ON CONFLICT (id) DO UPDATE SET cents = {accounts}.cents + excluded.cents, \
                      events = {accounts}.events + 1, latest = excluded.latest";
        sql.query(upsert)
            .bind(at.id())
            .bind(cents(event))
            .bind(at.recorded_ms)
            .bind(i64::from(REV))
            .execute()
            .await?;
        let insert =
            "INSERT INTO {account_events} (of_partition, of_offset, id, rev) VALUES ($1, $2, $3, $4)";
        sql.query(insert)
            .bind(i64::from(at.partition))
            .bind(at.offset)
            .bind(at.id())
            .bind(i64::from(REV))
            .execute()
            .await?;
        Ok(())
    }
}

/// What a table like that of [`Balances`] holds.
pub(crate) async fn rows(database: &Database, table: &str) -> Result<Rows, sqlx::Error> {
    let select = format!("SELECT id, cents, events, latest FROM {table}");
    let mut transaction = database.begin().await?;
    let mut rows = Rows::new();
    // A test's own text.
    for row in transaction
        .query(Box::leak(select.into_boxed_str()))
        .fetch()
        .await?
    {
        rows.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
    }
    Ok(rows)
}

/// Looks whether what is live, and what is being made, is what its cut says.
pub(crate) async fn check<P: Projection>(accounts: &Accounts, projector: &Projector<P>, database: &Database) {
    let status = projector.status().await.unwrap();
    if let Some(live) = &status.live {
        let found = rows(database, "accounts").await.unwrap();
        assert_eq!(found, accounts.folded(&live.cut), "live at {}", live.cut);
        let events: i64 = found.values().map(|row| row.1).sum();
        assert_eq!(events, live.events.cast_signed());
    }
    if let Some(building) = &status.building {
        let table = format!("accounts__{}", building.generation);
        let found = rows(database, &table).await.unwrap();
        assert_eq!(
            found,
            accounts.folded(&building.cut),
            "building at {}",
            building.cut
        );
    }
}

/// Brings it to the head, and looks whether it is there.
pub(crate) async fn check_at_head<P: Projection>(
    accounts: &Accounts,
    projector: &Projector<P>,
    database: &Database,
) {
    projector.catch_up().await.unwrap();
    let live = projector.status().await.unwrap().live.unwrap();
    for (partition, last) in accounts.feed().head().unwrap().iter() {
        assert_eq!(live.cut.last(partition), last);
    }
    assert_eq!((live.lag.offsets, live.lag.since), (0, None));
    check(accounts, projector, database).await;
}

/// Why it does not come to the head.
pub(crate) async fn stops<P: Projection>(projector: &Projector<P>, says: &str) -> ProjectionError {
    let error = projector.catch_up().await.unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
    error
}

/// Drops a future after so many polls, as if the program had ended there.
pub(crate) async fn cut_off<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// An empty database of a test, by which URL another program finds it.
pub(crate) struct Fresh {
    pub(crate) url: String,
    pub(crate) database: Database,
}

/// Runs a test on an empty database of each kind, and a folder for its log.
pub(crate) async fn on_each(test: impl AsyncFn(Fresh, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("models.db").display());
    let options: SqliteConnectOptions = url.parse().unwrap();
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    let database = SqlitePool::connect_with(options).await.unwrap().into();
    test(Fresh { url, database }, &folder.path().join("log")).await;
    on_postgres(&test).await;
}

async fn on_postgres(test: &impl AsyncFn(Fresh, &Path)) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var("ANNALS_TEST_POSTGRES") else {
        println!("skipped: projections on PostgreSQL, ANNALS_TEST_POSTGRES is not set");
        return;
    };
    let options: PgConnectOptions = url.parse().unwrap();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("annals_projections_{}_{number}", std::process::id());
    let mut server = options.connect().await.unwrap();
    execute(&mut server, format!("CREATE DATABASE {name}")).await;
    let url = options.clone().database(&name).to_url_lossy().to_string();
    let database = Database::connect(&url).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fresh = Fresh {
        url,
        database: database.clone(),
    };
    test(fresh, &folder.path().join("log")).await;
    drop(database);
    execute(&mut server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    server.close().await.unwrap();
}

async fn execute(server: &mut PgConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(server).await.unwrap();
}
