//! One transactional id, as a pure state machine: (state, event, time) → (state, effects).
//!
//! ```text
//!                 add partitions                end, or time is over           markers are written
//!  Empty ------------------------> Ongoing ------------------------> Preparing --------------------> Completed
//!                                   ^  add partitions                 the decision                      |
//!                                   `------------------------------------------------------------------'
//! ```
//!
//! A transaction's outcome is decided when *Preparing* is durable: from then on it comes about, whatever happens, by a
//! marker in each partition it wrote to. A producer that comes again (InitProducerId) gets a higher epoch, so that the
//! one before it is fenced; what that one had open is aborted first. Rules: KIP-98, KIP-360.
//!
//! Invariant: a state counts, and its ticket is answered, once it is stored; meanwhile everybody else is told to come
//! again (CONCURRENT_TRANSACTIONS). The epoch of a producer id never falls. Where the client knows KIP-890, every
//! transaction has an epoch of its own: what comes late from one that has ended enters no other.
//!
//! Left out: storing, markers and clocks (the coordinator's).

use std::collections::{BTreeSet, VecDeque};

use annals_kafka_wire::error::ErrorCode;

use crate::ticket::Ticket;

mod add;
mod end;
mod state;
#[cfg(test)]
mod tests;

use add::Addition;
use end::Ended;
pub(crate) use state::{Outcome, Phase, Place, Producer, State};

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A producer begins, perhaps again.
    Init {
        ticket: Ticket,
        timeout_ms: i32,
        /// What it was before, if it knows.
        known: Option<Producer>,
        /// A producer id that nobody has, in case one is needed.
        fresh_id: i64,
    },
    /// It will write to these partitions.
    Add(Ticket, Producer, BTreeSet<Place>),
    /// It ends its transaction.
    End {
        ticket: Ticket,
        producer: Producer,
        outcome: Outcome,
        /// It goes on under another epoch (KIP-890), or as this id, which nobody has, when it has none left.
        fresh_id: Option<i64>,
    },
    /// What [`Effect::Store`] asked for was done, or could not be.
    Stored { store: u64, is_stored: bool },
    /// Every marker is durable.
    Marked,
    /// Time has passed.
    Tick,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Store this state, then say so by [`Event::Stored`] with the same number.
    Store(u64, State),
    /// Write a marker to each of these partitions, then say so by [`Event::Marked`].
    Mark(Producer, Outcome, BTreeSet<Place>),
    /// The producer to go on as, or why not.
    Answer(Ticket, Result<Producer, ErrorCode>),
}

/// A state on its way to be stored.
#[derive(Debug, Clone)]
struct Next {
    store: u64,
    state: State,
    /// Who is answered then.
    ticket: Option<Ticket>,
}

/// One transactional id, see the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    state: Option<State>,
    next: Option<Next>,
    stores: u64,
    /// Every marker of what is decided is there; what is left is to store that.
    is_marked: bool,
    /// Something could not be stored: not before then is it tried again.
    retry_ms: Option<i64>,
    /// When the state that counts was stored.
    stored_ms: i64,
    /// Partitions to be added when that may be, longest waiting first.
    waiting: VecDeque<Addition>,
}

/// Pause after something could not be stored.
const RETRY_MS: i64 = 1_000;

/// The last epoch there is: after it comes another producer id. One less than the type has, as in Kafka.
pub(crate) const EPOCH_MAX: i16 = i16::MAX - 1;

impl Transaction {
    /// As it was stored at `stored_ms`. What is decided is still to be brought about: see [`Transaction::resume`].
    pub(crate) fn restored(state: State, stored_ms: i64) -> Transaction {
        Transaction {
            state: Some(state),
            stored_ms,
            ..Transaction::default()
        }
    }

