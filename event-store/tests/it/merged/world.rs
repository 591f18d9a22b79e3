//! Logs of several topics, and what their aggregates are by the rule of their order and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use annals_event_store::{AsOf, Cut, EventStore, LogName, LogUsed, Page, StoreError, declarative};
use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker};
use annals_schema_model::avro::wire;
use annals_schema_model::{SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Logs, Table, Write, enveloped};

pub(crate) const TOPICS: [&str; 3] = ["orders", "packages", "bills"];
pub(crate) const RECORDS: [&str; 3] = ["t.Ordered", "t.Packed", "t.Billed"];
pub(crate) const PARTITIONS: usize = 2;
/// Small segments, of a few batches.
const SEGMENT_BYTES: u64 = 1_500;
/// Events are large enough for states to be worth keeping.
const PAD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";
pub(crate) const KEYS: u8 = 4;

/// The numbers of an aggregate's events, in the order in which they were folded.
pub(crate) const FOLD: &str = "
name: whole
rev: 1
topics: [orders, packages, bills]
events:
  t.Ordered:
    begin:
      - set: { seen: [event.n], last: at.revision }
    on:
      - append: { seen: event.n }
      - set: { last: at.revision }
  t.Packed:
    begin:
      - set: { seen: [event.n], last: at.revision }
    on:
      - append: { seen: event.n }
      - set: { last: at.revision }
  t.Billed:
    begin:
      - set: { seen: [event.n], last: at.revision }
    on:
      - append: { seen: event.n }
      - set: { last: at.revision }
";

/// The same of events whose key is another's in the topics but the first.
pub(crate) fn fold_by_field() -> String {
    let topics = "topics:\n  - orders\n  - {topic: packages, by: of}\n  - {topic: bills, by: whose.id}";
    FOLD.replace("topics: [orders, packages, bills]", topics)
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Event,
    /// An event that names nobody.
    Nobodys,
    /// A record without a value, or in the first topic without a key.
    Bare,
    /// One that cannot be read; an event in the first topic.
    Hidden,
    /// An event of a transaction that was aborted, and its marker.
    Aborted,
}

/// Whose the records are that are nobody's.
const NOBODY: u8 = u8::MAX;

/// An event: where it went, and when by its producer's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) topic: usize,
    pub(crate) partition: usize,
    pub(crate) key: u8,
    pub(crate) ms: i64,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    steps_of(Just(Kind::Event))
}

/// With all that may stand between events.
pub(crate) fn mixed_steps() -> impl Strategy<Value = Vec<Step>> {
    let others = [Kind::Nobodys, Kind::Bare, Kind::Hidden, Kind::Aborted];
    steps_of(prop_oneof![4 => Just(Kind::Event), 1 => proptest::sample::select(others.to_vec())])
}

fn steps_of(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Vec<Step>> {
    let step = (kind, 0..TOPICS.len(), 0..PARTITIONS, 0..KEYS, 0i64..12);
    let step = step.prop_map(|(kind, topic, partition, key, ms)| Step {
        kind,
        topic,
        partition,
        key,
        ms,
    });
    proptest::collection::vec(step, 1..60)
}

/// A record as the model knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Event {
    /// Its number among all.
    pub(crate) n: usize,
    pub(crate) key: u8,
    /// The latest time of the records up to it in its partition: by this a time means it or not.
    pub(crate) latest_ms: i64,
    /// The latest time of its aggregate's events up to it in its partition: by this it has its place.
    pub(crate) placed_ms: i64,
    pub(crate) topic: usize,
    pub(crate) partition: usize,
    pub(crate) offset: i64,
}

impl Event {
    pub(crate) fn log(&self) -> LogName {
        LogName {
            topic: TOPICS[self.topic].to_owned(),
            partition: self.partition as u32,
        }
    }
}

/// Topic, partition and offset.
type LogOffset = (usize, usize, i64);

/// What was written.
pub(crate) struct World {
    pub(crate) events: Vec<Event>,
    /// Where those are that nobody can read.
    pub(crate) hidden: Vec<LogOffset>,
    /// One behind the last offset of each log.
    ends: [[i64; PARTITIONS]; TOPICS.len()],
    pub(crate) store: EventStore,
    pub(crate) table: Arc<Table>,
    pub(crate) logs: Vec<Logs>,
}

