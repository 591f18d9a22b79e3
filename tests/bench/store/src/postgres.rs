//! The same events in PostgreSQL, as whoever has no event store keeps them: a table with an index on (stream, version). The
//! client reads the rows of a stream and folds them with the very fold that the store runs.

use std::path::Path;
use std::time::Instant;

use annals_event_store::{AnyFold, At, Cell, Recorded, typed};
use annals_examples::order::OrderFold;
use annals_kafka_wire::batch::batches;
use annals_schema_model::Opened;
use bytes::Bytes;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls, Row, Statement};

use crate::Fault;
use crate::corpus::{self, Corpus, Known};
use crate::measure::{Samples, process_nanos};
use crate::registry::Registry;
use crate::rng::Rng;

const TABLE: &str = "create table events (stream text not null, version int not null, at bigint not null, \
    recorded bigint not null, actor text not null, business_time text not null, payload bytea not null)";
const COLUMNS: &str = "version, at, recorded, actor, business_time, payload";

/// Folds rows.
struct Reader {
    fold: Box<dyn AnyFold>,
    registry: Registry,
}

/// Fills the table, and asks what the store is asked for.
pub fn run(data: &Path, url: &str) -> Result<(), Fault> {
    let corpus = corpus::read(data)?;
    let mut client = Client::connect(url, NoTls)?;
    let reader = Reader {
        fold: Box::new(typed::<OrderFold>("orders")),
        registry: Registry::new()?,
    };
    fill(&mut client, data)?;
    let Corpus {
        tens,
        thousands,
        giants,
        events,
        ..
    } = &corpus;
    reader.latency(&mut client, "PostgreSQL: 10 events, at any cut", tens, 20_000)?;
    reader.latency(&mut client, "PostgreSQL: 1,000 events", thousands, 100)?;
    reader.latency(&mut client, "PostgreSQL: 100,000 events", giants, 10)?;
    reader.population(&mut client, events / 2)
}

/// Writes all events of the log, in its order; the index is made behind them, and what there is is counted.
fn fill(client: &mut Client, data: &Path) -> Result<(), Fault> {
    let (log, source) = corpus::open(data)?;
    let [partition] = &source.partitions[..] else {
        return Err("one partition".into());
    };
    let begun = Instant::now();
    client.batch_execute(&format!("drop table if exists events; {TABLE}"))?;
    let copy = format!("copy events (stream, {COLUMNS}) from stdin binary");
    let types = [Type::TEXT, Type::INT4, Type::INT8, Type::INT8, Type::TEXT, Type::TEXT, Type::BYTEA];
    let mut writer = BinaryCopyInWriter::new(client.copy_in(&copy)?, &types);
    let mut versions = std::collections::HashMap::<Bytes, i32>::new();
    let (mut offset, end) = (0, partition.log_end_offset());
    while offset < end {
        let bytes = partition.read(offset, 1 << 20)?;
        for batch in batches(&bytes) {
            let batch = batch?;
            for record in batch.records(partition.decompressed_bytes_max())? {
                let record = record?;
                let key = record.key.ok_or("a record without a key")?;
                let header = |name: &str| {
                    std::str::from_utf8(record.headers.last(name).flatten().unwrap_or_default())
                };
                let version = versions.entry(key.clone()).or_default();
                let row: [&(dyn ToSql + Sync); 7] = [
                    &std::str::from_utf8(&key)?,
                    version,
                    &record.offset,
                    &record.timestamp_ms,
                    &header("actor")?,
                    &header("business-time")?,
                    &record.value.as_deref().unwrap_or_default(),
                ];
                writer.write(&row)?;
                *version += 1;
            }
            offset = batch.last_offset() + 1;
        }
    }
    writer.finish()?;
    client.batch_execute("alter table events add primary key (stream, version)")?;
    client.batch_execute("vacuum analyze events")?;
    println!("PostgreSQL: {end} events in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(log.close()?)
}

impl Reader {
    /// One more event of a stream.
    fn step(&self, state: &mut Cell, key: &str, row: &Row, from: usize) -> Result<(), Fault> {
        let header = |name: &str, at: usize| -> Result<_, Fault> {
            let value: &str = row.try_get(from + at)?;
            Ok((name.to_owned(), Some(value.to_owned())))
        };
        let headers = [header("actor", 3)?, header("business-time", 4)?].into_iter().collect();
        let payload: &[u8] = row.try_get(from + 5)?;
        let opened = Opened::new(None, payload, &self.registry)?;
        let event = Recorded {
            topic: "orders",
            at: At {
                partition: 0,
                offset: row.try_get(from + 1)?,
                revision: row.try_get::<_, i32>(from)? as u64,
                recorded_ms: row.try_get(from + 2)?,
                headers: &headers,
            },
            key: key.as_bytes(),
            raw: opened.raw(),
            spent: &annals_event_store::Spent::default(),
        };
        self.fold.step(state, &event, &self.registry)?;
        Ok(())
    }

    fn one(&self, client: &mut Client, statement: &Statement, known: &Known, cut: i64) -> Result<(), Fault> {
        let rows = client.query(statement, &[&known.id, &cut])?;
        let mut state = None;
        for row in &rows {
            self.step(&mut state, &known.id, row, 0)?;
        }
        self.fold.view(&state)?;
        match rows.len() as u64 == known.events {
            true => Ok(()),
            false => Err(format!("{} rows of {}, not {}", rows.len(), known.id, known.events).into()),
        }
    }

    fn latency(&self, client: &mut Client, task: &str, some: &[Known], count: usize) -> Result<(), Fault> {
        let sql = format!("select {COLUMNS} from events where stream = $1 and at <= $2 order by version");
        let statement = client.prepare(&sql)?;
        let mut rng = Rng::new(11);
        let mut samples = Samples::default();
        for round in 0..count + count / 10 {
            let known = &some[rng.below(some.len() as u64) as usize];
            let cut = known.last + rng.below(1_000) as i64;
            if round < count / 10 {
                self.one(client, &statement, known, cut)?;
            } else {
                samples.take(|| self.one(client, &statement, known, cut))?;
            }
        }
        samples.print(&format!("{task} (CPU: the client's)"), (f64::NAN, f64::NAN));
        Ok(())
    }

    /// All streams at a cut, one after the other.
    fn population(&self, client: &mut Client, cut: i64) -> Result<(), Fault> {
        let (cpu, wall) = (process_nanos(), Instant::now());
        let sql = format!("select stream, {COLUMNS} from events where at <= $1 order by stream, version");
        let mut rows = client.query_raw(&sql, [cut])?;
        let (mut stream, mut state, mut events, mut streams) = (String::new(), None, 0_u64, 0_u64);
        while let Some(row) = rows.next()? {
            let of: &str = row.try_get(0)?;
            if of != stream {
                self.fold.view(&state)?;
                (stream, state) = (of.to_owned(), None);
                streams += 1;
            }
            self.step(&mut state, &stream, &row, 1)?;
            events += 1;
        }
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), (process_nanos() - cpu) as f64 / 1e9);
        println!(
            "PostgreSQL: population as of: {streams} streams, {events} events: {wall:.2} s wall, {:.3} M events/s wall \
             ({cpu:.2} s of the client's CPU)",
            events as f64 / wall / 1e6,
        );
        Ok(())
    }
}