    /// What a start has to finish.
    pub(crate) fn resume(&self) -> Vec<Effect> {
        match &self.state {
            Some(state) => state.markers().into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The state that counts.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Whether nobody has used the id for so long, so that it may be forgotten: nothing is open, nor on its way.
    pub(crate) fn is_idle(&self, now_ms: i64, for_ms: i64) -> bool {
        let is_over = |state: &State| matches!(state.phase, Phase::Empty | Phase::Completed(_));
        let is_old = now_ms.saturating_sub(self.stored_ms) >= for_ms;
        self.next.is_none() && self.state.as_ref().is_none_or(|state| is_old && is_over(state))
    }

    /// Whether the producer's transaction is open in the partition, so that it may write there.
    pub(crate) fn check_open_in(&self, producer: Producer, place: &Place) -> Result<(), ErrorCode> {
        let state = self.known(producer)?;
        let holds =
            |state: &State| matches!(&state.phase, Phase::Ongoing { places, .. } if places.contains(place));
        let ends = |next: &Next| !matches!(next.state.phase, Phase::Ongoing { .. });
        match holds(state) && !self.next.as_ref().is_some_and(ends) {
            true => Ok(()),
            false => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline_ms(&self) -> Option<i64> {
        let waits_until_ms = self.waiting.front().map(|addition| addition.until_ms);
        self.due_ms().into_iter().chain(waits_until_ms).min()
    }

    /// When the transaction is to go on by itself.
    fn due_ms(&self) -> Option<i64> {
        let state = self.state.as_ref().filter(|_| self.next.is_none())?;
        match &state.phase {
            Phase::Ongoing { since_ms, .. } => {
                let deadline_ms = since_ms.saturating_add(i64::from(state.timeout_ms));
                Some(
                    self.retry_ms
                        .map_or(deadline_ms, |retry_ms| deadline_ms.max(retry_ms)),
                )
            }
            Phase::Preparing { .. } if self.is_marked => self.retry_ms,
            Phase::Preparing { .. } | Phase::Empty | Phase::Completed(_) => None,
        }
    }

    /// Takes in what happens at `now_ms`.
    pub(crate) fn on(&mut self, event: Event, now_ms: i64) -> Vec<Effect> {
        match event {
            Event::Init {
                ticket,
                timeout_ms,
                known,
                fresh_id,
            } => match self.init(timeout_ms, known, fresh_id) {
                Ok(state) => self.store(state, Some(ticket)),
                Err(Refused { code, fence }) => {
                    let answer = Effect::Answer(ticket, Err(code));
                    let fence = fence.map(|state| self.store(state, None)).unwrap_or_default();
                    [fence, vec![answer]].concat()
                }
            },
            Event::Add(ticket, producer, places) => self.add_or_wait(ticket, producer, places, now_ms),
            Event::End {
                ticket,
                producer,
                outcome,
                fresh_id,
            } => {
                let ended = match fresh_id {
                    Some(fresh_id) => self.end_and_go_on(producer, outcome, fresh_id),
                    None => self.end(producer, outcome),
                };
                match ended {
                    Ok(Ended::Decided(state)) => self.store(state, Some(ticket)),
                    Ok(Ended::Before(goes_on)) => vec![Effect::Answer(ticket, Ok(goes_on))],
                    Err(code) => vec![Effect::Answer(ticket, Err(code))],
                }
            }
            Event::Stored { store, is_stored } => {
                let mut effects = self.stored(store, is_stored, now_ms);
                effects.extend(self.add_waiting(now_ms));
                effects
            }
            Event::Marked => {
                self.is_marked = true;
                self.complete()
            }
            Event::Tick => {
                let mut effects = self.refuse_overdue(now_ms);
                if self.due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                    effects.extend(match self.state.as_ref().and_then(State::fenced) {
                        Some(aborted) => self.store(aborted, None),
                        None => self.complete(),
                    });
                }
                effects
            }
        }
    }

    /// The producer's next epoch.
    fn init(&self, timeout_ms: i32, known: Option<Producer>, fresh_id: i64) -> Result<State, Refused> {
        let Some(state) = &self.state else {
            // Nobody knows who it was: the id's history has expired, as in Kafka it goes on under a new one.
            self.unless_storing()?;
            return Ok(State {
                producer: Producer {
                    id: fresh_id,
                    epoch: 0,
                },
                last: None,
                next_id: None,
                timeout_ms,
                phase: Phase::Empty,
            });
        };
        let current = state.producer;
        // Who asks again because the answer got lost is still who it was before.
        let is_again = |known: Producer| state.last == Some(known);
        if known.is_some_and(|known| known != current && !is_again(known)) {
            return Err(ErrorCode::ProducerFenced.into());
        }
        self.unless_storing()?;
        match &state.phase {
            Phase::Preparing { .. } => return Err(ErrorCode::ConcurrentTransactions.into()),
            Phase::Ongoing { .. } => {
                return Err(Refused {
                    code: ErrorCode::ConcurrentTransactions,
                    fence: state.fenced(),
                });
            }
            Phase::Empty | Phase::Completed(_) => {}
        }
        let phase = Phase::Empty;
        if known.is_some_and(is_again) {
            return Ok(State {
                timeout_ms,
                phase,
                ..*state
            });
        }
        let producer = match current.epoch >= EPOCH_MAX {
            true => Producer {
                id: fresh_id,
                epoch: 0,
            },
            false => current.next(),
        };
        Ok(State {
            producer,
            last: known,
            next_id: None,
            timeout_ms,
            phase,
        })
    }

    /// Every marker is there: the transaction is over once that is stored.
    fn complete(&mut self) -> Vec<Effect> {
        match &self.state {
            Some(state) if self.next.is_none() => match &state.phase {
                Phase::Preparing { outcome, .. } => {
                    let state = State {
                        producer: state.goes_on(),
                        next_id: None,
                        phase: Phase::Completed(*outcome),
                        ..*state
                    };
                    self.store(state, None)
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn store(&mut self, state: State, ticket: Option<Ticket>) -> Vec<Effect> {
        self.stores += 1;
        let store = self.stores;
        self.next = Some(Next {
            store,
            state: state.clone(),
            ticket,
        });
        vec![Effect::Store(store, state)]
    }

    fn stored(&mut self, store: u64, is_stored: bool, now_ms: i64) -> Vec<Effect> {
        let Some(next) = self.next.take_if(|next| next.store == store) else {
            return Vec::new();
        };
        if !is_stored {
            self.retry_ms = Some(now_ms.saturating_add(RETRY_MS));
            let refused = Err(ErrorCode::CoordinatorNotAvailable);
            return next
                .ticket
                .map(|ticket| Effect::Answer(ticket, refused))
                .into_iter()
                .collect();
        }
        (self.retry_ms, self.is_marked, self.stored_ms) = (None, false, now_ms);
        let answer = next
            .ticket
            .map(|ticket| Effect::Answer(ticket, Ok(next.state.goes_on())));
        let markers = next.state.markers();
        self.state = Some(next.state);
        answer.into_iter().chain(markers).collect()
    }

    /// The state, if this is its producer.
    fn known(&self, producer: Producer) -> Result<&State, ErrorCode> {
        let state = self
            .state
            .as_ref()
            .filter(|state| state.producer.id == producer.id);
        let state = state.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        match state.producer.epoch == producer.epoch {
            true => Ok(state),
            false => Err(ErrorCode::ProducerFenced),
        }
    }

    fn unless_storing(&self) -> Result<(), ErrorCode> {
        match self.next {
            Some(_) => Err(ErrorCode::ConcurrentTransactions),
            None => Ok(()),
        }
    }
}

/// Why a producer does not begin, and what is done for it to begin later.
struct Refused {
    code: ErrorCode,
    fence: Option<State>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Refused {
        Refused { code, fence: None }
    }
}
