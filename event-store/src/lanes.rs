//! The events that an aggregate has in several logs, one after the other in their order (`merged.rs`), each read once.
//!
//! Each log is a lane, which keeps the log's order; of all lanes' next events the one that comes first is next. No time in a lane
//! goes back, so this is the order of all. Where each lane stands is all that is to be known to go on (`Reached`): so a snapshot
//! can.
//! Invariant: what comes out within a cut are its first events, whatever they are counted up to: a larger cut may only put others
//! between them. Left out: a bound on what the lanes read ahead, all together; each reads as one log's events are read.

use annals_kafka_wire::batch::Record;
use annals_segment_log::Removals;

use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::Spot;
use crate::index::{PartitionIndex, TopicIndex};
use crate::source::Cursor;
use crate::store::EventStore;

/// By what events of several logs stand in order: the time that one counts as recorded at, the place of its log, its offset.
pub(crate) type Rank = (i64, usize, i64);

/// How many of an aggregate's events are within a cut, log by log.
#[derive(Debug)]
pub(crate) struct Counted {
    events: Vec<usize>,
    /// What had gone from the logs when they were counted.
    removals: Vec<Removals>,
}

impl Counted {
    /// How many there are in the log at this place.
    pub(crate) fn at(&self, place: usize) -> usize {
        self.events.get(place).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self) -> usize {
        self.events.iter().sum()
    }
}

/// How far a lane has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// How many of its events have been given out.
    pub(crate) events: usize,
    /// The offset of the last of them, and the time it counts as recorded at; nothing before the first.
    pub(crate) last: Option<(i64, i64)>,
}

impl Reached {
    /// The same with one more event, which counts as recorded no earlier than the one before, and with it where it cannot be read.
    pub(crate) fn after(self, offset: i64, recorded_ms: Option<i64>) -> Reached {
        let before = self.last.map_or(i64::MIN, |(_, ms)| ms);
        let ms = recorded_ms.map_or(before, |ms| before.max(ms));
        Reached {
            events: self.events + 1,
            last: Some((offset, ms)),
        }
    }
}

/// The events of one log, from the next on.
struct Lane<'a> {
    log: &'a PartitionIndex,
    reached: Reached,
    /// How far it will have come with the next event; nothing behind the last.
    next: Option<Reached>,
    /// The offsets behind it.
    offsets: std::vec::IntoIter<i64>,
    cursor: Cursor<'a>,
}

impl Lane<'_> {
    /// Looks at the event behind those that were given out.
    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = match self.offsets.next() {
            None => None,
            Some(offset) => {
                let read = self.cursor.record(offset)?;
                let recorded_ms = read.ok().map(|record| record.timestamp_ms);
                Some(self.reached.after(offset, recorded_ms))
            }
        };
        Ok(())
    }

    fn rank(&self) -> Option<Rank> {
        let (offset, ms) = self.next?.last?;
        Some((ms, self.log.place, offset))
    }
}

/// See the module.
pub(crate) struct Lanes<'a> {
    lanes: Vec<Lane<'a>>,
    revision: u64,
    /// The lane that gave the last event, and still stands at it.
    at: Option<usize>,
}

impl TopicIndex {
    /// Counts a key's events within a cut.
    pub(crate) fn counted(&self, key: &[u8], cut: &Cut) -> Result<Counted, StoreError> {
        let removals = self.partitions.iter().map(|log| log.log.removals()).collect();
        let events = self.partitions.iter().map(|log| match log.last(cut) {
            -1 => Ok(0),
            last => log.within(key, last),
        });
        let events = events.collect::<Result<_, _>>()?;
        Ok(Counted { events, removals })
    }

    /// A key's first events of each log, as many as is said.
    pub(crate) fn counted_as(&self, events: Vec<usize>) -> Counted {
        let removals = self.partitions.iter().map(|log| log.log.removals()).collect();
        Counted { events, removals }
    }

