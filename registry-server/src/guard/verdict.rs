//! What a schema id means to a topic, worked out once and kept for as long as the registry's view stands.
//!
//! Invariant: everything here was derived from one view. A changed view starts an empty table; only the compiled
//! walks live on, each as long as its id stands for the very schema it was compiled from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use annals_broker::Record;
use annals_schema_model::{SchemaId, Walk, envelope, envelope::SchemaKey};
use arc_swap::ArcSwapOption;
use uuid::Uuid;

use super::{Mode, Side};
use crate::registry::{Stored, View};
use crate::topic_subjects::{is_subject_of, subjects_of};

/// Compiled walks that are kept; beyond that many ids they are compiled again.
const WALKS_MAX: usize = 65_536;
/// Answers kept per view. Ids in records come from outside, so this must not grow with them.
const ANSWERS_MAX: usize = 262_144;

type Walks = RwLock<HashMap<SchemaId, (Arc<Stored>, Arc<Walk>)>>;

/// The verdicts of the newest view that was asked about.
#[derive(Default)]
pub(super) struct Verdicts {
    current: ArcSwapOption<ViewVerdicts>,
    walks: Arc<Walks>,
}

impl Verdicts {
    /// The verdicts of `view`.
    pub(super) fn at(&self, view: &Arc<View>) -> Arc<ViewVerdicts> {
        if let Some(current) = self.current.load_full()
            && Arc::ptr_eq(&current.view, view)
        {
            return current;
        }
        let fresh = Arc::new(ViewVerdicts {
            view: Arc::clone(view),
            walks: Arc::clone(&self.walks),
            topics: RwLock::default(),
            answers: RwLock::default(),
        });
        self.current.store(Some(Arc::clone(&fresh)));
        fresh
    }
}

/// What one view says about topics and ids.
pub(super) struct ViewVerdicts {
    view: Arc<View>,
    walks: Arc<Walks>,
    /// Whether a topic has a subject.
    topics: RwLock<HashMap<(String, Side), bool>>,
    answers: RwLock<HashMap<(String, Side, SchemaId), Answer>>,
}

/// A schema id under a topic.
#[derive(Clone)]
enum Answer {
    /// It is not registered.
    Unknown,
    /// It is registered, but under none of the topic's subjects.
    Foreign(Arc<str>),
    /// It is registered under a subject of the topic.
    Home(Arc<Home>),
}

struct Home {
    subject: Arc<str>,
    version: u32,
    id: SchemaId,
    /// Absent when the stored text no longer parses.
    walk: Option<Arc<Walk>>,
}

impl ViewVerdicts {
    /// Is any subject registered for this side of the topic?
    pub(super) fn has_subject(&self, topic: &str, side: Side) -> bool {
        let key = (topic.to_owned(), side);
        if let Some(known) = self
            .topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return *known;
        }
        let found = !subjects_of(&self.view, topic, side).is_empty();
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if topics.len() < ANSWERS_MAX {
            topics.insert(key, found);
        }
        found
    }

    fn id_of(&self, guid: [u8; 16]) -> Option<SchemaId> {
        let context = self.view.default_context();
        Some(context.schema_by_guid(Uuid::from_bytes(guid))?.id)
    }

    /// A judge of one side of one batch.
    pub(super) fn judge<'a>(&'a self, topic: &'a str, side: Side, mode: Mode) -> Judge<'a> {
        Judge {
            verdicts: self,
            topic,
            side,
            mode,
            last: None,
        }
    }

    fn answer(&self, topic: &str, side: Side, id: SchemaId) -> Answer {
        let key = (topic.to_owned(), side, id);
        if let Some(answer) = self
            .answers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return answer.clone();
        }
        let answer = self.work_out(topic, side, id);
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < ANSWERS_MAX {
            answers.insert(key, answer.clone());
        }
        answer
    }

    fn work_out(&self, topic: &str, side: Side, id: SchemaId) -> Answer {
        if self.view.schema(id).is_none() {
            return Answer::Unknown;
        }
        let uses = self.view.default_context().uses(id);
        match uses
            .iter()
            .find(|used| is_subject_of(&self.view, topic, side, &used.subject, id))
        {
            Some(used) => Answer::Home(Arc::new(Home {
                subject: Arc::clone(&used.subject),
                version: used.version,
                id,
                walk: self.walk(id),
            })),
            None => Answer::Foreign(
                uses.first()
                    .map_or_else(|| "no subject".into(), |used| Arc::clone(&used.subject)),
            ),
        }
    }

    fn walk(&self, id: SchemaId) -> Option<Arc<Walk>> {
        let stored = self.view.schema(id)?;
        let walks = self.walks.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, walk)) = walks.get(&id)
            && Arc::ptr_eq(of, stored)
        {
            return Some(Arc::clone(walk));
        }
        drop(walks);
        let walk = Arc::new(Walk::new(&*self.view.parsed(stored).ok()?));
        let mut walks = self.walks.write().unwrap_or_else(PoisonError::into_inner);
        if walks.len() < WALKS_MAX || walks.contains_key(&id) {
            walks.insert(id, (Arc::clone(stored), Arc::clone(&walk)));
        }
        Some(walk)
    }
}

