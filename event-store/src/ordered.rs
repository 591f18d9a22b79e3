//! All aggregates of a type at a cut, each folded as a whole, in the order of their ids.
//!
//! The copies of the logs are in that order (`Partition::clustered`), and what has none yet is put into it in memory
//! (`tails.rs`). So a walk through all aggregates reads every event once, one after the other, and asks the index nothing. Of
//! several topics the copies of all are read side by side, and of those that stand at an aggregate the one whose next event comes
//! first goes on.
//! Invariant: there is such a walk only where the copies tell of as many events as the index does; what they cannot tell is
//! found by the index and read from the log (`members.rs`). Left out: logs of which records are gone, or cannot be read, and those
//! whose events say in a field whose they are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_kafka_wire::batch::Record;
use annals_segment_log::{Chunk, Scan};
use bytes::Bytes;

use crate::aggregates::Aggregate;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{Folding, Spot};
use crate::index::PartitionIndex;
use crate::source::SCAN_BYTES;
use crate::standing::Place;
use crate::store::EventStore;
use crate::sweep::Wanted;

/// Copies that all walks of a store may read at once; each is an open file. It is enough for one walk through some 16 GiB of
/// records, and few beside what a process may open.
pub(crate) const OPEN_MAX: usize = 512;
/// Bytes that a walk reads ahead, of all its copies together.
const AHEAD_BYTES: usize = 16 << 20;

/// How many copies are read.
#[derive(Default)]
pub(crate) struct OpenCopies(AtomicUsize);

/// Some of them, until it is dropped.
struct Opened<'a> {
    of: &'a OpenCopies,
    count: usize,
}

impl OpenCopies {
    /// So many more, if that may be.
    fn take(&self, count: usize) -> Option<Opened<'_>> {
        let before = self.0.fetch_add(count, Ordering::Relaxed);
        let opened = Opened { of: self, count };
        (before + count <= OPEN_MAX).then_some(opened)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// A copy as it is read.
struct Reading {
    /// The place of its partition.
    place: usize,
    scan: Scan,
    next: Option<Record>,
}

/// The walk, before the next aggregate.
pub(crate) struct InOrder<'a> {
    store: &'a EventStore,
    aggregate: &'a Aggregate,
    cut: &'a Cut,
    /// In the order of partitions, and then of offsets.
    readings: Vec<Reading>,
    /// The readings that have not come to their end, the one with the lowest key first; of those with the same key the one with
    /// the lowest offsets.
    lowest: BinaryHeap<Reverse<(Bytes, usize)>>,
    /// Readings that stand at the key that was met, in their order.
    here: Vec<usize>,
    _opened: Opened<'a>,
}

/// What the walk came to.
pub(crate) enum Met<T> {
    /// An aggregate, and what was seen of it.
    Aggregate(Wanted, T),
    /// The end.
    End,
    /// A copy that cannot be read any further.
    Lost,
}

impl EventStore {
    /// All aggregates of a cut in the order of their ids, behind one of them, if questions may rest on copies of the log
    /// and these tell of all events.
    pub(crate) fn in_order<'a>(
        &'a self,
        aggregate: &'a Aggregate,
        cut: &'a Cut,
        after: Option<&Place>,
    ) -> Result<Option<InOrder<'a>>, StoreError> {
        let by_field = aggregate.index.by.iter().any(Option::is_some);
        match self.from_the_log || by_field {
            true => Ok(None),
            false => InOrder::begin(self, aggregate, cut, after),
        }
    }
}

