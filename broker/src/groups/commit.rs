//! Committing offsets, by members and by transactions, and forgetting them.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;

use super::{Committed, Entry, Event, Who, happen, store};
use crate::broker::Shared;
use crate::internal::{self, WriteError, Written};
use crate::transaction::{Place, Producer};

/// Commits offsets of a member, or of nobody. They count once they are durable.
pub(crate) async fn commit(
    shared: &Arc<Shared>,
    id: &str,
    who: &Who<'_>,
    offsets: Vec<(Place, Committed)>,
) -> Result<(), ErrorCode> {
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
    stored.unwrap_or(Err(ErrorCode::GroupIdNotFound))
}

/// Writes offsets, or that they are forgotten; they count once they are durable. `None` when there is no such group.
async fn store_offsets(
    shared: &Arc<Shared>,
    id: &str,
    makes: bool,
    check: impl FnOnce(&mut Entry) -> Result<(), ErrorCode>,
    offsets: Vec<(Place, Option<Committed>)>,
) -> Option<Result<(), ErrorCode>> {
    let written = shared.groups.with(id, makes, |_, entry| {
        check(entry)?;
        check_topics(shared, &offsets)?;
        let written = store::write_offsets(shared, id, None, &offsets).map_err(code_of)?;
        entry.offsets.expect();
        Ok(written)
    })?;
    let durable = match &written {
        Ok(written) => written.durable(shared).await,
        Err(code) => Err(*code),
    };
    shared.groups.with(id, false, |cell, entry| {
        if let Ok(written) = written {
            entry.offsets.settle();
            let counts = offsets.into_iter().filter(|_| durable.is_ok());
            for ((place, committed), log_offset) in counts.zip(written.base_offset()..) {
                entry.offsets.put(place, committed, log_offset);
            }
        }
        // A group without anything left goes.
        happen(shared, id, cell, entry, Event::Tick);
    });
    Some(durable)
}

/// Writes offsets that count when the producer's transaction is committed. The caller holds that open.
pub(crate) fn commit_in_transaction(
    shared: &Arc<Shared>,
    id: &str,
    member: Option<&Who<'_>>,
    producer: Producer,
    offsets: Vec<(Place, Committed)>,
) -> Result<Written, ErrorCode> {
    let written = shared.groups.with(id, member.is_none(), |_, entry| {
        if let Some(who) = member {
            let now_ms = shared.groups.stopwatch.now_ms();
            entry.kind.check_commit(who, now_ms)?;
        }
        let offsets: Vec<_> = offsets
            .into_iter()
            .map(|(place, offset)| (place, Some(offset)))
            .collect();
        check_topics(shared, &offsets)?;
        let written = store::write_offsets(shared, id, Some(producer), &offsets).map_err(code_of)?;
        shared.groups.expect_marker(producer.id, id);
        for ((place, committed), log_offset) in offsets.into_iter().zip(written.base_offset()..) {
            if let Some(committed) = committed {
                entry
                    .offsets
                    .wait_for_marker(producer.id, place, committed, log_offset);
            }
        }
        Ok(written)
    });
    written.unwrap_or(Err(match member {
        None => ErrorCode::PolicyViolation,
        Some(_) => ErrorCode::IllegalGeneration,
    }))
}

/// A producer's transaction has ended: offsets that waited for it count, or never will.
pub(crate) fn end_transaction(shared: &Arc<Shared>, producer_id: i64, is_committed: bool) {
    for id in shared.groups.settle(producer_id, is_committed) {
        shared.groups.with(&id, false, |cell, entry| {
            happen(shared, &id, cell, entry, Event::Tick)
        });
    }
}

/// A topic is gone, and with it what groups have read of it: another topic of its name begins anew. What cannot be
/// written is forgotten all the same until the next start.
pub(crate) fn forget_topic(shared: &Shared, topic: &str) {
    forget_where(shared, |name| name == topic);
}

/// At the start: topics may have been deleted when there was no time left to forget what groups had read of them.
pub(crate) fn forget_topics_gone(shared: &Shared) {
    let topics = shared.topics.now();
    forget_where(shared, |name| topics.named(name).is_none());
}

fn forget_where(shared: &Shared, is_gone: impl Fn(&str) -> bool) {
    for id in shared.groups.ids() {
        shared.groups.with(&id, false, |_, entry| {
            let places = entry.offsets.all_places().into_iter();
            let gone: Vec<Place> = places.filter(|(name, _)| is_gone(name)).collect();
            if !gone.is_empty() && !forget_now(shared, &id, entry, gone.clone()) {
                let end = internal::so_far(shared, internal::OFFSETS).map_or(0, |end| end.base_offset());
                for place in gone {
                    entry.offsets.forget_before(place, end);
                }
            }
        });
    }
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

/// Whether the topics are still there. Who asks under the group's lock comes before what a deletion forgets, or is
/// refused.
fn check_topics(shared: &Shared, offsets: &[(Place, Option<Committed>)]) -> Result<(), ErrorCode> {
    let topics = shared.topics.now();
    let mut kept = offsets.iter().filter(|(_, committed)| committed.is_some());
    match kept.all(|((topic, _), _)| topics.named(topic).is_some()) {
        true => Ok(()),
        false => Err(ErrorCode::UnknownTopicOrPartition),
    }
}

fn code_of(error: WriteError) -> ErrorCode {
    tracing::warn!(%error, "offsets could not be stored");
    error.code()
}
