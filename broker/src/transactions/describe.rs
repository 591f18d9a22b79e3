//! What is told of transactional ids: what would be stored of them now.

use annals_kafka_wire::coordinator::transactions::TransactionLogValue;

use super::{Transactions, store};
use crate::broker::Shared;
use crate::transaction::Phase;

/// Kafka's names of states, by their numbers.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// The name of a state.
pub(crate) fn state_name(status: i8) -> &'static str {
    let name = usize::try_from(status).ok().and_then(|at| STATES.get(at));
    name.copied().unwrap_or("Unknown")
}

/// Whether Kafka has a state of this name.
pub(crate) fn is_state(name: &str) -> bool {
    STATES.contains(&name)
}

/// Where a transactional id stands; `None` when nothing is stored of it.
pub(crate) fn describe(shared: &Shared, id: &str) -> Option<TransactionLogValue> {
    let now = (shared.now_ms(), shared.transactions.stopwatch.now_ms());
    let cells = &shared.transactions.cells;
    cells.look(id, |entry| Some(store::record(entry.transaction.state()?, now)))?
}

impl Transactions {
    /// How many transactional ids there are, and how many have a transaction open.
    pub(crate) fn count(&self) -> (usize, usize) {
        let (mut all, mut open) = (0, 0);
        self.cells.each(|_, _, entry| {
            let state = entry.transaction.state();
            let is_open = state.is_some_and(|state| matches!(state.phase, Phase::Ongoing { .. }));
            all += 1;
            open += usize::from(is_open);
        });
        (all, open)
    }

    /// All transactional ids.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.cells.ids()
    }
}
