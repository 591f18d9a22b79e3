//! Handing an event to a group, whoever's protocol it is of.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use tokio::sync::{oneshot, watch};

use super::kind::{Answer, Event, Kind};
use super::{CONSUMER_LIMITS, Cell, Entry, Held, LIMITS, happen, have_room, now, store};
use crate::broker::Shared;
use crate::consumer_group::{self, Heartbeat, JOINS, Line, Refused};
use crate::group::{self, Group, Identity};
use crate::internal::WriteError;
use crate::ticket::{Ticket, told};

/// An answer that will come.
pub(crate) struct Asked(oneshot::Receiver<Answer>);

impl Asked {
    /// The answer to a member of the classic protocol; `None` when the broker stops, or the group becomes another, before
    /// there is one.
    pub(crate) async fn told(self, stop: watch::Receiver<bool>) -> Option<group::Answer> {
        match told(self.0, stop).await? {
            Answer::Classic(answer) => Some(answer),
            Answer::Consumer(_) => None,
        }
    }

    /// The answer to a member of the new protocol.
    pub(crate) async fn told_epoch(self, stop: watch::Receiver<bool>) -> Option<consumer_group::Answer> {
        match told(self.0, stop).await? {
            Answer::Consumer(answer) => Some(answer),
            Answer::Classic(_) => None,
        }
    }
}

/// Hands an event to a group of the classic protocol, which is made if there is none and `makes`.
pub(crate) fn ask(
    shared: &Arc<Shared>,
    id: &str,
    makes: bool,
    event: impl FnOnce(Ticket) -> group::Event,
) -> Result<Asked, ErrorCode> {
    let asked = shared.groups.cells.with(id, makes, |cell, entry| {
        match &entry.kind {
            Kind::Consumer(group) if group.is_empty() && makes => {
                let (kind, lines) = (Kind::Classic(Group::new(LIMITS)), entry.kind.lines_of_none(id));
                become_another(shared, entry, kind, lines).map_err(|error| error.code())?;
            }
            Kind::Consumer(group) if group.is_empty() => return Err(ErrorCode::UnknownMemberId),
            Kind::Classic(_) | Kind::Consumer(_) => {}
        }
        Ok(hand_over(shared, id, cell, entry, |ticket| {
            Event::Classic(event(ticket))
        }))
    });
    asked.unwrap_or(Err(match makes {
        true => ErrorCode::GroupMaxSizeReached,
        false => ErrorCode::UnknownMemberId,
    }))
}

/// Hands a heartbeat to a group of the new protocol, which is made if there is none and the member joins.
pub(crate) fn heartbeat(shared: &Arc<Shared>, id: &str, heartbeat: Heartbeat) -> Result<Asked, Refused> {
    let joins = heartbeat.epoch == JOINS;
    let who = Identity {
        member_id: heartbeat.member_id.clone(),
        instance_id: heartbeat.instance_id.clone(),
    };
    if heartbeat.says_more() && !have_room(shared, id, &who, heartbeat.bytes()) {
        return Err(Refused {
            code: ErrorCode::GroupMaxSizeReached,
            sentence: "The members of all groups take too much memory.".to_owned(),
        });
    }
    let refused = |code, sentence: String| Err(Refused { code, sentence });
    let asked = shared.groups.cells.with(id, joins, |cell, entry| {
        if let Kind::Classic(_) = &entry.kind {
            if !joins {
                let sentence = format!("Group {id} is of the classic protocol.");
                return refused(ErrorCode::GroupIdNotFound, sentence);
            }
            let (topics, now) = (shared.topics.now(), now(shared));
            let (kind, lines) = entry.kind.upgraded(id, CONSUMER_LIMITS, topics.as_ref(), now)?;
            // Who is refused costs those that are there nothing.
            if !entry.kind.is_vacant()
                && let Kind::Consumer(group) = &kind
                && let Some(refused) = group.refuses(&heartbeat, topics.as_ref(), now.passed_ms)
            {
                return Err(refused);
            }
            if let Err(error) = become_another(shared, entry, kind, lines) {
                return refused(error.code(), format!("Group {id} could not be stored."));
            }
        }
        let event = |ticket| Event::Consumer(consumer_group::Event::Heartbeat(ticket, Box::new(heartbeat)));
        Ok(hand_over(shared, id, cell, entry, event))
    });
    asked.unwrap_or_else(|| match joins {
        true => refused(
            ErrorCode::GroupMaxSizeReached,
            "There are too many groups.".to_owned(),
        ),
        false => refused(ErrorCode::GroupIdNotFound, format!("Group {id} not found.")),
    })
}

fn hand_over(
    shared: &Arc<Shared>,
    id: &str,
    cell: &Cell,
    entry: &mut Held,
    event: impl FnOnce(Ticket) -> Event,
) -> Asked {
    let (ticket, answer) = entry.waiting.add();
    happen(shared, id, cell, entry, event(ticket));
    Asked(answer)
}

/// A group becomes one of the other kind, when the log has that, in one piece.
pub(super) fn become_another(
    shared: &Shared,
    entry: &mut Entry,
    kind: Kind,
    lines: Vec<Line>,
) -> Result<(), WriteError> {
    if entry.is_stored || !kind.is_vacant() {
        store::write_whole(shared, lines)?;
        entry.is_stored = !kind.is_vacant();
    }
    entry.life += 1;
    // Who has just left waits until that is stored, of which this group will not hear: CoordinatorNotAvailable.
    entry.waiting.let_go();
    entry.kind = kind;
    Ok(())
}
