//! Events in transactions: what was committed is there, what was aborted never was, and nothing behind what is open is told.
//!
//! The model is a second log, to which only what was committed was ever written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_event_store::{AsOf, Cut, EventStore, Source, StoreError, typed};
use annals_kafka_wire::batch::{Batch, BatchBuilder, Marker};
use proptest::prelude::*;

use crate::support::{Logs, Table, Write};
use crate::till::{Ids, TOPIC, Till, TillFold, table};

const KEYS: u8 = 3;
const PRODUCERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// Outside of any transaction.
    Write(u8),
    /// In this producer's transaction, which begins with it where none is open.
    Within(usize, u8),
    /// Ends this producer's transaction, where one is open.
    End(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..KEYS).prop_map(Step::Write),
        4 => (0..PRODUCERS, 0..KEYS).prop_map(|(producer, key)| Step::Within(producer, key)),
        2 => (0..PRODUCERS, any::<bool>()).prop_map(|(producer, committed)| Step::End(producer, committed)),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A producer's transaction. Each has an id of its own: what became of one says nothing of another.
struct Open {
    id: i64,
    written: Vec<i64>,
}

/// The log with transactions, and what of it counts.
struct World {
    logs: Logs,
    ids: Ids,
    table: Arc<Table>,
    open: [Option<Open>; PRODUCERS],
    transactions: i64,
    /// Every record by its offset; the marker of an end is none.
    written: BTreeMap<i64, (u8, Write)>,
    aborted: Vec<i64>,
}

impl World {
    fn new() -> World {
        let (table, ids) = table();
        let mut world = World {
            logs: Logs::in_segments(TOPIC, 1, Some(1_500)),
            ids,
            table: Arc::new(table),
            open: Default::default(),
            transactions: 0,
            written: BTreeMap::new(),
            aborted: Vec::new(),
        };
        for key in 0..KEYS {
            let opened = Till::Opened {
                owner: format!("o{key}"),
                opened_at: 0,
            };
            world.write(key, &opened, BatchBuilder::new());
        }
        world
    }

    fn append(&self, bytes: &[u8]) -> i64 {
        let (batch, _) = Batch::parse(&bytes::Bytes::copy_from_slice(bytes), 0).unwrap();
        let partition = &self.logs.partitions[0];
        let appended = partition.append(&batch, 0).unwrap();
        partition
            .wait_durable(appended.last_offset, Duration::from_secs(10))
            .unwrap();
        appended.base_offset
    }

    fn write(&mut self, key: u8, event: &Till, mut builder: BatchBuilder) -> i64 {
        let mut write = event.write(&self.ids, &name(key), self.written.len() as i64);
        write.headers.clear();
        builder.push(write.ms, write.key.as_deref(), write.value.as_deref(), &[]);
        let offset = self.append(&builder.build());
        self.written.insert(offset, (key, write));
        offset
    }

    fn step(&mut self, step: &Step) {
        // No two events are alike, so that one too many shows; each amount has the 12 digits that there are, or fewer.
        let paid = Till::Paid {
            cents: 1 << (self.written.len() % 39),
            payer: self.written.len() as i64,
            note: None,
        };
        match *step {
            Step::Write(key) => {
                self.write(key, &paid, BatchBuilder::new());
            }
            Step::Within(producer, key) => {
                let begun = self.open[producer].take();
                let mut open = begun.unwrap_or_else(|| {
                    self.transactions += 1;
                    Open {
                        id: self.transactions,
                        written: Vec::new(),
                    }
                });
                let sequence = open.written.len() as i32;
                let builder = BatchBuilder::new().producer(open.id, 0, sequence).transactional();
                open.written.push(self.write(key, &paid, builder));
                self.open[producer] = Some(open);
            }
            Step::End(producer, committed) => {
                let Some(open) = self.open[producer].take() else {
                    return;
                };
                let marker = Marker {
                    committed,
                    coordinator_epoch: 0,
                };
                self.append(&marker.build(self.written.len() as i64, open.id, 0));
                if !committed {
                    self.aborted.extend(open.written);
                }
            }
        }
    }

    /// The last offset of which it is decided what became of it.
    fn decided(&self) -> i64 {
        let begun = self.open.iter().flatten().filter_map(|open| open.written.first());
        begun
            .min()
            .map_or(self.logs.partitions[0].log_end_offset(), |first| *first)
            - 1
    }

    /// What counts, in the order of the log.
    fn committed(&self) -> impl Iterator<Item = (i64, u8, &Write)> {
        let decided = self.decided();
        let counts = move |(offset, _): &(&i64, _)| **offset <= decided && !self.aborted.contains(offset);
        self.written
            .iter()
            .filter(counts)
            .map(|(offset, (key, write))| (*offset, *key, write))
    }

    fn store(&self, source: Source) -> EventStore {
        let store = EventStore::new(self.table.clone());
        store
            .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), source)
            .unwrap();
        store
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let model = Logs::new(TOPIC, 1);
        for (_, _, write) in self.committed() {
            model.append(0, std::slice::from_ref(write));
        }
        let (store, model) = (self.store(self.logs.source()), self.store(model.source()));
        let head = store.reconstruct("till", &name(0), &AsOf::Head).unwrap().cut;
        prop_assert_eq!(head.last(0), self.decided());
        for last in -1..=self.decided() {
            let at = AsOf::Cut(Cut::from_iter([(0, last)]));
            let mut begun = 0;
            for key in 0..KEYS {
                let within = self
                    .committed()
                    .filter(|(offset, of, _)| *of == key && *offset <= last);
                let events = within.count() as u64;
                match (store.reconstruct("till", &name(key), &at), events.checked_sub(1)) {
                    (Ok(answer), Some(revision)) => {
                        begun += 1;
                        let same = model
                            .reconstruct("till", &name(key), &AsOf::Revision(revision))
                            .unwrap();
                        prop_assert_eq!((&answer.state, answer.revision), (&same.state, same.revision));
                        prop_assert_eq!(answer.offsets_applied.count, events);
                    }
                    (Err(StoreError::NotYet { .. } | StoreError::UnknownId { .. }), None) => {}
                    (got, expected) => prop_assert!(false, "{got:?}, expected revision {expected:?}"),
                }
            }
            prop_assert_eq!(store.list("till", &at, 1, None).unwrap().total, begun);
        }
        Ok(())
    }
}

fn name(key: u8) -> String {
    format!("till {key}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn what_was_aborted_was_never_there(steps in steps()) {
        let mut world = World::new();
        for (number, step) in steps.iter().enumerate() {
            world.step(step);
            if number % 20 == 0 {
                world.check()?;
            }
        }
        world.check()?;
    }
}