/// The schemas of the topics, and their ids.
fn schemas(by_field: bool) -> (Arc<Table>, [SchemaId; TOPICS.len()]) {
    let mut table = Table::default();
    let text = |of: usize| {
        let field = match (by_field, of) {
            (true, 1) => r#",{"name":"of","type":["null","string"]}"#,
            (true, 2) => {
                r#",{"name":"whose","type":{"type":"record","name":"Whose","fields":[{"name":"id","type":["null","string"]}]}}"#
            }
            _ => "",
        };
        let record = RECORDS[of];
        format!(
            r#"{{"type":"record","name":"{record}","fields":[{{"name":"n","type":"long"}}{field},{{"name":"pad","type":"string"}}]}}"#
        )
    };
    let ids = [0, 1, 2].map(|of| table.register(SchemaType::Avro, TOPICS[of], &text(of)));
    (Arc::new(table), ids)
}

impl World {
    pub(crate) fn of(steps: &[Step]) -> World {
        World::new(steps, false)
    }

    /// Of topics whose events say in a field whose they are, but for the first.
    pub(crate) fn by_field(steps: &[Step]) -> World {
        World::new(steps, true)
    }

    fn empty(by_field: bool) -> (World, [SchemaId; TOPICS.len()]) {
        let (table, ids) = schemas(by_field);
        let logs: Vec<Logs> = TOPICS
            .iter()
            .map(|topic| Logs::in_segments(topic, PARTITIONS, Some(SEGMENT_BYTES)))
            .collect();
        let store = EventStore::new(table.clone());
        let world = World {
            events: Vec::new(),
            hidden: Vec::new(),
            ends: Default::default(),
            store,
            table,
            logs,
        };
        (world, ids)
    }

    fn new(steps: &[Step], by_field: bool) -> World {
        let (mut world, ids) = World::empty(by_field);
        let mut latest = [[i64::MIN; PARTITIONS]; TOPICS.len()];
        let mut placed = BTreeMap::new();
        let mut writes: BTreeMap<(usize, usize), Vec<Write>> = BTreeMap::new();
        for (n, step) in steps.iter().enumerate() {
            let Step {
                topic,
                partition,
                key,
                ms,
                ..
            } = *step;
            let is_by_field = by_field && topic > 0;
            let kind = match step.kind {
                Kind::Nobodys | Kind::Hidden if !is_by_field => Kind::Event,
                kind => kind,
            };
            let mut write = world.write(step, n, ids[topic], is_by_field, kind);
            let offset = world.ends[topic][partition];
            if kind == Kind::Aborted {
                // Behind what is to be written before it.
                world.flush(topic, partition, writes.remove(&(topic, partition)));
                world.abort(topic, partition, &write, n as i64);
                world.ends[topic][partition] += 2;
                continue;
            }
            if kind == Kind::Hidden {
                // Cut short, or of a schema that nobody knows.
                let unknown = SchemaId::new(99).unwrap();
                write.value = Some(if n % 2 == 0 {
                    enveloped(ids[topic], &[])
                } else {
                    enveloped(unknown, &[0])
                });
                world.hidden.push((topic, partition, offset));
            }
            let latest_ms = &mut latest[topic][partition];
            *latest_ms = ms.max(*latest_ms);
            let key = if kind == Kind::Event { key } else { NOBODY };
            let placed_ms = placed.entry((topic, partition, key)).or_insert(ms);
            *placed_ms = ms.max(*placed_ms);
            world.events.push(Event {
                n,
                key,
                latest_ms: *latest_ms,
                placed_ms: *placed_ms,
                topic,
                partition,
                offset,
            });
            world.ends[topic][partition] += 1;
            writes.entry((topic, partition)).or_default().push(write);
        }
        for ((topic, partition), writes) in writes {
            world.flush(topic, partition, Some(writes));
        }
        world.follow(if by_field {
            fold_by_field()
        } else {
            FOLD.to_owned()
        });
        world
    }

    /// Follows the logs with a fold.
    fn follow(&mut self, fold: String) {
        let fold = declarative::load(&fold, &*self.table).unwrap();
        let sources = self.logs.iter().map(Logs::source).collect();
        self.store.add_merged(Box::new(fold), sources).unwrap();
    }

    /// Makes what copies of the logs can be made.
    pub(crate) fn cluster(&self) {
        for log in self.logs.iter().flat_map(|logs| &logs.partitions) {
            log.cluster().unwrap();
        }
    }

    /// Another store in the place of this one, which knows what is on disk.
    pub(crate) fn restart(&mut self) {
        self.store = EventStore::new(self.table.clone());
        self.follow(fold_by_field());
    }

