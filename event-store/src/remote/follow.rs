//! Where a topic's keys have their events, as far as it was read.
//!
//! Invariant: what a key's revisions are rests on the committed records before `next`, in the order of the log. Recorded
//! times never run backwards.

use std::collections::BTreeMap;

use annals_kafka_client::Portion;
use rustc_hash::FxHashMap;

use crate::at::{AsOf, AtError};
use crate::cut::Cut;
use crate::error::StoreError;
use crate::key::key_text;

/// One event's offset, and a time by which all records up to it were recorded.
pub(super) type Spot = (i64, i64);

/// A partition, as far as it was read.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) next: i64,
    recorded_ms: i64,
    keys: FxHashMap<Box<[u8]>, Vec<Spot>>,
}

impl Followed {
    pub(super) fn take(&mut self, portion: Portion) {
        for record in portion.records {
            self.recorded_ms = self.recorded_ms.max(record.timestamp_ms);
            let spot = (record.offset, self.recorded_ms);
            let Some(key) = record.key else { continue };
            match self.keys.get_mut(&*key) {
                Some(spots) => spots.push(spot),
                None => drop(self.keys.insert(Box::from(&*key), vec![spot])),
            }
        }
        self.next = self.next.max(portion.next_offset);
    }

    pub(super) fn events(&self, key: &[u8]) -> &[Spot] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// A key's events up to an offset.
    fn within(&self, key: &[u8], last: i64) -> &[Spot] {
        let events = self.events(key);
        let count = events.partition_point(|(offset, _)| *offset <= last);
        &events[..count]
    }
}

/// All that was read, as a cut.
pub(super) fn head(partitions: &[Followed]) -> Cut {
    (0..)
        .zip(partitions)
        .map(|(number, one)| (number, one.next - 1))
        .collect()
}

/// The partition a key's events are in, a cut, and its events within.
pub(super) type Found<'a> = (Option<u32>, Cut, &'a [Spot]);

/// A key's events up to a point. `times` has the last offset of each partition at the time asked for. A key in several
/// partitions has its events in the lowest one that has any within the cut, as everywhere else.
pub(super) fn find<'a>(
    partitions: &'a [Followed],
    topic: &str,
    key: &[u8],
    at: &AsOf,
    times: &BTreeMap<u32, i64>,
) -> Result<Found<'a>, StoreError> {
    let head = head(partitions);
    let lowered = |to: &dyn Fn(u32) -> i64| -> Cut {
        let ends = head.iter();
        ends.map(|(number, last)| (number, last.min(to(number))))
            .collect()
    };
    let cut = match at {
        AsOf::Head | AsOf::Offset(_) | AsOf::Revision(_) => head.clone(),
        AsOf::Time(_) => lowered(&|number| times.get(&number).copied().unwrap_or(-1)),
        AsOf::Cut(cut) => {
            let count = partitions.len();
            if let Some((beyond, _)) = cut.iter().find(|(number, _)| *number as usize >= count) {
                let problem = format!("topic {topic} has {count} partitions, and no {beyond}");
                return Err(AtError::new(at, problem).into());
            }
            lowered(&|number| cut.last(number))
        }
    };
    let mut numbered = (0..).zip(partitions);
    let found = numbered.find(|(number, one)| !one.within(key, cut.last(*number)).is_empty());
    let no_such_revision = |revision: u64, events: usize| StoreError::NoSuchRevision {
        aggregate: topic.to_owned(),
        id: key_text(key),
        revision,
        last: events.saturating_sub(1) as u64,
    };
    let Some((number, one)) = found else {
        return match at {
            AsOf::Revision(revision) => Err(no_such_revision(*revision, 0)),
            _ => Ok((None, cut, &[])),
        };
    };
    let last = match at {
        AsOf::Offset(offset) => *offset,
        AsOf::Revision(revision) => {
            let events = one.events(key);
            let place = usize::try_from(*revision).ok();
            let spot = place.and_then(|place| events.get(place));
            spot.ok_or_else(|| no_such_revision(*revision, events.len()))?.0
        }
        _ => cut.last(number),
    };
    let cut: Cut = cut
        .iter()
        .map(|(other, end)| (other, if other == number { end.min(last) } else { end }))
        .collect();
    let events = one.within(key, cut.last(number));
    Ok((Some(number), cut, events))
}
