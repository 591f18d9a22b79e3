//! Answers that began with a snapshot, folded again without: some of them, and behind the back of who asked.
//!
//! Invariant: whatever is found wrong is counted, and thrown away with the file it was in; the next question is answered
//! without.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Counts;
use crate::at::AsOf;
use crate::reconstruct::Reconstruction;
use crate::store::{EventStore, Shared};
use crate::work::Work;

/// One answer in so many is checked.
const CHECKED_EVERY: u64 = 64;
/// Answers that wait to be checked; when there are more, they are not.
const WAITING_MAX: usize = 16;

/// The answers to be checked.
pub(crate) struct Checks {
    answers: AtomicU64,
    waiting: SyncSender<Box<Reconstruction>>,
}

impl Checks {
    /// With the thread that checks them, until the store is gone.
    pub(crate) fn new(shared: Weak<Shared>) -> Checks {
        let (waiting, given) = sync_channel(WAITING_MAX);
        // Without the thread nothing is checked, and the figure says so.
        let _ = std::thread::Builder::new()
            .name("annals-check".into())
            .spawn(move || check_all(&given, &shared));
        Checks {
            answers: AtomicU64::new(0),
            waiting,
        }
    }

    /// An answer began with a snapshot: it is checked when its turn comes.
    pub(crate) fn note(&self, answer: &Reconstruction) {
        let before = self.answers.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(CHECKED_EVERY) {
            let _ = self.waiting.try_send(Box::new(answer.clone()));
        }
    }
}

fn check_all(given: &Receiver<Box<Reconstruction>>, shared: &Weak<Shared>) {
    while let Ok(answer) = given.recv() {
        let Some(shared) = shared.upgrade() else { return };
        let store = EventStore::of(shared, Work::default());
        store.check(&answer);
    }
}

impl EventStore {
    /// Whether an answer that began with a snapshot is the one without; what was wrong is thrown away. What cannot be
    /// asked any more says nothing.
    pub(crate) fn check(&self, answer: &Reconstruction) {
        let at = AsOf::Cut(answer.cut.clone());
        let Ok(mut whole) = self
            .without_snapshots()
            .reconstruct(&answer.aggregate, &answer.id, &at)
        else {
            return;
        };
        // What has been deleted since is missing now, and was not.
        let starts = |answer: &Reconstruction| {
            let logs = answer.logs.iter().map(|log| log.log_start_offset);
            logs.chain([answer.log_start_offset]).collect::<Vec<_>>()
        };
        if whole.fold != answer.fold || starts(&whole) != starts(answer) {
            return;
        }
        let counts = &self.shared.snapshots.counts;
        Counts::add(&counts.checked);
        // Another way of asking for the same.
        whole.at.clone_from(&answer.at);
        whole.snapshot.clone_from(&answer.snapshot);
        if whole == *answer || whole.halted.is_some() {
            return;
        }
        Counts::add(&counts.wrong);
        let Ok(aggregate) = self.aggregate(&answer.aggregate) else {
            return;
        };
        let partition = usize::try_from(answer.partition).unwrap_or(usize::MAX);
        if let Some(partition) = aggregate.index.partitions.get(aggregate.index.home(partition)) {
            self.shared.snapshots.discard(aggregate.fold.id(), partition);
        }
    }
}
