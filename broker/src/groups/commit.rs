//! Committing offsets, by members and by transactions, and forgetting them.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use uuid::Uuid;

use super::{Committed, Entry, Event, Who, happen, store};
use crate::broker::Shared;
use crate::internal::{self, WriteError, Written};
use crate::transaction::{Place, Producer};

/// Topics that were there when a commit was looked at, and are gone, or others of their names, when it gets its turn:
/// nothing of them is kept.
pub(crate) type Gone = BTreeSet<Uuid>;

/// Commits offsets of a member, or of nobody. They count once they are durable.
pub(crate) async fn commit(
    shared: &Arc<Shared>,
    id: &str,
    who: &Who<'_>,
    offsets: Vec<(Place, Committed)>,
) -> Result<Gone, ErrorCode> {
    let check = |entry: &mut Entry| {
        let now_ms = shared.groups.stopwatch.now_ms();
        entry.kind.check_commit(who, now_ms)
    };
    let offsets = offsets
        .into_iter()
        .map(|(place, committed)| (place, Some(committed)));
    let takes_no_part = who.epoch < 0;
    let stored = store_offsets(shared, id, takes_no_part, check, offsets.collect()).await;
    stored.unwrap_or(Err(match takes_no_part {
        true => ErrorCode::PolicyViolation,
        false if who.knows_epochs => ErrorCode::GroupIdNotFound,
        false => ErrorCode::IllegalGeneration,
    }))
}

/// Forgets some offsets of a group.
pub(crate) async fn forget(shared: &Arc<Shared>, id: &str, places: Vec<Place>) -> Result<(), ErrorCode> {
    let offsets = places.into_iter().map(|place| (place, None)).collect();
    let stored = store_offsets(shared, id, false, |_| Ok(()), offsets).await;
    stored.unwrap_or(Err(ErrorCode::GroupIdNotFound)).map(drop)
}

/// Writes offsets, or that they are forgotten; they count once they are durable. `None` when there is no such group.
async fn store_offsets(
    shared: &Arc<Shared>,
    id: &str,
    makes: bool,
    check: impl FnOnce(&mut Entry) -> Result<(), ErrorCode>,
    mut offsets: Vec<(Place, Option<Committed>)>,
) -> Option<Result<Gone, ErrorCode>> {
    let written = shared.groups.cells.with(id, makes, |_, entry| {
        check(entry)?;
        let gone = leave_out_gone(shared, &mut offsets);
        let written = store::write_offsets(shared, id, None, &offsets).map_err(code_of)?;
        entry.offsets.expect();
        Ok((written, gone))
    })?;
    let durable = match &written {
        Ok((written, _)) => written.durable(shared).await,
        Err(code) => Err(*code),
    };
    let mut gone = Gone::new();
    shared.groups.cells.with(id, false, |cell, entry| {
        if let Ok((written, left_out)) = written {
            gone = left_out;
            entry.offsets.settle();
            let topics = shared.topics.now();
            let written = offsets.into_iter().zip(written.base_offset()..);
            for ((place, committed), log_offset) in written.filter(|_| durable.is_ok()) {
                // What of a topic has gone meanwhile is forgotten: whoever did that did not see this yet.
                let is_gone = |committed: &Committed| topics.with_id(committed.topic_id).is_none();
                if !committed.as_ref().is_some_and(is_gone) {
                    entry.offsets.put(place, committed, log_offset);
                }
            }
        }
        // A group without anything left goes.
        happen(shared, id, cell, entry, Event::Tick);
    });
    Some(durable.map(|()| gone))
}

/// Writes offsets that count when the producer's transaction is committed. The caller holds that open.
pub(crate) fn commit_in_transaction(
    shared: &Arc<Shared>,
    id: &str,
    member: Option<&Who<'_>>,
    producer: Producer,
    offsets: Vec<(Place, Committed)>,
) -> Result<(Written, Gone), ErrorCode> {
    let written = shared.groups.cells.with(id, member.is_none(), |_, entry| {
        if let Some(who) = member {
            let now_ms = shared.groups.stopwatch.now_ms();
            entry.kind.check_commit(who, now_ms)?;
        }
        let mut offsets: Vec<_> = offsets
            .into_iter()
            .map(|(place, offset)| (place, Some(offset)))
            .collect();
        let gone = leave_out_gone(shared, &mut offsets);
        let written = store::write_offsets(shared, id, Some(producer), &offsets).map_err(code_of)?;
        shared.groups.expect_marker(producer.id, id);
        for ((place, committed), log_offset) in offsets.into_iter().zip(written.base_offset()..) {
            if let Some(committed) = committed {
                entry
                    .offsets
                    .wait_for_marker(producer.id, place, committed, log_offset);
            }
        }
        Ok((written, gone))
    });
    written.unwrap_or(Err(match member {
        None => ErrorCode::PolicyViolation,
        Some(_) => ErrorCode::IllegalGeneration,
    }))
}

/// A producer's transaction has ended: offsets that waited for it count, or never will.
pub(crate) fn end_transaction(shared: &Arc<Shared>, producer_id: i64, is_committed: bool) {
    for id in shared.groups.settle(producer_id, is_committed) {
        shared.groups.cells.with(&id, false, |cell, entry| {
            happen(shared, &id, cell, entry, Event::Tick)
        });
    }
}

/// Forgets what groups have read of topics that are gone: another of such a name begins anew. Said when a topic goes, as
/// long as nobody else has its name, and at the start, when there may have been no time left to say it. What cannot be
/// written then is forgotten all the same, and again at the next start: what was committed knows its topic by the id.
pub(crate) fn forget_topics_gone(shared: &Shared) {
    shared.groups.cells.each(|id, _, entry| {
        // Looked up under the group's lock: what it has of a topic that was made since, it has since.
        let topics = shared.topics.now();
        let gone = entry.offsets.let_go(|(name, _), committed| {
            let topic = topics.named(name);
            topic.is_none_or(|topic| !committed.topic_id.is_nil() && topic.id != committed.topic_id)
        });
        let gone: Vec<Place> = gone.into_iter().collect();
        if !gone.is_empty() && !forget_now(shared, id, entry, gone.clone()) {
            let end = internal::so_far(shared, internal::OFFSETS).map_or(0, |end| end.base_offset());
            for place in gone {
                entry.offsets.forget_before(place, end);
            }
        }
    });
}

/// Forgets offsets at once, without waiting until that is durable; whether it could be written.
pub(super) fn forget_now(shared: &Shared, id: &str, entry: &mut Entry, places: Vec<Place>) -> bool {
    let gone: Vec<_> = places.into_iter().map(|place| (place, None)).collect();
    let Ok(written) = store::write_offsets(shared, id, None, &gone).map_err(code_of) else {
        return false;
    };
    for ((place, none), log_offset) in gone.into_iter().zip(written.base_offset()..) {
        entry.offsets.put(place, none, log_offset);
    }
    true
}

/// Leaves out what is of topics that are gone. Who asks under the group's lock comes before what a deletion forgets, or is
/// refused; and a topic of the same name is another.
fn leave_out_gone(shared: &Shared, offsets: &mut Vec<(Place, Option<Committed>)>) -> Gone {
    let (topics, mut gone) = (shared.topics.now(), Gone::new());
    offsets.retain(|(_, committed)| {
        let topic_id = committed.as_ref().map(|committed| committed.topic_id);
        let left_out = topic_id.filter(|id| topics.with_id(*id).is_none());
        gone.extend(left_out);
        left_out.is_none()
    });
    gone
}

fn code_of(error: WriteError) -> ErrorCode {
    tracing::warn!(%error, "offsets could not be stored");
    error.code()
}