/// The rules a key or value may break, as clients and counters know them: they stay as they are.
mod code {
    pub(super) const NO_SCHEMA_ID: &str = "NO_SCHEMA_ID";
    pub(super) const UNKNOWN_SCHEMA_ID: &str = "UNKNOWN_SCHEMA_ID";
    pub(super) const FOREIGN_SCHEMA_ID: &str = "FOREIGN_SCHEMA_ID";
    pub(super) const UNREADABLE_SCHEMA: &str = "UNREADABLE_SCHEMA";
    pub(super) const INVALID_PAYLOAD: &str = "INVALID_PAYLOAD";
}

/// Why a key or value may not enter.
pub(super) struct Refused {
    /// What rule it broke.
    pub(super) code: &'static str,
    /// The sentence for the producer.
    pub(super) sentence: String,
    /// Whether a view that is newer may let it in.
    pub(super) newer_may_admit: bool,
}

impl Refused {
    fn for_good(code: &'static str, sentence: String) -> Refused {
        Refused {
            code,
            sentence,
            newer_may_admit: false,
        }
    }

    fn by_this_view(code: &'static str, sentence: String) -> Refused {
        Refused {
            code,
            sentence,
            newer_may_admit: true,
        }
    }
}

/// Judges the records of one batch; a batch mostly holds one schema, so the last answer is at hand.
pub(super) struct Judge<'a> {
    verdicts: &'a ViewVerdicts,
    topic: &'a str,
    side: Side,
    mode: Mode,
    last: Option<(SchemaId, Answer)>,
}

impl Judge<'_> {
    /// May this key or value enter?
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&mut self, record: &Record) -> Result<(), Refused> {
        let (payload, header) = match self.side {
            Side::Key => (record.key.as_deref(), envelope::KEY_HEADER),
            Side::Value => (record.value.as_deref(), envelope::VALUE_HEADER),
        };
        let (Some(payload), true) = (payload, self.mode > Mode::Off) else {
            return Ok(());
        };
        let header = record.headers.iter().rev().find(|(key, _)| key == header);
        let header = header.and_then(|(_, named)| named.as_deref());
        let side = self.side.name();
        let framed = envelope::read_framed(header, payload).map_err(|e| {
            let sentence = format!(
                "the {side} carries no schema id, which topic {} asks for: {e}",
                self.topic
            );
            Refused::for_good(code::NO_SCHEMA_ID, sentence)
        })?;
        let id = match framed.schema {
            SchemaKey::Id(id) => id,
            SchemaKey::Guid(guid) => self.verdicts.id_of(guid).ok_or_else(|| {
                let sentence = format!("the {side}'s {} is not registered", framed.schema);
                Refused::by_this_view(code::UNKNOWN_SCHEMA_ID, sentence)
            })?,
        };
        if self.last.as_ref().is_none_or(|(last, _)| *last != id) {
            self.last = Some((id, self.verdicts.answer(self.topic, self.side, id)));
        }
        let Some((_, answer)) = &self.last else {
            return Ok(());
        };
        match answer {
            Answer::Unknown => Err(Refused::by_this_view(
                code::UNKNOWN_SCHEMA_ID,
                format!("the {side}'s schema id {id} is not registered"),
            )),
            _ if self.mode == Mode::Id => Ok(()),
            // Perhaps it was registered here as well, a moment ago.
            Answer::Foreign(elsewhere) => Err(Refused::by_this_view(
                code::FOREIGN_SCHEMA_ID,
                format!(
                    "the {side}'s schema id {id} is registered under {elsewhere}, not under a subject of topic {}",
                    self.topic
                ),
            )),
            Answer::Home(_) if self.mode == Mode::Subject => Ok(()),
            Answer::Home(home) => home.read(&framed.body),
        }
    }
}

impl Home {
    fn read(&self, body: &[u8]) -> Result<(), Refused> {
        let Home {
            subject,
            version,
            id,
            walk,
        } = self;
        let Some(walk) = walk else {
            let sentence = format!("{subject} v{version} (id {id}) cannot be read by this server");
            return Err(Refused::for_good(code::UNREADABLE_SCHEMA, sentence));
        };
        walk.check(body).map_err(|e| {
            let sentence = match e.path.as_str() {
                "" => format!("{subject} v{version} (id {id}): {}", e.message),
                path => format!("{subject} v{version} (id {id}), field {path}: {}", e.message),
            };
            Refused::for_good(code::INVALID_PAYLOAD, sentence)
        })
    }
}
