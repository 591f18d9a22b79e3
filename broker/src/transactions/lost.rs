//! Markers that were lost: transactions that are over, and that a partition still has open.
//!
//! A marker is on the disk before its transaction counts as over, so nothing but damage takes it away. When that has been
//! mended, nobody would ever again read past the transaction it ended. So a start writes it once more: as the last
//! decision says that names the partition, or, where compaction has let go of that, as the transaction ended that the
//! epoch tells from all others (KIP-890).
//!
//! Invariant: a decision ends what was written with the epoch it ended, and no other. A transaction of which none is left
//! stays open, and the log says where. Before KIP-890 a producer's transactions share an epoch: the last decision that
//! names the partition counts.

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
        for place in places {
            let Some(seen) = self.0.get_mut(&(state.producer.id, place.clone())) else {
                continue;
            };
            if ended_by(state, seen.epoch) {
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
                for place in places {
                    self.0.remove(&(state.producer.id, place.clone()));
                }
            }
            (Phase::Completed(outcome), Some(last)) => {
                let first = (last.id, (String::new(), i32::MIN));
                for ((_, _), seen) in self
                    .0
                    .range_mut(first..)
                    .take_while(|((id, _), _)| *id == last.id)
                {
                    if seen.epoch == last.epoch {
                        seen.decided.get_or_insert((last.next(), *outcome));
                    }
                }
            }
            (Phase::Completed(_) | Phase::Empty, _) => {}
        }
    }
}

/// Whether the transaction that this decision ended was written with such an epoch. Where each transaction has an epoch of
/// its own (KIP-890), a later one of the same producer, whose own decision is not known, is none of it; before that, an end
/// is written with the epoch of what it ends, or, by a fence, with the next.
fn ended_by(state: &State, epoch: i16) -> bool {
    match state.last {
        Some(last) if last.id == state.producer.id => epoch == last.epoch,
        _ => epoch == state.producer.epoch || Some(epoch) == state.producer.epoch.checked_sub(1),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done with a transaction that is open with epoch 5, behind this decision of its producer.
    fn decided(epoch: i16, last: Option<i16>, outcome: Outcome) -> Option<Outcome> {
        let place: Place = ("t".to_owned(), 0);
        let seen = Seen {
            epoch: 5,
            decided: None,
        };
        let mut open = Open(BTreeMap::from([((7, place.clone()), seen)]));
        let state = |phase| State {
            producer: Producer { id: 7, epoch },
            last: last.map(|epoch| Producer { id: 7, epoch }),
            next_id: None,
            timeout_ms: 60_000,
            phase,
        };
        open.note(&state(Phase::Preparing {
            places: BTreeSet::from([place]),
            outcome,
        }));
        let lost = open.lost([state(Phase::Completed(outcome))].iter());
        lost.first().map(|lost| lost.outcome)
    }

    #[test]
    fn a_decision_ends_what_has_its_epoch() {
        let committed = Some(Outcome::Commit);
        assert_eq!(decided(6, Some(5), Outcome::Commit), committed);
        assert_eq!(
            decided(5, Some(4), Outcome::Commit),
            None,
            "that was the one before"
        );
        assert_eq!(decided(7, Some(6), Outcome::Commit), None);
        assert_eq!(decided(5, None, Outcome::Commit), committed, "before KIP-890");
        assert_eq!(decided(6, None, Outcome::Abort), Some(Outcome::Abort), "a fence");
        assert_eq!(decided(4, None, Outcome::Abort), None);
    }
}
