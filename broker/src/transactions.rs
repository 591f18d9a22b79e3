//! The coordinator of transactions: hands events to each transactional id's state machine, carries out what comes of
//! it, writes the markers, and stores where each stands in `__transaction_state`.
//!
//! Invariant: a producer writes to a partition only while its transaction is open there ([`while_open`]), so that no
//! record comes behind its marker; and what is decided comes about, also after a crash. A transactional id changes
//! under its own lock alone; nothing is waited for under it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_kafka_wire::error::ErrorCode;
use tokio::sync::watch;

use crate::alarm::Stopwatch;
use crate::broker::Shared;
use crate::cells::{self, Cells, lock};
use crate::ticket::{Ticket, Waiting, told};
use crate::transaction::{Effect, Event, Place, Producer, Transaction};

mod describe;
mod lost;
mod markers;
mod store;

pub(crate) use describe::{describe, is_state, state_name};

/// How many transactional ids there may be.
const IDS_MAX: usize = 100_000;

/// Pause before a marker that could not be written is tried again.
const MARKER_PAUSE: Duration = Duration::from_secs(1);

/// All transactional ids.
pub(crate) struct Transactions {
    cells: Cells<Entry>,
    /// Markers that a start has to write again.
    lost: Mutex<Vec<lost::Lost>>,
    /// Time-outs are measured from here: a wall clock may be set.
    stopwatch: Stopwatch,
}

/// One transactional id and who waits for it.
#[derive(Default)]
struct Entry {
    transaction: Transaction,
    waiting: Waiting<Result<Producer, ErrorCode>>,
}

/// One, as it is worked with.
type Held = cells::Held<Entry>;
type Cell = cells::Cell<Entry>;

/// Forgets ids that nobody has used for long, as far as the log can be told.
pub(crate) fn expire(shared: &Arc<Shared>) {
    let for_ms = i64::try_from(shared.config.transactional_id_expiration.as_millis()).unwrap_or(i64::MAX);
    let now_ms = shared.transactions.stopwatch.now_ms();
    for id in shared.transactions.ids() {
        let gone = shared.transactions.cells.with(&id, false, |cell, entry| {
            if !entry.transaction.is_idle(now_ms, for_ms) {
                return None;
            }
            let is_known = entry.transaction.state().is_some();
            if is_known && store::write_none(shared, &id).is_err() {
                return None;
            }
            entry.goes();
            Some(Arc::clone(cell))
        });
        if let Some(cell) = gone.flatten() {
            shared.transactions.cells.remove(&id, &cell);
        }
    }
}

/// Finishes what was decided before the start, and sees to what is open.
pub(crate) fn wake(shared: &Arc<Shared>) {
    for lost in std::mem::take(&mut *lock(&shared.transactions.lost)) {
        lost.mark_again(shared);
    }
    shared.transactions.cells.each(|id, cell, entry| {
        let effects = entry.transaction.resume();
        carry_out(shared, id, cell, entry, effects);
    });
}

/// Hands an event to a transactional id, which is made if there is none and `makes`, and waits for the answer.
pub(crate) async fn ask(
    shared: &Arc<Shared>,
    id: &str,
    makes: bool,
    stop: watch::Receiver<bool>,
    event: impl FnOnce(Ticket) -> Event,
) -> Result<Producer, ErrorCode> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let asked = shared.transactions.cells.with(id, makes, |cell, entry| {
        let (ticket, answer) = entry.waiting.add();
        happen(shared, id, cell, entry, event(ticket));
        answer
    });
    let answer = asked.ok_or(match makes {
        true => ErrorCode::PolicyViolation,
        false => ErrorCode::InvalidProducerIdMapping,
    })?;
    let told = told(answer, stop).await;
    told.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
}

/// Does something that is right only while the producer's transaction is open in a partition.
pub(crate) fn while_open<T>(
    shared: &Shared,
    id: &str,
    producer: Producer,
    place: &Place,
    work: impl FnOnce() -> T,
) -> Result<T, ErrorCode> {
    let done = shared.transactions.cells.with(id, false, |_, entry| {
        entry.transaction.check_open_in(producer, place)?;
        Ok(work())
    });
    done.unwrap_or(Err(ErrorCode::InvalidProducerIdMapping))
}

/// An event, and all that comes of it.
fn happen(shared: &Arc<Shared>, id: &str, cell: &Cell, entry: &mut Held, event: Event) {
    let effects = entry
        .transaction
        .on(event, shared.transactions.stopwatch.now_ms());
    carry_out(shared, id, cell, entry, effects);
}

fn carry_out(shared: &Arc<Shared>, id: &str, cell: &Cell, entry: &mut Held, effects: Vec<Effect>) {
    for effect in effects {
        match effect {
            Effect::Answer(ticket, answer) => entry.waiting.answer(ticket, answer),
            Effect::Store(store, state) => {
                let written = store::write(shared, id, &state);
                let (shared, id, cell) = (Arc::clone(shared), id.to_owned(), Arc::clone(cell));
                tokio::spawn(async move {
                    let is_stored = match written {
                        Ok(written) => written.durable(&shared).await.is_ok(),
                        Err(error) => {
                            tracing::warn!(transactional_id = %id, %error, "a transaction could not be stored");
                            false
                        }
                    };
                    let stored = Event::Stored { store, is_stored };
                    happen(&shared, &id, &cell, &mut lock(&cell), stored);
                });
            }
            Effect::Mark(producer, outcome, places) => {
                let (shared, id, cell) = (Arc::downgrade(shared), id.to_owned(), Arc::clone(cell));
                tokio::spawn(async move {
                    let mut left = places;
                    while let Some(shared) = shared.upgrade() {
                        left = markers::write(&shared, producer, outcome, left).await;
                        if left.is_empty() {
                            happen(&shared, &id, &cell, &mut lock(&cell), Event::Marked);
                            return;
                        }
                        drop(shared);
                        tokio::time::sleep(MARKER_PAUSE).await;
                    }
                });
            }
        }
    }
    let due = (shared.transactions.stopwatch, entry.transaction.deadline_ms());
    let (shared, id) = (Arc::downgrade(shared), id.to_owned());
    entry.wake(cell, due, move |cell, entry| {
        if let Some(shared) = shared.upgrade() {
            happen(&shared, &id, cell, entry, Event::Tick);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_transactional_ids() {
        let cells: Cells<Entry> = Cells::new(IDS_MAX);
        for number in 1..IDS_MAX {
            cells.restore(number.to_string(), |_| {});
        }
        assert_eq!(cells.with("the last", true, |_, _| ()), Some(()));
        assert_eq!(cells.with("one more", true, |_, _| ()), None);
        assert_eq!(cells.with("the last", true, |_, _| ()), Some(()));
    }
}
