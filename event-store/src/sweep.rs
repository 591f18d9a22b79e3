//! Many aggregates folded side by side, in the order of the log, each looked at behind some of its events.
//!
//! Invariant: each batch is read once for all aggregates of a sweep, however their events are mixed. An aggregate is let go
//! as soon as it has been looked at for the last time. Those whose events are in several topics are folded one after the other,
//! for each of their cuts anew. A sweep with many events is shared out among the processor's cores.

use std::num::NonZeroUsize;

use crate::aggregates::Aggregate;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{Folding, Spot};
use crate::lanes::Reached;
use crate::source::Cursor;
use crate::store::EventStore;

/// Events worth a thread of their own: below this a thread costs more than it saves.
const SHARE_EVENTS_MIN: usize = 2_000;
/// Threads one sweep may take.
const SHARES_MAX: usize = 4;

/// An aggregate of a sweep.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) key: Vec<u8>,
    /// The place of its partition.
    pub(crate) partition: usize,
    /// Behind how many of its events it is looked at, in rising order; no event behind the last is folded. Where they are in
    /// several topics they are counted in the order that they have within a cut, and the stops of different cuts rise or not.
    pub(crate) stops: Vec<usize>,
}

impl Wanted {
    /// How many events are folded.
    pub(crate) fn events(&self) -> usize {
        self.stops.iter().copied().max().unwrap_or(0)
    }
}

/// Looks at an aggregate behind one of its stops, by its number.
pub(crate) type Look<'l, T> = &'l (dyn Fn(&Wanted, usize, &mut Folding<'_>) -> Result<T, StoreError> + Sync);

impl EventStore {
    /// What comes of looking at aggregates: for each of them, in the order given, for each of its stops. These are all within
    /// the one cut, or one within each.
    pub(crate) fn sweep<T: Send>(
        &self,
        aggregate: &Aggregate,
        cuts: &[&Cut],
        wanted: &[Wanted],
        look: Look<'_, T>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        let events: usize = wanted.iter().map(Wanted::events).sum();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shares = (events / SHARE_EVENTS_MIN).clamp(1, cores.min(SHARES_MAX));
        let mut shares = wanted.chunks(wanted.len().div_ceil(shares).max(1));
        let first = shares.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares
                .map(|share| {
                    let sweep = || self.sweep_share(aggregate, cuts, share, look);
                    (share, std::thread::Builder::new().spawn_scoped(scope, sweep))
                })
                .collect();
            let mut seen = self.sweep_share(aggregate, cuts, first, look)?;
            for (share, thread) in others {
                // A share whose thread did not come about, or to an end, is folded here.
                let swept = thread.ok().and_then(|thread| thread.join().ok());
                seen.extend(swept.unwrap_or_else(|| self.sweep_share(aggregate, cuts, share, look))?);
            }
            Ok(seen)
        })
    }

    fn sweep_share<T>(
        &self,
        aggregate: &Aggregate,
        cuts: &[&Cut],
        wanted: &[Wanted],
        look: Look<'_, T>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        if aggregate.index.is_merged() {
            let each = wanted
                .iter()
                .map(|one| self.fold_in_order(aggregate, cuts, one, look));
            return each.collect();
        }
        let mut under_way: Vec<UnderWay<'_, T>> = Vec::with_capacity(wanted.len());
        for one in wanted {
            let partition = aggregate.index.partitions.get(one.partition);
            let mut one = UnderWay {
                wanted: one,
                folding: partition
                    .map(|partition| Folding::new(self, aggregate, partition, &one.key).unaccounted()),
                seen: Vec::with_capacity(one.stops.len()),
            };
            one.look_behind(0, look)?;
            under_way.push(one);
        }
        for (place, partition) in aggregate.index.partitions.iter().enumerate() {
            let mut steps: Vec<(Spot, usize)> = Vec::new();
            for (row, one) in wanted
                .iter()
                .enumerate()
                .filter(|(_, one)| one.partition == place)
            {
                let spots = partition.spots(&one.key, 0..one.events())?;
                steps.extend(spots.into_iter().map(|spot| (spot, row)));
            }
            steps.sort_unstable();
            let offsets: Vec<i64> = steps.iter().map(|(spot, _)| spot.offset).collect();
            let mut cursor = Cursor::new(self, partition, &offsets);
            for (spot, row) in steps {
                let Some(one) = under_way.get_mut(row) else {
                    continue;
                };
                if let Some(folding) = one.folding.as_mut().filter(|folding| folding.halted.is_none()) {
                    folding.feed(spot, cursor.record(spot.offset)?)?;
                }
                one.look_behind(
                    usize::try_from(spot.revision)
                        .unwrap_or(usize::MAX)
                        .saturating_add(1),
                    look,
                )?;
            }
        }
        Ok(under_way.into_iter().map(|one| one.seen).collect())
    }

    /// What comes of looking at an aggregate of several topics behind each of its stops.
    fn fold_in_order<T>(
        &self,
        aggregate: &Aggregate,
        cuts: &[&Cut],
        one: &Wanted,
        look: Look<'_, T>,
    ) -> Result<Vec<T>, StoreError> {
        let (index, key) = (&aggregate.index, &one.key);
        let Some(partition) = index.partitions.get(one.partition) else {
            return Ok(Vec::new());
        };
        let mut seen = Vec::with_capacity(one.stops.len());
        let of_each = one.stops.len().div_ceil(cuts.len().max(1)).max(1);
        for (cut, stops) in cuts.iter().zip(one.stops.chunks(of_each)) {
            let counted = index.counted(key, cut)?;
            let mut lanes = index.lanes(self, key, &counted, &|_| Reached::default())?;
            let mut folding = Folding::new(self, aggregate, partition, key).unaccounted();
            let mut events = 0;
            for stop in stops {
                folding.run_in_order(&mut lanes, stop.saturating_sub(events))?;
                events = *stop;
                seen.push(look(one, seen.len(), &mut folding)?);
            }
        }
        Ok(seen)
    }
}

/// An aggregate between two of its events.
struct UnderWay<'a, T> {
    wanted: &'a Wanted,
    /// Nothing when it was looked at for the last time.
    folding: Option<Folding<'a>>,
    seen: Vec<T>,
}

impl<T> UnderWay<'_, T> {
    /// Looks at it, where so many events are a stop.
    fn look_behind(&mut self, events: usize, look: Look<'_, T>) -> Result<(), StoreError> {
        let Some(folding) = &mut self.folding else {
            return Ok(());
        };
        while self.wanted.stops.get(self.seen.len()) == Some(&events) {
            self.seen.push(look(self.wanted, self.seen.len(), folding)?);
        }
        if self.seen.len() >= self.wanted.stops.len() {
            self.folding = None;
        }
        Ok(())
    }
}