impl<'a> InOrder<'a> {
    /// A walk from the first aggregate behind `after` on; nothing where the copies do not tell of all events.
    pub(crate) fn begin(
        store: &'a EventStore,
        aggregate: &'a Aggregate,
        cut: &'a Cut,
        after: Option<&Place>,
    ) -> Result<Option<InOrder<'a>>, StoreError> {
        let mut found: Vec<(usize, Arc<Chunk>)> = Vec::new();
        let (mut tails, mut bytes) = (Vec::new(), 0);
        for (place, partition) in aggregate.index.partitions.iter().enumerate() {
            let Some(Told {
                chunks,
                tail,
                tail_bytes,
            }) = told_of(store, partition)
            else {
                return Ok(None);
            };
            tails.push((partition.id, tail));
            bytes += tail_bytes;
            if store.shared.tails.are_too_much(bytes) {
                store.shared.tails.give_up(&tails);
                return Ok(None);
            }
            let last = partition.last(cut);
            let within = chunks.into_iter().filter(|chunk| chunk.first() <= last);
            found.extend(within.map(|chunk| (place, chunk)));
        }
        let Some(opened) = store.shared.open_copies.take(found.len()) else {
            return Ok(None);
        };
        let mut walk = InOrder {
            store,
            aggregate,
            cut,
            readings: Vec::with_capacity(found.len()),
            lowest: BinaryHeap::new(),
            here: Vec::new(),
            _opened: opened,
        };
        let ahead = (AHEAD_BYTES / found.len().max(1)).min(SCAN_BYTES);
        for (place, chunk) in found {
            if walk.enter(place, &chunk, after, ahead).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(walk))
    }

    fn enter(
        &mut self,
        place: usize,
        chunk: &Arc<Chunk>,
        after: Option<&Place>,
        ahead: usize,
    ) -> std::io::Result<()> {
        let index = &self.aggregate.index;
        let (key, behind) = after.map_or((&[][..], false), |(key, last)| (key, index.home(place) <= *last));
        let last = index.partitions.get(place).map_or(-1, |log| log.last(self.cut));
        let scan = chunk.scan(key, i64::MIN, ahead)?;
        let mut scan = scan.before(last.saturating_add(1));
        let mut next = scan.next()?;
        while behind
            && next
                .as_ref()
                .is_some_and(|copied| copied.key.as_deref() == Some(key))
        {
            scan.seek(key, i64::MAX)?;
            next = scan.next()?;
        }
        if let Some(key) = next.as_ref().and_then(|copied| copied.key.clone()) {
            self.lowest.push(Reverse((key, self.readings.len())));
        }
        self.readings.push(Reading { place, scan, next });
        Ok(())
    }

    /// Folds the next aggregate that has begun by the cut, and looks at it.
    pub(crate) fn next<T>(
        &mut self,
        look: &dyn Fn(&Wanted, usize, &mut Folding<'_>) -> Result<T, StoreError>,
    ) -> Result<Met<T>, StoreError> {
        let (store, index) = (self.store, &self.aggregate.index);
        let Some((key, place)) = self.meet() else {
            return Ok(Met::End);
        };
        let home = index.home(place);
        let Some(partition) = index.partitions.get(home) else {
            return Ok(Met::End);
        };
        let mut folding = Folding::new(store, self.aggregate, partition, &key).unaccounted();
        let Some(events) = self.fold(&key, &mut folding)? else {
            return Ok(Met::Lost);
        };
        let wanted = Wanted {
            key: key.to_vec(),
            partition: home,
            stops: vec![events],
        };
        let seen = look(&wanted, 0, &mut folding)?;
        Ok(Met::Aggregate(wanted, seen))
    }

    /// Takes out the readings that stand at the lowest key: of all logs where the aggregates are of several topics, and of the
    /// first log that has it where not. Says which key that is, and which log the first.
    fn meet(&mut self) -> Option<(Bytes, usize)> {
        self.here.clear();
        let Reverse((key, first)) = self.lowest.peek()?;
        let (key, first) = (key.clone(), self.readings.get(*first)?.place);
        while let Some(lowest) = self.lowest.peek_mut() {
            let Reverse((found, at)) = &*lowest;
            let Some(place) = self.readings.get(*at).map(|reading| reading.place) else {
                break;
            };
            if *found != key || !(place == first || self.aggregate.index.is_merged()) {
                break;
            }
            self.here.push(*at);
            PeekMut::pop(lowest);
        }
        Some((key, first))
    }

    /// Folds the events of the key that was met and says how many there are; nothing where they cannot be read.
    fn fold(&mut self, key: &Bytes, folding: &mut Folding<'_>) -> Result<Option<usize>, StoreError> {
        let mut events = 0;
        while let Some(at) = self.first_here()
            && let Some(number) = self.here.get(at).copied()
            && let Some(reading) = self.readings.get_mut(number)
            && let Some(copied) = reading.next.take()
        {
            let spot = Spot {
                offset: copied.offset,
                revision: events as u64,
                place: reading.place,
            };
            events += 1;
            self.store.work.record(copied.headers.len())?;
            folding.feed(spot, Ok(&copied))?;
            match reading.scan.next() {
                Ok(next) => reading.next = next,
                Err(_) => return Ok(None),
            }
            let next = reading.next.as_ref().and_then(|next| next.key.as_ref());
            if next != Some(key) {
                if let Some(next) = next {
                    self.lowest.push(Reverse((next.clone(), number)));
                }
                self.here.remove(at);
            }
        }
        Ok(Some(events))
    }

    /// Which of the readings that stand at the key has the event that comes first; of each log that is the first. By the records' own
    /// times: what was recorded before the event that it follows in its log comes right behind that, as it is to.
    fn first_here(&self) -> Option<usize> {
        let readings = || {
            let each = self.here.iter().enumerate();
            each.filter_map(|(at, number)| Some((at, self.readings.get(*number)?)))
        };
        let (at, first) = readings().next()?;
        if readings().next_back()?.1.place == first.place {
            return Some(at);
        }
        let mut before = None;
        let of_each_log =
            readings().filter(|(_, reading)| before.replace(reading.place) != Some(reading.place));
        let ranked = of_each_log.filter_map(|(at, reading)| {
            let next = reading.next.as_ref()?;
            Some(((next.timestamp_ms, reading.place), at))
        });
        ranked.min().map(|(_, at)| at)
    }
}

