//! Where a transactional id stands.

use std::collections::BTreeSet;

use super::Effect;

/// A partition, by topic and number.
pub(crate) type Place = (String, i32);

/// A producer as it names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Abort,
    Commit,
}

/// Where the transaction is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There was none yet.
    Empty,
    Ongoing {
        places: BTreeSet<Place>,
        since_ms: i64,
    },
    /// It is decided, and its markers are on their way.
    Preparing {
        places: BTreeSet<Place>,
        outcome: Outcome,
    },
    Completed(Outcome),
}

/// What is stored of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) producer: Producer,
    /// The epoch before it, when the producer asked for another itself.
    pub(crate) last_epoch: i16,
    /// How long a transaction may stay open.
    pub(crate) timeout_ms: i32,
    pub(crate) phase: Phase,
}

impl State {
    /// The transaction's abortion, by which its producer is fenced. `None` where nothing is open.
    pub(super) fn fenced(&self) -> Option<State> {
        let Phase::Ongoing { places, .. } = &self.phase else {
            return None;
        };
        Some(State {
            producer: self.producer.next(),
            last_epoch: -1,
            timeout_ms: self.timeout_ms,
            phase: Phase::Preparing {
                places: places.clone(),
                outcome: Outcome::Abort,
            },
        })
    }

    /// The markers that bring about what is decided.
    pub(super) fn markers(&self) -> Option<Effect> {
        match &self.phase {
            Phase::Preparing { places, outcome } => {
                Some(Effect::Mark(self.producer, *outcome, places.clone()))
            }
            _ => None,
        }
    }
}

impl Producer {
    /// Its next life. The last epoch is kept free for this, so that there always is one.
    pub(super) fn next(self) -> Producer {
        Producer {
            id: self.id,
            epoch: self.epoch.saturating_add(1),
        }
    }
}
