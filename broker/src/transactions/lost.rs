//! Markers that were lost: transactions that are over, and that a partition still has open.
//!
//! A marker is on the disk before its transaction counts as over, so nothing but damage takes it away. When that has been
//! mended, nobody would ever again read past the transaction it ended. So a start writes it once more: as the last
//! decision says that names the partition, or, where compaction has let go of that, as the transaction ended that the
//! epoch tells from all others (KIP-890).
//!
//! Invariant: nothing is guessed. A transaction of which no decision is left stays open, and the log says where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::markers;
use crate::broker::Shared;
use crate::topics::TopicMap;
use crate::transaction::{Outcome, Phase, Place, Producer, State};

/// What partitions have open, and what was decided of it.
pub(super) struct Open(BTreeMap<(i64, Place), Seen>);

struct Seen {
    /// The producer's epoch in the partition.
    epoch: i16,
    decided: Option<(Producer, Outcome)>,
}

/// A transaction that is over, and where it is still open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    producer: Producer,
    outcome: Outcome,
    places: BTreeSet<Place>,
}

impl Open {
    /// What all partitions have open.
    pub(super) fn of(topics: &TopicMap) -> Open {
        let mut open = BTreeMap::new();
        for topic in topics.list() {
            let undecided = (0..)
                .zip(&topic.partitions)
                .filter(|(_, partition)| partition.last_stable_offset() < partition.high_watermark());
            for (number, partition) in undecided {
                for known in partition.producers() {
                    if known.transaction_start.is_some() {
                        let seen = Seen {
                            epoch: known.epoch,
                            decided: None,
                        };
                        open.insert((known.id, (topic.name.clone(), number)), seen);
                    }
                }
            }
        }
        Open(open)
    }

    /// Takes in where a transactional id stood, oldest first.
    pub(super) fn note(&mut self, state: &State) {
        let Phase::Preparing { places, outcome } = &state.phase else {
            return;
        };
        for ((id, place), seen) in &mut self.0 {
            if *id == state.producer.id && places.contains(place) {
                seen.decided = Some((state.producer, *outcome));
            }
        }
    }

    /// What is open and should not be, where these are the states that all transactional ids have come to.
    pub(super) fn lost<'a>(mut self, states: impl Iterator<Item = &'a State>) -> Vec<Lost> {
        for state in states {
            self.judge(state);
        }
        let mut lost: Vec<Lost> = Vec::new();
        for ((producer_id, place), seen) in self.0 {
            let Some((producer, outcome)) = seen.decided else {
                tracing::error!(
                    topic = %place.0, partition = place.1, producer_id,
                    "a transaction is open here that nobody will end: its outcome is not known any more"
                );
                continue;
            };
            let same = |lost: &&mut Lost| (lost.producer, lost.outcome) == (producer, outcome);
            match lost.iter_mut().find(same) {
                Some(lost) => drop(lost.places.insert(place)),
                None => lost.push(Lost {
                    producer,
                    outcome,
                    places: BTreeSet::from([place]),
                }),
            }
        }
        lost
    }

    /// What is open by right is none of ours; and a state may say how its last transaction ended.
    fn judge(&mut self, state: &State) {
        match (&state.phase, state.last) {
            (Phase::Ongoing { places, .. } | Phase::Preparing { places, .. }, _) => {
                let is_ours = |(id, place): &(i64, Place)| *id == state.producer.id && places.contains(place);
                self.0.retain(|at, _| !is_ours(at));
            }
            (Phase::Completed(outcome), Some(last)) => {
                for ((id, _), seen) in &mut self.0 {
                    if (*id, seen.epoch) == (last.id, last.epoch) {
                        seen.decided.get_or_insert((last.next(), *outcome));
                    }
                }
            }
            (Phase::Completed(_) | Phase::Empty, _) => {}
        }
    }
}

impl Lost {
    /// Appends the markers before this returns: nothing their producer writes from now on comes before them.
    pub(super) fn mark_again(self, shared: &Arc<Shared>) {
        for (topic, partition) in &self.places {
            tracing::warn!(%topic, partition, producer_id = self.producer.id, outcome = ?self.outcome,
                "the marker of a transaction that is over was lost, and is written again");
        }
        let appended = markers::append(shared, self.producer, self.outcome, self.places);
        let shared = Arc::clone(shared);
        tokio::spawn(async move { appended.settled(&shared).await });
    }
}