/// What together tells of all of a partition's events.
struct Told {
    /// Copies, and what is behind them, oldest first.
    chunks: Vec<Arc<Chunk>>,
    /// Where what has no copy begins, and what it takes in memory.
    tail: i64,
    tail_bytes: usize,
}

/// What tells of all of a partition's events; nothing where there is no such.
fn told_of(store: &EventStore, partition: &PartitionIndex) -> Option<Told> {
    let log = &partition.log;
    let mut chunks = log.clustered().ok()?.to_vec();
    let facts = log.keys().key_facts();
    let mut tail = log.log_start_offset();
    for chunk in &chunks {
        if chunk.first() != tail {
            return None;
        }
        tail = chunk.end();
    }
    let with_keys = facts.records - facts.keyless;
    let copied: u64 = chunks.iter().map(|chunk| chunk.records()).sum();
    let mut tail_bytes = 0;
    if tail < facts.end {
        let missing = with_keys.checked_sub(copied)?;
        // Of records as large as others of the log; packed ones take more in memory.
        let bytes = u128::from(log.size_bytes()) * u128::from(missing) / u128::from(facts.records.max(1));
        if store.shared.tails.are_too_much(usize::try_from(bytes).ok()?) {
            return None;
        }
        let pieces = store.shared.tails.of(partition, tail, facts.end).ok()??;
        tail_bytes = pieces.iter().map(|piece| piece.bytes()).sum();
        chunks.extend(pieces);
    }
    let told: u64 = chunks.iter().map(|chunk| chunk.records()).sum();
    (told == with_keys).then_some(Told {
        chunks,
        tail,
        tail_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_read_only_so_many_copies_at_once() {
        let open = OpenCopies::default();
        let most = open.take(OPEN_MAX - 1);
        assert!(most.is_some() && open.take(2).is_none());
        let one = open.take(1);
        assert!(one.is_some() && open.take(1).is_none());
        drop(most);
        assert!(open.take(OPEN_MAX).is_none() && open.take(OPEN_MAX - 1).is_some());
    }
}
