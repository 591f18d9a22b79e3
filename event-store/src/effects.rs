//! What each of some events did to the state of its aggregate.
//!
//! Their aggregates are folded side by side, each once, and looked at behind each of the events. Invariant: of a state no more is
//! held than the one before the event that is looked at; how many events and aggregates are taken at once follows from
//! what those before them took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::between::ValueChange;
use crate::cut::Cut;
use crate::diff::values;
use crate::error::StoreError;
use crate::folding::Folding;
use crate::merged::Reader;
use crate::page::{Groups, bytes_of};
use crate::sought::Sought;
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::trail::Found;

/// Events that are put down to their changes at once, and aggregates that are folded for that.
const GROUP_MAX: usize = 10_000;
/// What the changes of a group may have as JSON, by those before it.
const GROUP_BYTES_MAX: usize = 8 << 20;
/// Values that the states of a group may have, by those before it.
const GROUP_VALUES_MAX: usize = 200_000;

/// How large the next group is.
pub(crate) struct GroupSize {
    events: Groups,
    aggregates: Groups,
}

impl Default for GroupSize {
    fn default() -> GroupSize {
        GroupSize {
            events: Groups::new(GROUP_BYTES_MAX, GROUP_MAX),
            aggregates: Groups::new(GROUP_VALUES_MAX, GROUP_MAX),
        }
    }
}

impl GroupSize {
    /// The most events of the next group, and the most aggregates.
    pub(crate) fn next(&self) -> (usize, usize) {
        (self.events.next(), self.aggregates.next())
    }
}

/// What one event did, looked at behind it.
struct Done {
    /// Values of the state.
    values: usize,
    total: u64,
    changes: Vec<ValueChange>,
    halted: Option<String>,
}

impl EventStore {
    /// Says what each event changed, and learns from it how large the next group may be.
    pub(crate) fn put_down(
        &self,
        aggregate: &Aggregate,
        sought: &Sought,
        cut: &Cut,
        found: &mut [Found],
        size: &mut GroupSize,
    ) -> Result<(), StoreError> {
        if aggregate.index.is_merged() {
            return self.put_down_of_several(aggregate, sought, cut, found, size);
        }
        let wanted = wanted(found);
        let place = |partition: usize, key: &[u8]| {
            wanted
                .binary_search_by(|wanted| (wanted.partition, &*wanted.key).cmp(&(partition, key)))
                .ok()
        };
        let before: Vec<Mutex<Value>> = wanted.iter().map(|_| Mutex::default()).collect();
        let look = |one: &Wanted, stop: usize, folding: &mut Folding<'_>| {
            let state = folding.view();
            let values = values(&state);
            self.work.values(values)?;
            let mut done = Done {
                values,
                total: 0,
                changes: Vec::new(),
                halted: folding.halted.as_ref().map(ToString::to_string),
            };
            if let Some(before) = place(one.partition, &one.key).and_then(|place| before.get(place)) {
                let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
                if stop > 0 {
                    let fits = |path: &str| sought.fits_place(path);
                    (done.total, done.changes) = ValueChange::between(&before, &state, &fits);
                }
                *before = state;
            }
            Ok(done)
        };
        let mut done = self.sweep(aggregate, &wanted, &look)?;
        let largest = done.iter().map(|of| of.iter().map(|done| done.values).max());
        size.aggregates.took(wanted.len(), largest.flatten().sum());
        let mut bytes = 0;
        for one in &mut *found {
            let Some(place) = place(one.place, &one.key) else {
                continue;
            };
            let stops = wanted.get(place).map(|wanted| wanted.stops.as_slice());
            let behind = usize::try_from(one.spot.revision + 1).unwrap_or(usize::MAX);
            let stop = stops.and_then(|stops| stops.binary_search(&behind).ok());
            let of = stop.and_then(|stop| done.get_mut(place)?.get_mut(stop));
            if let Some(of) = of {
                one.deed.total = of.total;
                one.deed.changes = std::mem::take(&mut of.changes);
                one.deed.problem = one.deed.problem.take().or_else(|| of.halted.take());
                bytes += bytes_of(&one.deed.changes);
            }
        }
        size.events.took(found.len(), bytes);
        Ok(())
    }
}

impl EventStore {
    /// The same where the events are in several topics: each aggregate is folded in the order that its events have within the later cut.
    fn put_down_of_several(
        &self,
        aggregate: &Aggregate,
        sought: &Sought,
        cut: &Cut,
        found: &mut [Found],
        size: &mut GroupSize,
    ) -> Result<(), StoreError> {
        let index = &aggregate.index;
        let Some(partition) = index.partitions.first() else {
            return Ok(());
        };
        let mut wanted: BTreeMap<Vec<u8>, BTreeMap<(usize, i64), &mut Found>> = BTreeMap::new();
        let count = found.len();
        for one in found {
            let of = wanted.entry(one.key.clone()).or_default();
            of.insert((one.place, one.spot.offset), one);
        }
        let (aggregates, mut largest, mut bytes) = (wanted.len(), 0, 0);
        for (key, mut wanted) in wanted {
            let order = index.in_order(self, &key, cut)?;
            let mut folding = Folding::new(self, aggregate, partition, &key);
            let mut reader = Reader::new(self, index, partition, &key, &order);
            let mut most = 0;
            for spot in &order {
                if wanted.is_empty() {
                    break;
                }
                let Some(one) = wanted.remove(&(spot.place, spot.offset)) else {
                    folding.feed(*spot, reader.record(spot)?)?;
                    continue;
                };
                let before = folding.view();
                folding.feed(*spot, reader.record(spot)?)?;
                let after = folding.view();
                self.work.values(values(&before) + values(&after))?;
                most = most.max(values(&after));
                let deed = &mut one.deed;
                deed.by.revision = spot.revision;
                let fits = |path: &str| sought.fits_place(path);
                (deed.total, deed.changes) = ValueChange::between(&before, &after, &fits);
                let halted = folding.halted.as_ref().map(ToString::to_string);
                deed.problem = deed.problem.take().or(halted);
                bytes += bytes_of(&deed.changes);
            }
            largest += most;
        }
        size.aggregates.took(aggregates, largest);
        size.events.took(count, bytes);
        Ok(())
    }
}

/// The aggregates of some events, to be looked at before and behind each.
fn wanted(found: &[Found]) -> Vec<Wanted> {
    let mut stops: BTreeMap<(usize, &[u8]), Vec<usize>> = BTreeMap::new();
    for one in found {
        let revision = usize::try_from(one.spot.revision).unwrap_or(usize::MAX);
        let stops = stops.entry((one.place, &one.key)).or_default();
        stops.extend([revision, revision.saturating_add(1)]);
        stops.dedup();
    }
    stops
        .into_iter()
        .map(|((partition, key), stops)| Wanted {
            key: key.to_vec(),
            partition,
            stops,
            orders: Vec::new(),
        })
        .collect()
}