    fn write(&self, step: &Step, n: usize, schema: SchemaId, is_by_field: bool, kind: Kind) -> Write {
        let mut body = wire::Writer::new();
        body.long(n as i64);
        if is_by_field && kind == Kind::Nobodys {
            body.long(0);
        } else if is_by_field {
            body.long(1);
            body.string(&id(step.key));
        }
        body.string(PAD);
        let key = match (is_by_field, kind) {
            // Another's, which says nothing.
            (true, _) => Some(id((step.key + 1) % KEYS)),
            (false, Kind::Bare) => None,
            (false, _) => Some(id(step.key)),
        };
        Write {
            ms: step.ms,
            key: key.map(String::into_bytes),
            value: (!is_by_field || kind != Kind::Bare).then(|| enveloped(schema, &body.into_bytes())),
            headers: vec![],
        }
    }

    fn flush(&self, topic: usize, partition: usize, writes: Option<Vec<Write>>) {
        for batch in writes.unwrap_or_default().chunks(7) {
            self.logs[topic].append(partition, batch);
        }
    }

    /// Writes a record in a transaction that is aborted.
    fn abort(&self, topic: usize, partition: usize, write: &Write, producer: i64) {
        let mut builder = BatchBuilder::new().producer(producer, 0, 0).transactional();
        builder.push(write.ms, write.key.as_deref(), write.value.as_deref(), &[]);
        let marker = Marker {
            committed: false,
            coordinator_epoch: 0,
        };
        for bytes in [builder.build(), marker.build(write.ms, producer, 0)] {
            let (batch, _) = Batch::parse(&bytes, 0).unwrap();
            let partition = &self.logs[topic].partitions[partition];
            let appended = partition.append(&batch, 0).unwrap();
            partition
                .wait_durable(appended.last_offset, Duration::from_secs(10))
                .unwrap();
        }
    }

    /// The events within a cut, of one aggregate, by the rule.
    pub(crate) fn within(&self, key: u8, cut: &Cut) -> Vec<Event> {
        let is_within = |event: &&Event| {
            event.key == key && event.offset <= cut.last_in(TOPICS[event.topic], event.partition as u32)
        };
        let mut events: Vec<Event> = self.events.iter().filter(is_within).copied().collect();
        events.sort_by_key(|event| (event.placed_ms, event.topic, event.partition, event.offset));
        events
    }

    pub(crate) fn head(&self) -> Cut {
        self.cut(&mut |_| true)
    }

    /// The cut of the first records of each log, as long as they are wanted, with what is no record between and behind them.
    pub(crate) fn cut(&self, is_wanted: &mut dyn FnMut(&Event) -> bool) -> Cut {
        let mut lasts = self.ends.map(|ends| ends.map(|end| end - 1));
        let mut ended = [[false; PARTITIONS]; TOPICS.len()];
        let mut begun = ended;
        for event in &self.events {
            let (topic, partition) = (event.topic, event.partition);
            if ended[topic][partition] {
                continue;
            }
            if is_wanted(event) {
                begun[topic][partition] = true;
                continue;
            }
            ended[topic][partition] = true;
            lasts[topic][partition] = if begun[topic][partition] {
                event.offset - 1
            } else {
                -1
            };
        }
        cut_of(&lasts)
    }

    /// What a cut means for these logs.
    pub(crate) fn taken(&self, lasts: &[[i64; PARTITIONS]; 3]) -> Cut {
        let mut taken = *lasts;
        for (taken, ends) in taken.iter_mut().flatten().zip(self.ends.iter().flatten()) {
            *taken = (*taken).min(ends - 1);
        }
        cut_of(&taken)
    }

    /// Holds what an answer says nobody can read to what nobody can.
    fn check_hidden(&self, cut: &Cut, logs: &[LogUsed]) -> Result<(), TestCaseError> {
        for (topic, partition, offset) in &self.hidden {
            let is_here =
                |log: &&LogUsed| log.topic == TOPICS[*topic] && log.partition as usize == *partition;
            let told = logs.iter().filter(is_here).flat_map(|log| &log.unreadable);
            let is_told = told
                .into_iter()
                .any(|range| (range.first..=range.last).contains(offset));
            let is_within = *offset <= cut.last_in(TOPICS[*topic], *partition as u32);
            prop_assert!(is_told || !is_within, "{} {} {}", topic, partition, offset);
        }
        Ok(())
    }

