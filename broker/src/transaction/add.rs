//! Partitions come into a transaction.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;

use super::{Effect, Phase, Place, Producer, State, Transaction};
use crate::ticket::Ticket;

/// How many additions may wait for their turn.
const WAITING_MAX: usize = 64;

/// How long one waits; then its client is told to come again. A marker that cannot be written holds up nobody for ever.
const WAIT_MS: i64 = 5_000;

/// Partitions to be added to a transaction whose turn has not come.
#[derive(Debug, Clone)]
pub(super) struct Addition {
    ticket: Ticket,
    producer: Producer,
    places: BTreeSet<Place>,
    pub(super) until_ms: i64,
}

impl Transaction {
    /// Adds partitions; while the transaction before is on its way to its end, or a change to be stored, when that is
    /// over. So a client need not try again after a pause.
    pub(super) fn add_or_wait(
        &mut self,
        ticket: Ticket,
        producer: Producer,
        places: BTreeSet<Place>,
        now_ms: i64,
    ) -> Vec<Effect> {
        match self.add(producer, &places, now_ms) {
            Ok(Some(state)) => self.store(state, Some(ticket)),
            Ok(None) => vec![Effect::Answer(ticket, Ok(producer))],
            Err(ErrorCode::ConcurrentTransactions) if self.waiting.len() < WAITING_MAX => {
                self.waiting.push_back(Addition {
                    ticket,
                    producer,
                    places,
                    until_ms: now_ms.saturating_add(WAIT_MS),
                });
                Vec::new()
            }
            Err(code) => vec![Effect::Answer(ticket, Err(code))],
        }
    }

    /// Goes on with what waits, as far as it may.
    pub(super) fn add_waiting(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_busy = |transaction: &Transaction| {
            let ends = |state: &State| matches!(state.phase, Phase::Preparing { .. });
            transaction.next.is_some() || transaction.state.as_ref().is_some_and(ends)
        };
        while !is_busy(self)
            && let Some(next) = self.waiting.pop_front()
        {
            effects.extend(self.add_or_wait(next.ticket, next.producer, next.places, now_ms));
        }
        effects
    }

    /// Tells those who have waited for too long to come again.
    pub(super) fn refuse_overdue(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(overdue) = self.waiting.pop_front_if(|addition| addition.until_ms <= now_ms) {
            let refused = Err(ErrorCode::ConcurrentTransactions);
            effects.push(Effect::Answer(overdue.ticket, refused));
        }
        effects
    }

    fn add(
        &self,
        producer: Producer,
        places: &BTreeSet<Place>,
        now_ms: i64,
    ) -> Result<Option<State>, ErrorCode> {
        let state = self.known(producer)?;
        self.unless_storing()?;
        let phase = match &state.phase {
            Phase::Preparing { .. } => return Err(ErrorCode::ConcurrentTransactions),
            Phase::Ongoing { places: before, .. } if before.is_superset(places) => return Ok(None),
            Phase::Ongoing {
                places: before,
                since_ms,
            } => Phase::Ongoing {
                places: before.union(places).cloned().collect(),
                since_ms: *since_ms,
            },
            Phase::Empty | Phase::Completed(_) => Phase::Ongoing {
                places: places.clone(),
                since_ms: now_ms,
            },
        };
        Ok(Some(State { phase, ..*state }))
    }
}