    /// A key's events that were counted, from where each log's lane stands on.
    pub(crate) fn lanes<'a>(
        &'a self,
        store: &'a EventStore,
        key: &[u8],
        counted: &Counted,
        reached: &dyn Fn(usize) -> Reached,
    ) -> Result<Lanes<'a>, StoreError> {
        let mut lanes = Vec::new();
        let mut revision = 0;
        for (log, removals) in self.partitions.iter().zip(&counted.removals) {
            let events = counted.at(log.place);
            if events == 0 {
                continue;
            }
            let reached = reached(log.place);
            let offsets = log.offsets(key, reached.events..events)?;
            // Otherwise these are not the events that were counted.
            log.still(*removals)?;
            let mut lane = Lane {
                log,
                reached,
                next: None,
                cursor: Cursor::of_key(store, log, key, &offsets),
                offsets: offsets.into_iter(),
            };
            lane.advance()?;
            revision += reached.events as u64;
            lanes.push(lane);
        }
        Ok(Lanes {
            lanes,
            revision,
            at: None,
        })
    }

    /// A key's events within a cut, in their order, counted from 0.
    pub(crate) fn in_order(
        &self,
        store: &EventStore,
        key: &[u8],
        cut: &Cut,
    ) -> Result<Vec<Spot>, StoreError> {
        let counted = self.counted(key, cut)?;
        self.lanes(store, key, &counted, &|_| Reached::default())?
            .spots(counted.total())
    }
}

impl Lanes<'_> {
    /// The rank of the next event; nothing behind the last.
    pub(crate) fn rank(&self) -> Option<Rank> {
        self.lanes.iter().filter_map(Lane::rank).min()
    }

    /// Goes on to the next event, and says where it sits; nothing behind the last.
    pub(crate) fn next_spot(&mut self) -> Result<Option<Spot>, StoreError> {
        if let Some(lane) = self.at.take().and_then(|at| self.lanes.get_mut(at)) {
            lane.advance()?;
        }
        let ranked = self.lanes.iter().enumerate();
        let ranked = ranked.filter_map(|(at, lane)| Some((lane.rank()?, at)));
        let Some(((_, place, offset), at)) = ranked.min() else {
            return Ok(None);
        };
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.reached = lane.next.unwrap_or(lane.reached);
        }
        let revision = self.revision;
        self.revision += 1;
        self.at = Some(at);
        Ok(Some(Spot {
            offset,
            revision,
            place,
        }))
    }

    /// The record of the event it stands at, or a sentence why it cannot be read.
    ///
    /// # Errors
    /// The question has come to its end.
    pub(crate) fn record(&mut self) -> Result<Result<&Record, String>, StoreError> {
        let lane = self.at.and_then(|at| self.lanes.get_mut(at));
        match lane.and_then(|lane| Some((lane.reached.last?, &mut lane.cursor))) {
            Some(((offset, _), cursor)) => cursor.record(offset),
            None => Ok(Err("it stands at no event".to_owned())),
        }
    }

    /// Passes over events until so many have been given out, those before it was begun with too.
    pub(crate) fn pass_to(&mut self, events: usize) -> Result<(), StoreError> {
        while self.revision < events as u64 && self.next_spot()?.is_some() {}
        Ok(())
    }

    /// Where the next events sit, so many at most.
    pub(crate) fn spots(&mut self, max: usize) -> Result<Vec<Spot>, StoreError> {
        let mut spots = Vec::new();
        while spots.len() < max
            && let Some(spot) = self.next_spot()?
        {
            spots.push(spot);
        }
        Ok(spots)
    }

    /// How many events of each log have been given out, of those that were counted.
    pub(crate) fn given(&self, counted: Counted) -> Counted {
        let mut events = vec![0; counted.events.len()];
        for lane in &self.lanes {
            if let Some(events) = events.get_mut(lane.log.place) {
                *events = lane.reached.events;
            }
        }
        Counted { events, ..counted }
    }

    /// The cut with what has been given out of all that there is up to the head: each log ends with the last of its events, or
    /// before the first, or where the aggregate has none in it with the head.
    pub(crate) fn cut(&self, index: &TopicIndex, head: &Cut) -> Cut {
        let ends = index.partitions.iter().map(|log| {
            let lane = self.lanes.iter().find(|lane| lane.log.place == log.place);
            let last = match lane.map(|lane| (lane.reached.last, lane.next.and_then(|next| next.last))) {
                Some((Some((last, _)), _)) => last,
                Some((None, Some((first, _)))) => first - 1,
                _ => log.last(head),
            };
            (log.in_cut(), last)
        });
        ends.collect()
    }
}
