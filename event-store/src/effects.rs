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
use crate::changes::values;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Folding;
use crate::index::TopicIndex;
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
            self.count_in_order(&aggregate.index, cut, found)?;
        }
        let wanted = wanted(&aggregate.index, found);
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
        let mut done = self.sweep(aggregate, &[cut], &wanted, &look)?;
        let largest = done.iter().map(|of| of.iter().map(|done| done.values).max());
        size.aggregates.took(wanted.len(), largest.flatten().sum());
        let mut bytes = 0;
        for one in &mut *found {
            let Some(place) = place(aggregate.index.home(one.spot.place), &one.key) else {
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

    /// Of several topics a revision is a place in the order that an aggregate's events have within a cut.
    fn count_in_order(&self, index: &TopicIndex, cut: &Cut, found: &mut [Found]) -> Result<(), StoreError> {
        let mut by_key: BTreeMap<Vec<u8>, BTreeMap<(usize, i64), &mut Found>> = BTreeMap::new();
        for one in found {
            let of = by_key.entry(one.key.clone()).or_default();
            of.insert((one.spot.place, one.spot.offset), one);
        }
        for (key, mut of) in by_key {
            for spot in index.in_order(self, &key, cut)? {
                if let Some(one) = of.remove(&(spot.place, spot.offset)) {
                    (one.spot, one.deed.by.revision) = (spot, spot.revision);
                }
            }
        }
        Ok(())
    }
}

/// The aggregates of some events, to be looked at before and behind each.
fn wanted(index: &TopicIndex, found: &[Found]) -> Vec<Wanted> {
    let mut stops: BTreeMap<(usize, &[u8]), Vec<usize>> = BTreeMap::new();
    for one in found {
        let revision = usize::try_from(one.spot.revision).unwrap_or(usize::MAX);
        let stops = stops.entry((index.home(one.spot.place), &one.key)).or_default();
        stops.extend([revision, revision.saturating_add(1)]);
    }
    stops
        .into_iter()
        .map(|((partition, key), mut stops)| {
            // In one partition they rise as they are found.
            stops.sort_unstable();
            stops.dedup();
            Wanted {
                key: key.to_vec(),
                partition,
                stops,
            }
        })
        .collect()
}
