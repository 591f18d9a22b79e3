//! Where a transactional id stands.

use std::collections::BTreeSet;

use super::{EPOCH_MAX, Effect};

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
    /// What it was before, when it became another by its own request: who asks again has not heard of that.
    pub(crate) last: Option<Producer>,
    /// The id it goes on with once the transaction is over, where it has no epochs left.
    pub(crate) next_id: Option<i64>,
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
            last: None,
            next_id: None,
            timeout_ms: self.timeout_ms,
            phase: Phase::Preparing {
                places: places.clone(),
                outcome: Outcome::Abort,
            },
        })
    }

    /// The transaction's end, by which its producer becomes the next one (KIP-890): what it sent before and comes late is
    /// not its any more. `fresh_id` is a producer id that nobody has.
    pub(super) fn ended(&self, places: BTreeSet<Place>, outcome: Outcome, fresh_id: i64) -> State {
        State {
            producer: self.producer.next(),
            last: Some(self.producer),
            next_id: (self.producer.epoch >= EPOCH_MAX).then_some(fresh_id),
            timeout_ms: self.timeout_ms,
            phase: Phase::Preparing { places, outcome },
        }
    }

    /// Whether its producer became another with the last transaction's end, so that it may ask again as who it was.
    pub(crate) fn has_gone_on(&self) -> bool {
        let has_ended = matches!(self.phase, Phase::Preparing { .. } | Phase::Completed(_));
        has_ended && self.last.is_some()
    }

    /// The producer that goes on from here.
    pub(super) fn goes_on(&self) -> Producer {
        match self.next_id {
            Some(id) => Producer { id, epoch: 0 },
            None => self.producer,
        }
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
    /// Who it was before it became this one, when its id was that.
    pub(crate) fn before(self, id: i64) -> Producer {
        let epoch = match id == self.id {
            true => self.epoch.saturating_sub(1),
            false => EPOCH_MAX,
        };
        Producer { id, epoch }
    }

    /// Its next life. The last epoch is kept free for this, so that there always is one.
    pub(crate) fn next(self) -> Producer {
        Producer {
            id: self.id,
            epoch: self.epoch.saturating_add(1),
        }
    }
}
