//! How a transaction ends: as its client asks, which goes on as the same producer, or from KIP-890 on as the next.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;

use super::{Outcome, Phase, Producer, State, Transaction};

/// What came of an end.
pub(super) enum Ended {
    /// It is decided, once this is stored.
    Decided(State),
    /// It was before; who goes on from there.
    Before(Producer),
}

impl Transaction {
    pub(super) fn end(&self, producer: Producer, outcome: Outcome) -> Result<Ended, ErrorCode> {
        let state = self.known(producer)?;
        self.unless_storing()?;
        match &state.phase {
            Phase::Ongoing { places, .. } => {
                let places = places.clone();
                let phase = Phase::Preparing { places, outcome };
                // Nobody asks again as who it was before: that was before this transaction.
                let last = None;
                Ok(Ended::Decided(State {
                    last,
                    phase,
                    ..*state
                }))
            }
            // Asked again.
            Phase::Completed(before) if *before == outcome => Ok(Ended::Before(producer)),
            Phase::Preparing { outcome: before, .. } if *before == outcome => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            Phase::Preparing { .. } | Phase::Completed(_) | Phase::Empty => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// As [`Transaction::end`], where the producer goes on under another epoch. Nothing need be open for an abortion:
    /// the client does not know whether what it sent has opened anything.
    pub(super) fn end_and_go_on(
        &self,
        producer: Producer,
        outcome: Outcome,
        fresh_id: i64,
    ) -> Result<Ended, ErrorCode> {
        let last = self.state.as_ref().filter(|state| state.last == Some(producer));
        let state = match last {
            // Asked again: it has not heard that it is another by now.
            Some(state) => {
                self.unless_storing()?;
                return match &state.phase {
                    Phase::Completed(before) if *before == outcome => Ok(Ended::Before(state.producer)),
                    Phase::Preparing { outcome: before, .. } if *before == outcome => {
                        Err(ErrorCode::ConcurrentTransactions)
                    }
                    Phase::Preparing { .. } | Phase::Completed(_) => Err(ErrorCode::InvalidTxnState),
                    Phase::Empty | Phase::Ongoing { .. } => Err(ErrorCode::ProducerFenced),
                };
            }
            None => self.known(producer)?,
        };
        self.unless_storing()?;
        match &state.phase {
            Phase::Ongoing { places, .. } => {
                Ok(Ended::Decided(state.ended(places.clone(), outcome, fresh_id)))
            }
            Phase::Empty | Phase::Completed(_) if outcome == Outcome::Abort => {
                Ok(Ended::Decided(state.ended(BTreeSet::new(), outcome, fresh_id)))
            }
            Phase::Preparing { .. } => Err(ErrorCode::ConcurrentTransactions),
            Phase::Empty | Phase::Completed(_) => Err(ErrorCode::InvalidTxnState),
        }
    }
}
