//! Partitions come into a transaction.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;

use super::{Effect, Phase, Place, Producer, State, Transaction};
use crate::ticket::Ticket;

/// How many additions may wait for their turn.
const WAITING_MAX: usize = 64;

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
                self.waiting.push_back((ticket, producer, places));
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
            && let Some((ticket, producer, places)) = self.waiting.pop_front()
        {
            effects.extend(self.add_or_wait(ticket, producer, places, now_ms));
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
