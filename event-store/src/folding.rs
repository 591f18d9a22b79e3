//! One aggregate's events going through its fold, with the account of what became of each.
//!
//! Invariant: no event is passed over in silence. It was applied, is knowingly not the fold's, is counted as unknown,
//! or is where the folding halted; after a halt the state stays what it was before that event.

use std::sync::Arc;

use annals_kafka_wire::batch::Record;
use annals_schema_model::{Opened, Resolve, envelope};
use bytes::Bytes;

use crate::aggregates::Aggregate;
use crate::error::StoreError;
use crate::explain::Touch;
use crate::fold::{AnyFold, At, Cell, Recorded, Spent, Step, Stop};
use crate::index::{PartitionIndex, TopicIndex};
use crate::lanes::{Lanes, Reached};
use crate::merged::{LogName, Reader};
use crate::snapshots::{Account, File, Pace, Snapshot};
use crate::store::EventStore;

mod shown;
mod untaken;
mod used;

pub(crate) use untaken::Unknown;
pub use untaken::{Halted, UnknownEvent};
pub use used::{FoldUsed, ReaderUsed, SchemaUsed};

/// Where an event sits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) offset: i64,
    pub(crate) revision: u64,
    /// The place of its log in the index.
    pub(crate) place: usize,
}

impl Spot {
    /// What a fold is told of the record that sits here.
    pub(crate) fn at<'r>(&self, partition: &PartitionIndex, record: &'r Record) -> At<'r> {
        At {
            partition: partition.number,
            offset: self.offset,
            revision: self.revision,
            recorded_ms: record.timestamp_ms,
            headers: &record.headers,
        }
    }
}

/// The last event that is part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) spot: Spot,
    pub(crate) recorded_ms: i64,
}

impl Latest {
    /// The same event, in this log: a snapshot does not say in which place of the index its log is.
    fn in_log(self, log: &PartitionIndex) -> Latest {
        let place = log.place;
        Latest {
            spot: Spot { place, ..self.spot },
            ..self
        }
    }
}

/// Takes the envelope off a record's value and finds its writer schema.
pub(crate) fn open<'r>(
    at: &At<'r>,
    value: Option<&'r [u8]>,
    resolve: &dyn Resolve,
) -> Result<Opened<'r>, String> {
    open_headed(at.header(envelope::VALUE_HEADER), value, resolve)
}

/// The same of a record whose header may name the schema.
pub(crate) fn open_headed<'r>(
    header: Option<&'r [u8]>,
    value: Option<&'r [u8]>,
    resolve: &dyn Resolve,
) -> Result<Opened<'r>, String> {
    let value = value.ok_or("the record has no value, so it is no event")?;
    Opened::new(header, value, resolve).map_err(|error| error.to_string())
}

/// One aggregate on its way through its fold.
pub(crate) struct Folding<'a> {
    store: &'a EventStore,
    fold: &'a dyn AnyFold,
    /// Of the event that was fed last, where the events are in several topics.
    partition: &'a PartitionIndex,
    index: &'a TopicIndex,
    key: &'a [u8],
    state: Cell,
    pub(crate) account: Account,
    /// Whether the account is told of: if not, applied events are only counted.
    is_accounted: bool,
    pub(crate) halted: Option<Halted>,
    /// The last event that is part of the state.
    pub(crate) last: Option<Latest>,
    keeping: Option<Keeping>,
    /// What the operations of the events did since this was last taken, where that is wanted.
    pub(crate) touches: Option<Vec<Touch>>,
}

/// The snapshots that a folding leaves on its way.
struct Keeping {
    file: Arc<File>,
    /// Offset of the key's first event.
    first: i64,
    pace: Pace,
}

