//! Which fetch sessions there are, and who has to go when there are too many. Pure: time and dice are passed in.
//!
//! * Epoch -1 reads without a session, 0 opens one; both end the session they name. Any other epoch goes on with a
//!   session, and must be the number that follows its last one.
//! * There are `sessions_max` sessions at most, and they take `bytes_max` bytes. When there is no room, one that has
//!   been idle for [`STALE_MS`] goes; else the smallest of those that are as old as that, if the new one is bigger. When
//!   none may go the new one is not made: its consumer is told session 0, and sends whole requests.
//! * Of [`PER_CONNECTION`] that one connection opened, the one used least recently makes way for its next.
//! * A session that grows over a limit is ended, and its consumer told that there is none.

use std::collections::HashMap;

use annals_kafka_wire::error::ErrorCode;

use super::session::Session;
use super::{Ask, Found, Wanted};

/// The id of no session.
const NONE: i32 = 0;

/// What the epoch of a request says that reads without a session, and of one that opens one.
const ALONE: i32 = -1;
const OPENS: i32 = 0;

/// How long a session is safe from others, in milliseconds: Kafka's two minutes.
pub(super) const STALE_MS: i64 = 120_000;

/// Sessions one connection may open: clients have one.
pub(super) const PER_CONNECTION: usize = 8;

/// How much may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) sessions_max: usize,
    pub(super) bytes_max: usize,
    /// Partitions of one session.
    pub(super) places_max: usize,
}

/// The part that a request has in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// None: it is told everything.
    Alone,
    /// It opened this one, and is told everything.
    Opened(i32),
    /// It goes on with this one, whose next epoch is then this.
    GoesOn(i32, i32),
}

/// All sessions, see the module.
#[derive(Debug)]
pub(super) struct Cache {
    limits: Limits,
    sessions: HashMap<i32, Session>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(limits: Limits) -> Cache {
        Cache {
            limits,
            sessions: HashMap::new(),
            bytes: 0,
        }
    }

    /// What a request reads, and its part in a session. `draw` gives random numbers.
    pub(super) fn begin(
        &mut self,
        ask: Ask,
        now_ms: i64,
        draw: impl FnMut() -> i32,
    ) -> Result<(Part, Vec<Wanted>), ErrorCode> {
        match ask.epoch {
            ALONE => {
                self.close(ask.session_id);
                Ok((Part::Alone, ask.wanted))
            }
            OPENS => {
                self.close(ask.session_id);
                Ok(self.open(ask, now_ms, draw))
            }
            _ => self.go_on(ask, now_ms),
        }
    }

    /// The session that the answer names, and which of the partitions it tells of, given what was found of each in the
    /// order of [`Cache::begin`].
    pub(super) fn tell(&mut self, part: Part, found: &[Found]) -> Result<(i32, Vec<bool>), ErrorCode> {
        let everything = vec![true; found.len()];
        match part {
            Part::Alone => Ok((NONE, everything)),
            Part::Opened(id) => Ok(match self.sessions.get_mut(&id) {
                Some(session) => {
                    session.tell(found);
                    (id, everything)
                }
                // It made way for another while records were read.
                None => (NONE, everything),
            }),
            Part::GoesOn(id, epoch) => match self.sessions.get_mut(&id) {
                Some(session) if session.epoch == epoch => Ok((id, session.tell(found))),
                // Somebody else goes on with it: what this one would be told, that one would miss.
                Some(_) => Err(ErrorCode::InvalidFetchSessionEpoch),
                None => Err(ErrorCode::FetchSessionIdNotFound),
            },
        }
    }

    fn open(&mut self, ask: Ask, now_ms: i64, mut draw: impl FnMut() -> i32) -> (Part, Vec<Wanted>) {
        if ask.wanted.len() > self.limits.places_max {
            return (Part::Alone, ask.wanted);
        }
        let mut session = Session::new(ask.peer, ask.by_id, now_ms);
        for wanted in &ask.wanted {
            session.put(wanted.clone());
        }
        if !self.has_room(&session, now_ms) {
            return (Part::Alone, ask.wanted);
        }
        let mut id = NONE;
        while id <= NONE || self.sessions.contains_key(&id) {
            id = draw() & i32::MAX;
        }
        self.bytes += session.bytes();
        self.sessions.insert(id, session);
        (Part::Opened(id), ask.wanted)
    }

    fn go_on(&mut self, ask: Ask, now_ms: i64) -> Result<(Part, Vec<Wanted>), ErrorCode> {
        let id = ask.session_id;
        let session = self.sessions.get_mut(&id);
        let session = session.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != ask.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != ask.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let bytes_before = session.bytes();
        ask.wanted.into_iter().for_each(|wanted| session.put(wanted));
        ask.forgotten.iter().for_each(|place| session.forget(place));
        self.bytes = self.bytes - bytes_before + session.bytes();
        session.advance(now_ms);
        let (epoch, places) = (session.epoch, session.len());
        if places == 0 {
            self.close(id);
            return Ok((Part::Alone, Vec::new()));
        }
        let wanted = session.wanted();
        if places > self.limits.places_max || self.bytes > self.limits.bytes_max {
            self.close(id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        Ok((Part::GoesOn(id, epoch), wanted))
    }

    /// Whether a session has its place, after others have made way if they must.
    fn has_room(&mut self, new: &Session, now_ms: i64) -> bool {
        let own = || {
            self.sessions
                .iter()
                .filter(|(_, one)| one.opened_by == new.opened_by)
        };
        if own().count() >= PER_CONNECTION {
            let oldest = own().min_by_key(|(id, one)| (one.used_ms, **id));
            let oldest = oldest.map_or(NONE, |(id, _)| *id);
            self.close(oldest);
        }
        let Limits {
            sessions_max,
            bytes_max,
            ..
        } = self.limits;
        while self.sessions.len() >= sessions_max || self.bytes + new.bytes() > bytes_max {
            match self.dispensable(new.len(), now_ms) {
                Some(id) => self.close(id),
                None => return false,
            }
        }
        true
    }

    /// Which session makes way for one of so many partitions.
    fn dispensable(&self, places: usize, now_ms: i64) -> Option<i32> {
        let is_past = |ms: i64| now_ms - ms > STALE_MS;
        let idle = self.sessions.iter().min_by_key(|(id, one)| (one.used_ms, **id));
        if let Some((id, _)) = idle.filter(|(_, one)| is_past(one.used_ms)) {
            return Some(*id);
        }
        let old = self.sessions.iter().filter(|(_, one)| is_past(one.opened_ms));
        let smallest = old.min_by_key(|(id, one)| (one.len(), **id))?;
        (smallest.1.len() < places).then_some(*smallest.0)
    }

    fn close(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.bytes -= session.bytes();
        }
    }
}

#[cfg(test)]
impl Cache {
    /// Whether the sum is that of its parts, and within the limits.
    pub(super) fn is_sound(&self) -> bool {
        let bytes = self.sessions.values().map(Session::bytes).sum::<usize>();
        let epochs = self
            .sessions
            .values()
            .all(|one| one.epoch >= super::session::FIRST_EPOCH);
        bytes == self.bytes
            && epochs
            && self.bytes <= self.limits.bytes_max
            && self.sessions.len() <= self.limits.sessions_max
            && self
                .sessions
                .values()
                .all(|one| one.len() <= self.limits.places_max)
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }
}
