//! What nobody uses any more is forgotten: committed offsets, and transactional ids.
//!
//! The log is told by tombstones, so that compaction lets go of it too. What was stored before a restart is as old as the
//! wall clock says: it is not younger for the restart.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::Shared;
use crate::{groups, transactions};

/// How often it is looked for (Kafka's `offsets.retention.check.interval.ms`).
const PAUSE: Duration = Duration::from_secs(600);

/// Looks from time to time, as long as there is a broker.
pub(crate) fn wake(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            let Some(shared) = weak.upgrade() else {
                return;
            };
            sweep(&shared);
        }
    });
}

/// Forgets what is old by now.
pub(crate) fn sweep(shared: &Arc<Shared>) {
    groups::expire(shared);
    transactions::expire(shared);
}

#[cfg(test)]
mod tests;