impl<'a> Folding<'a> {
    pub(crate) fn new(
        store: &'a EventStore,
        aggregate: &'a Aggregate,
        partition: &'a PartitionIndex,
        key: &'a [u8],
    ) -> Folding<'a> {
        Folding::begin(store, &*aggregate.fold, &aggregate.index, partition, key)
    }

    fn begin(
        store: &'a EventStore,
        fold: &'a dyn AnyFold,
        index: &'a TopicIndex,
        partition: &'a PartitionIndex,
        key: &'a [u8],
    ) -> Folding<'a> {
        Folding {
            store,
            fold,
            partition,
            index,
            key,
            state: None,
            account: Account::default(),
            is_accounted: true,
            halted: None,
            last: None,
            keeping: None,
            touches: None,
        }
    }

    /// Nobody will ask which events made the state.
    pub(crate) fn unaccounted(self) -> Folding<'a> {
        Folding {
            is_accounted: false,
            ..self
        }
    }

    /// Begins with the state after some event, if the fold still reads it; says whether it does.
    pub(crate) fn begin_with(&mut self, snapshot: Snapshot) -> bool {
        let Some(state) = self.fold.thaw(&snapshot.state) else {
            return false;
        };
        self.state = Some(state);
        self.account = snapshot.account;
        let last = self.index.log_of(&snapshot.last.spot);
        self.partition = last.filter(|_| self.index.is_merged()).unwrap_or(self.partition);
        self.last = Some(snapshot.last.in_log(self.partition));
        true
    }

    /// From here on snapshots are left on the way, of a key whose first event is at this offset.
    pub(crate) fn keep_in(&mut self, file: Arc<File>, first: i64) {
        let pace = Pace::default();
        self.keeping = Some(Keeping { file, first, pace });
    }

    /// The event at this place was folded, so many bytes of it: keeps the state, when it is time to.
    fn keep(&mut self, last: Latest, bytes: usize) {
        let Some(keeping) = &mut self.keeping else { return };
        if !keeping.pace.folded(bytes) {
            return;
        }
        let Some(frozen) = self.state.as_ref().and_then(|state| self.fold.freeze(state)) else {
            return;
        };
        if keeping.pace.is_worth(frozen.len() + self.account.logs_bytes()) {
            keeping.file.keep(&Snapshot {
                key: self.key.to_vec(),
                first: keeping.first,
                last,
                account: self.account.clone(),
                state: frozen,
            });
        }
    }

    /// Folds the next events, until one halts.
    pub(crate) fn run(&mut self, spots: &[Spot]) -> Result<(), StoreError> {
        let mut reader = Reader::new(self.store, self.index, self.key, spots);
        for spot in spots {
            if self.halted.is_some() {
                break;
            }
            self.feed(*spot, reader.record(spot)?)?;
        }
        Ok(())
    }

    /// The same of the next so many events in several topics.
    pub(crate) fn run_in_order(&mut self, lanes: &mut Lanes<'_>, events: usize) -> Result<(), StoreError> {
        for _ in 0..events {
            if self.halted.is_some() {
                break;
            }
            let Some(spot) = lanes.next_spot()? else {
                break;
            };
            self.feed(spot, lanes.record()?)?;
        }
        Ok(())
    }

    /// Folds the next event, unless an earlier one halted.
    pub(crate) fn feed(&mut self, spot: Spot, record: Result<&Record, String>) -> Result<(), StoreError> {
        if self.halted.is_some() {
            return Ok(());
        }
        if self.index.is_merged() {
            self.partition = self.index.log_of(&spot).unwrap_or(self.partition);
            let recorded_ms = record.as_ref().ok().map(|record| record.timestamp_ms);
            self.account.feed(self.partition, spot, recorded_ms);
        }
        let folded = match record {
            Ok(record) => self.step(spot, record)?.map(|bytes| (record.timestamp_ms, bytes)),
            Err(problem) => Err(problem),
        };
        match folded {
            Ok((recorded_ms, bytes)) => {
                let last = Latest { spot, recorded_ms };
                self.last = Some(last);
                self.keep(last, bytes);
            }
            // Unless it halted before, when a state was made again.
            Err(reason) => drop(self.halted.get_or_insert(Halted {
                offset: spot.offset,
                log: self.partition.log_name(),
                reason,
            })),
        }
        Ok(())
    }

    /// Folds an event, and says how many bytes it has; the inner error is why the fold stops there.
    fn step(&mut self, spot: Spot, record: &Record) -> Result<Result<usize, String>, StoreError> {
        self.store.work.record(record.headers.len())?;
        let at = spot.at(self.partition, record);
        let opened = match open(&at, record.value.as_deref(), &*self.store.shared.resolve) {
            Ok(opened) => opened,
            Err(problem) => return Ok(Err(problem)),
        };
        let spent = Spent::default();
        let applied = self.apply(at, &opened, &spent);
        self.store.work.steps(spent.steps())?;
        match applied {
            Err(stop) => {
                if self.state.is_none() && self.account.applied > 0 {
                    self.fold_again(spot.revision)?;
                }
                return Ok(Err(stop.to_string()));
            }
            Ok(Step::NotMine) => {}
            Ok(Step::UnknownKind) => {
                let log = self.partition.log_name();
                self.account.unknown.note(spot.offset, log, &opened);
            }
            Ok(Step::Applied) if !self.is_accounted => self.account.applied += 1,
            Ok(Step::Applied) if self.index.is_merged() => {
                let log = self.partition.in_cut();
                self.account.apply_of(&log, spot, opened.writer.id);
            }
            Ok(Step::Applied) => self.account.apply(spot, opened.writer.id),
        }
        Ok(Ok(record.value.as_ref().map_or(0, Bytes::len)))
    }

    fn apply(&mut self, at: At<'_>, opened: &Opened<'_>, spent: &Spent) -> Result<Step, Stop> {
        let event = Recorded {
            topic: &self.partition.topic,
            at,
            key: self.key,
            raw: opened.raw(),
            spent,
        };
        let resolve = &*self.store.shared.resolve;
        match &mut self.touches {
            None => self.fold.step(&mut self.state, &event, resolve),
            Some(touches) => self.fold.step_noting(&mut self.state, &event, resolve, touches),
        }
    }

    /// Makes the state again that a fold gave up when it stopped, from the key's first so many events. What comes in the
    /// way this time is where the folding halted: the account is anew too, and is of what was folded now.
    fn fold_again(&mut self, events: u64) -> Result<(), StoreError> {
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        let fed = std::mem::take(&mut self.account.logs);
        *self = Folding {
            is_accounted: self.is_accounted,
            ..Folding::begin(self.store, self.fold, self.index, self.partition, self.key)
        };
        if !self.index.is_merged() {
            return self.run(&self.partition.spots(self.key, 0..events)?);
        }
        let mut counted = vec![0; self.index.partitions.len()];
        for log in fed {
            let (Some(counted), Some(there)) =
                (counted.get_mut(log.place), self.index.partitions.get(log.place))
            else {
                continue;
            };
            *counted = log.reached.events;
            there.still_ends(self.key, &log.reached)?;
        }
        let (index, counted) = (self.index, self.index.counted_as(counted));
        let mut lanes = index.lanes(self.store, self.key, &counted, &|_| Reached::default())?;
        self.run_in_order(&mut lanes, events)
    }

    /// The partition of the first event, where there was one; it is that of all where there is one topic.
    pub(crate) fn home(&self) -> Option<u32> {
        match self.index.is_merged() {
            true => self.account.logs.first().map(|first| first.log.partition),
            false => Some(self.partition.number),
        }
    }

    /// The log of the last event that is part of the state, where there are several.
    pub(crate) fn last_log(&self) -> Option<LogName> {
        self.index.log_of(&self.last?.spot)?.log_name()
    }
}
