//! What a question may cost, and whether anybody still waits for its answer.
//!
//! Whoever reads the log for a question says so here, batch by batch and record by record. Invariant: between two records
//! work ends when it was stopped or has cost what it may; what it had found by then is thrown away, never an answer.
//! What is read once for all questions, the index, can be stopped and costs a question nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::StoreError;

/// What one question may cost: so many pieces are read from the log in some seconds. A record is a piece, and so is each
/// of its headers, each 256 bytes of a batch, and each value of a state that is only looked at on the way, and
/// each 32 steps of a fold's expressions; a record counts when
/// it is read and when it is folded, the bytes of a batch when it is opened and when they are passed over.
pub const WORK_PIECES_MAX: u64 = 20_000_000;
/// A page ends when it has cost this part of what a question may: the group that follows costs no more than all before.
pub(crate) const PAGE_WORK_PART: u64 = 4;
/// Bytes of a batch that cost as much as a record.
const PIECE_BYTES: usize = 256;
/// Steps of expressions that cost as much as a record.
const PIECE_STEPS: u64 = 32;

/// The work on one question. Cloning shares it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, StoreError, Work};
///
/// // A piece is too little for five events.
/// let bounded = store.at_work(&Work::up_to(1));
/// assert!(matches!(bounded.list("account", &AsOf::Head, 100, None), Err(StoreError::TooMuchWork { .. })));
///
/// let work = Work::default();
/// let asked = store.at_work(&work);
/// work.stop();
/// assert!(matches!(asked.list("account", &AsOf::Head, 100, None), Err(StoreError::Stopped)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Work(Arc<State>);

#[derive(Debug)]
struct State {
    stopped: AtomicBool,
    pieces_max: u64,
    pieces: AtomicU64,
}

impl Default for Work {
    /// Work that may cost [`WORK_PIECES_MAX`].
    fn default() -> Work {
        Work::up_to(WORK_PIECES_MAX)
    }
}

/// Held by whoever waits for an answer: when it goes, the work is stopped, be it finished or not.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, StoreError, WaitedFor};
///
/// let client = WaitedFor::default();
/// let asked = store.at_work(client.work());
/// drop(client);
/// assert!(matches!(asked.list("account", &AsOf::Head, 100, None), Err(StoreError::Stopped)));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct WaitedFor(Work);

impl WaitedFor {
    /// Work that may cost so many pieces.
    #[must_use]
    pub fn up_to(pieces_max: u64) -> WaitedFor {
        WaitedFor(Work::up_to(pieces_max))
    }

    /// The work that is waited for.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.0
    }
}

impl Drop for WaitedFor {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Work {
    /// Work that may cost so many pieces.
    #[must_use]
    pub fn up_to(pieces_max: u64) -> Work {
        Work(Arc::new(State {
            stopped: AtomicBool::new(false),
            pieces_max,
            pieces: AtomicU64::new(0),
        }))
    }

    /// Nobody waits for the answer any more.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether to go on.
    pub(crate) fn go_on(&self) -> Result<(), StoreError> {
        if self.0.stopped.load(Ordering::Relaxed) {
            return Err(StoreError::Stopped);
        }
        Ok(())
    }

    /// Whether it has cost a `part`-th of what it may.
    pub(crate) fn has_cost_a(&self, part: u64) -> bool {
        self.0.pieces.load(Ordering::Relaxed) > self.0.pieces_max / part
    }

    /// Counts a record with so many headers, and says whether to go on.
    pub(crate) fn record(&self, headers: usize) -> Result<(), StoreError> {
        self.count(1 + headers as u64)
    }

    /// Counts a batch of so many bytes, and says whether to go on.
    pub(crate) fn batch(&self, bytes: usize) -> Result<(), StoreError> {
        self.count((bytes / PIECE_BYTES) as u64)
    }

    /// Counts values of a state that are looked at, and says whether to go on.
    pub(crate) fn values(&self, values: usize) -> Result<(), StoreError> {
        self.count(values as u64)
    }

    /// Counts steps of expressions, and says whether to go on.
    pub(crate) fn steps(&self, steps: u64) -> Result<(), StoreError> {
        self.count(steps / PIECE_STEPS)
    }

    fn count(&self, pieces: u64) -> Result<(), StoreError> {
        let before = self.0.pieces.fetch_add(pieces, Ordering::Relaxed);
        match before.saturating_add(pieces) > self.0.pieces_max {
            true => Err(StoreError::TooMuchWork {
                max: self.0.pieces_max,
            }),
            false => self.go_on(),
        }
    }
}
