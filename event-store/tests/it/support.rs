//! A table of schemas, and logs in a temporary directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_event_store::declarative::Declarative;
use annals_event_store::{EventStore, OffsetsApplied, Registered, Source, Subjects};
use annals_kafka_wire::batch::{Batch, BatchBuilder, TimestampType};
use annals_schema_model::{
    MigrationRule, Resolve, Schema, SchemaId, SchemaType, Unresolved, Writer, Writing, envelope,
};
use annals_segment_log::{Durability, LogConfig, LogDir, Partition, PartitionConfig};

/// Schemas registered under `<topic>-<record name>`, of JSON, and unions, under `<topic>-value`; ids from 1.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

/// Subject, version, and what stands there.
type Row = (String, u32, Arc<Writer>);

impl Table {
    pub(crate) fn register(&mut self, kind: SchemaType, topic: &str, text: &str) -> SchemaId {
        self.register_with(kind, topic, text, &[])
    }

    /// With rules that make events of the versions before into its own.
    pub(crate) fn register_with(
        &mut self,
        kind: SchemaType,
        topic: &str,
        text: &str,
        rules: &[MigrationRule],
    ) -> SchemaId {
        let schema = Schema::parse(kind, text, &[]).unwrap();
        let subject = match schema.record_name() {
            Some(name) if kind != SchemaType::Json => format!("{topic}-{name}"),
            _ => format!("{topic}-value"),
        };
        self.register_as(subject, schema, rules)
    }

    /// Under a subject of this name.
    pub(crate) fn register_as(
        &mut self,
        subject: String,
        schema: Schema,
        rules: &[MigrationRule],
    ) -> SchemaId {
        let version = 1 + self.0.iter().filter(|(known, ..)| *known == subject).count() as u32;
        let id = SchemaId::new(self.0.len() as u32 + 1).unwrap();
        let writer = Writer::new(id, schema).with_migrations(rules.to_vec());
        self.0.push((subject, version, Arc::new(writer)));
        id
    }

    /// An event as its writer has it, for a key and a time.
    pub(crate) fn written(&self, id: SchemaId, (key, ms): (&str, i64), event: &serde_json::Value) -> Write {
        let writer = self.writer(id).unwrap();
        let body = Writing::of(&writer.schema).write(&event.to_string()).unwrap();
        Write {
            ms,
            ..Write::of(key, id, &body)
        }
    }
}

impl Resolve for Table {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let found = self.0.get(id.get() as usize - 1);
        found
            .map(|(.., writer)| Arc::clone(writer))
            .ok_or(Unresolved::Unregistered)
    }

    fn versions(&self, subject: &str, event: &str) -> BTreeMap<u32, SchemaId> {
        let of_subject = self
            .0
            .iter()
            .filter(|(known, _, writer)| known == subject && writer.schema.has_event(event));
        of_subject
            .map(|(_, version, writer)| (*version, writer.id))
            .collect()
    }
}

impl Subjects for Table {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let found = |row: &&Row| row.0 == subject && row.1 == version;
        self.0.iter().find(found).map(|(.., writer)| Arc::clone(writer))
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        let subjects = [format!("{topic}-{record_name}"), format!("{topic}-value")];
        let of_subject = self.0.iter().filter(|(subject, _, writer)| {
            subjects.contains(subject) && writer.schema.has_event(record_name)
        });
        let (subject, version, writer) = of_subject.clone().next_back()?;
        Some(Registered {
            version: *version,
            writer: Arc::clone(writer),
            versions: of_subject
                .map(|(_, version, writer)| (*version, writer.id))
                .collect(),
            subject: subject.clone(),
        })
    }
}

/// A record to write.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Write {
    /// A payload of a key, at some time.
    pub(crate) fn of(key: &str, schema: SchemaId, body: &[u8]) -> Write {
        Write {
            ms: 1,
            key: Some(key.as_bytes().to_vec()),
            value: Some(enveloped(schema, body)),
            headers: vec![],
        }
    }
}

/// A store that runs a fold over logs.
pub(crate) fn stored(table: Table, fold: Declarative, logs: &Logs) -> EventStore {
    let store = EventStore::new(Arc::new(table));
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    store
}

/// The offsets an answer says were applied, where it names them all.
pub(crate) fn offsets(applied: &OffsetsApplied) -> Vec<i64> {
    let named = applied.ranges.iter().flat_map(|run| run.first..=run.last);
    let offsets: Vec<i64> = named.collect();
    assert_eq!(offsets.len() as u64, applied.count);
    offsets
}

/// A payload in its envelope.
pub(crate) fn enveloped(id: SchemaId, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    envelope::write(id, &mut value);
    value.extend_from_slice(body);
    value
}

/// Logs of one topic, gone when dropped.
pub(crate) struct Logs {
    pub(crate) topic: &'static str,
    pub(crate) partitions: Vec<Arc<Partition>>,
    _log: LogDir,
    place: tempfile::TempDir,
}

impl Logs {
    pub(crate) fn new(topic: &'static str, partitions: usize) -> Logs {
        Logs::in_segments(topic, partitions, None)
    }

    /// With segments of so many bytes.
    pub(crate) fn in_segments(topic: &'static str, partitions: usize, bytes: Option<u64>) -> Logs {
        Logs::open(topic, &vec![TimestampType::CreateTime; partitions], bytes)
    }

    /// A partition for each time a record may have.
    pub(crate) fn timed(topic: &'static str, times: &[TimestampType]) -> Logs {
        Logs::open(topic, times, None)
    }

    fn open(topic: &'static str, times: &[TimestampType], segment_bytes: Option<u64>) -> Logs {
        let place = tempfile::tempdir().unwrap();
        let log = LogDir::open(place.path(), LogConfig::default(), 0).unwrap();
        let open = |(number, time): (usize, &TimestampType)| {
            let default = PartitionConfig::default();
            let config = PartitionConfig {
                durability: Durability::Os,
                timestamp_type: *time,
                segment_bytes_max: segment_bytes.unwrap_or(default.segment_bytes_max),
                ..default
            };
            log.partition(&format!("t/{topic}/{number}"), config).unwrap()
        };
        Logs {
            topic,
            partitions: times.iter().enumerate().map(open).collect(),
            _log: log,
            place,
        }
    }

    /// The files beside a partition's log that folds keep their snapshots in.
    pub(crate) fn snapshot_files(&self, partition: usize) -> Vec<PathBuf> {
        self.files(partition, "beside")
    }

    /// The files of a kind in a partition's folder.
    pub(crate) fn files(&self, partition: usize, kind: &str) -> Vec<PathBuf> {
        let path = self.place.path().join(self.partitions[partition].path());
        let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|file| file.extension().is_some_and(|ending| ending == kind))
            .collect()
    }

    pub(crate) fn source(&self) -> Source {
        Source {
            topic: self.topic.to_owned(),
            topic_id: None,
            partitions: self.partitions.clone(),
        }
    }

    /// Appends records as one batch, and waits until they are durable. Gives the first offset.
    pub(crate) fn append(&self, partition: usize, records: &[Write]) -> i64 {
        let mut builder = BatchBuilder::new();
        for record in records {
            let headers: Vec<(&str, &[u8])> = record
                .headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes()))
                .collect();
            builder.push(
                record.ms,
                record.key.as_deref(),
                record.value.as_deref(),
                &headers,
            );
        }
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let appended = self.partitions[partition].append(&batch, 0).unwrap();
        self.partitions[partition]
            .wait_durable(appended.last_offset, Duration::from_secs(10))
            .unwrap();
        appended.base_offset
    }
}
