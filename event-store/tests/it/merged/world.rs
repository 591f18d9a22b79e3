//! Logs of several topics, and what their aggregates are by the rule of their order and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_event_store::{AsOf, Cut, EventStore, LogName, Page, StoreError, declarative};
use annals_schema_model::SchemaType;
use annals_schema_model::avro::wire;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Logs, Table, Write, enveloped};

pub(crate) const TOPICS: [&str; 3] = ["orders", "packages", "bills"];
pub(crate) const RECORDS: [&str; 3] = ["t.Ordered", "t.Packed", "t.Billed"];
pub(crate) const PARTITIONS: usize = 2;
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

/// An event: where it went, and when by its producer's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) topic: usize,
    pub(crate) partition: usize,
    pub(crate) key: u8,
    pub(crate) ms: i64,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..TOPICS.len(), 0..PARTITIONS, 0..KEYS, 0i64..12);
    let step = step.prop_map(|(topic, partition, key, ms)| Step {
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

/// What was written.
pub(crate) struct World {
    pub(crate) events: Vec<Event>,
    pub(crate) store: EventStore,
    pub(crate) table: Arc<Table>,
    pub(crate) logs: Vec<Logs>,
}

impl World {
    pub(crate) fn of(steps: &[Step]) -> World {
        let mut table = Table::default();
        let text = |record| {
            format!(r#"{{"type":"record","name":"{record}","fields":[{{"name":"n","type":"long"}}]}}"#)
        };
        let ids = [0, 1, 2].map(|of| table.register(SchemaType::Avro, TOPICS[of], &text(RECORDS[of])));
        let table = Arc::new(table);
        let logs: Vec<Logs> = TOPICS.iter().map(|topic| Logs::new(topic, PARTITIONS)).collect();
        let mut ends = [[(0i64, i64::MIN); PARTITIONS]; TOPICS.len()];
        let mut placed = BTreeMap::new();
        let mut events = Vec::new();
        let mut writes: BTreeMap<(usize, usize), Vec<Write>> = BTreeMap::new();
        for (n, step) in steps.iter().enumerate() {
            let (offset, latest_ms) = &mut ends[step.topic][step.partition];
            *latest_ms = step.ms.max(*latest_ms);
            let of = (step.topic, step.partition, step.key);
            let placed_ms = placed.entry(of).or_insert(step.ms);
            *placed_ms = step.ms.max(*placed_ms);
            events.push(Event {
                n,
                key: step.key,
                latest_ms: *latest_ms,
                placed_ms: *placed_ms,
                topic: step.topic,
                partition: step.partition,
                offset: *offset,
            });
            *offset += 1;
            let mut body = wire::Writer::new();
            body.long(n as i64);
            writes
                .entry((step.topic, step.partition))
                .or_default()
                .push(Write {
                    ms: step.ms,
                    key: Some(id(step.key).into_bytes()),
                    value: Some(enveloped(ids[step.topic], &body.into_bytes())),
                    headers: vec![],
                });
        }
        for ((topic, partition), writes) in &writes {
            for batch in writes.chunks(7) {
                logs[*topic].append(*partition, batch);
            }
        }
        let store = EventStore::new(table.clone());
        let fold = declarative::load(FOLD, &*table).unwrap();
        let sources = logs.iter().map(Logs::source).collect();
        store.add_merged(Box::new(fold), sources).unwrap();
        World {
            events,
            store,
            table,
            logs,
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

    /// The cut of the first records of each log, as long as they are wanted.
    pub(crate) fn cut(&self, is_wanted: &mut dyn FnMut(&Event) -> bool) -> Cut {
        let mut lasts = [[-1; PARTITIONS]; TOPICS.len()];
        for event in &self.events {
            let last = &mut lasts[event.topic][event.partition];
            if *last == event.offset - 1 && is_wanted(event) {
                *last = event.offset;
            }
        }
        cut_of(&lasts)
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

/// How many of each log's records a cut has.
pub(crate) fn ends() -> impl Strategy<Value = [[i64; PARTITIONS]; 3]> {
    let end = || -1i64..12;
    [[end(), end()], [end(), end()], [end(), end()]]
}