    /// Every answer at a point, which means this cut.
    pub(crate) fn check(&self, at: &AsOf, cut: &Cut) -> Result<(), TestCaseError> {
        let mut listed = BTreeMap::new();
        let mut cursor = None;
        loop {
            let page = self.store.list("whole", at, 2, cursor.as_deref()).unwrap();
            prop_assert_eq!(&page.cut, cut);
            listed.extend(
                page.items
                    .into_iter()
                    .map(|one| (one.id.clone(), (page.total, one))),
            );
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let begun = (0..KEYS).filter(|key| !self.within(*key, cut).is_empty());
        let begun: BTreeSet<String> = begun.map(id).collect();
        prop_assert_eq!(listed.keys().cloned().collect::<BTreeSet<_>>(), begun.clone());
        for key in 0..KEYS {
            let wanted = self.within(key, cut);
            let answer = self.store.reconstruct("whole", &id(key), at);
            let Some(last) = wanted.last() else {
                let missing = matches!(
                    answer,
                    Err(StoreError::NotYet { .. } | StoreError::UnknownId { .. })
                );
                prop_assert!(missing, "{:?}", answer);
                continue;
            };
            let answer = answer.unwrap();
            prop_assert_eq!(&answer.state, &state(&wanted));
            prop_assert_eq!(answer.revision, Some(wanted.len() as u64 - 1));
            prop_assert_eq!(answer.events, wanted.len() as u64);
            prop_assert_eq!(answer.partition, wanted[0].partition as u32);
            let lines: String = wanted
                .iter()
                .map(|one| format!("{}={}\n", one.log(), one.offset))
                .collect();
            let sha256: String = Sha256::digest(lines)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            prop_assert_eq!(&answer.offsets_applied.sha256, &sha256);
            self.check_hidden(cut, &answer.logs)?;
            for log in &answer.logs {
                let here =
                    |one: &&Event| TOPICS[one.topic] == log.topic && one.partition as u32 == log.partition;
                let offsets = wanted.iter().filter(here).map(|one| one.offset);
                let runs = log.ranges.iter().flat_map(|run| run.first..=run.last);
                prop_assert!(runs.eq(offsets.clone()));
                prop_assert_eq!(log.events, offsets.count() as u64);
            }
            let by_cut = self
                .store
                .reconstruct("whole", &id(key), &AsOf::Cut(answer.cut.clone()))
                .unwrap();
            prop_assert_eq!(by_cut.state, answer.state.clone());
            let (total, member) = &listed[&id(key)];
            prop_assert_eq!((*total, &member.state), (begun.len() as u64, &answer.state));
            prop_assert_eq!(&member.log, &Some(last.log()));
            prop_assert_eq!((member.offset, member.events), (Some(last.offset), answer.events));
            self.check_history(&id(key), at, &wanted)?;
        }
        Ok(())
    }

    fn check_history(&self, id: &str, at: &AsOf, wanted: &[Event]) -> Result<(), TestCaseError> {
        let mut entries = Vec::new();
        let mut cursor = None;
        loop {
            let page = Page {
                limit: 3,
                cursor: cursor.as_deref(),
                ..Page::default()
            };
            let page = self.store.history("whole", id, at, page).unwrap();
            entries.extend(page.entries);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let told = entries
            .iter()
            .map(|one| (one.revision, one.log.clone(), one.offset, one.data["n"].clone()));
        let wanted = wanted
            .iter()
            .zip(0..)
            .map(|(one, at)| (at, Some(one.log()), one.offset, json!(one.n)));
        prop_assert!(told.eq(wanted), "{:?}", entries);
        Ok(())
    }
}

pub(crate) fn id(key: u8) -> String {
    format!("key {key}")
}

pub(crate) fn cut_of(lasts: &[[i64; PARTITIONS]; 3]) -> Cut {
    let pairs = lasts.iter().zip(TOPICS).flat_map(|(lasts, topic)| {
        let lasts = lasts.iter().enumerate();
        lasts.map(move |(partition, last)| format!("{topic}/{partition}={last}"))
    });
    pairs.collect::<Vec<_>>().join(",").parse().unwrap()
}

pub(crate) fn state(events: &[Event]) -> Value {
    let seen: Vec<usize> = events.iter().map(|event| event.n).collect();
    json!({"seen": seen, "last": events.len() - 1})
}

/// The last offset of each log.
pub(crate) type Ends = [[i64; PARTITIONS]; TOPICS.len()];

/// How many of each log's records a cut has.
pub(crate) fn ends() -> impl Strategy<Value = Ends> {
    let end = || -1i64..12;
    [[end(), end()], [end(), end()], [end(), end()]]
}
