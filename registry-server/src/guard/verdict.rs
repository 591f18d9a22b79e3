//! What a schema id means to a topic, worked out once and kept for as long as the registry's view stands.
//!
//! Invariant: everything here was derived from one view. A changed view starts an empty table; only the compiled
//! walks and rules live on, each as long as its id stands for the very schema it was compiled from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use annals_broker::Record;
use annals_schema_model::cel::Budget;
use annals_schema_model::envelope::{Framed, SchemaKey};
use annals_schema_model::{SchemaId, SchemaType, Walk, envelope};
use arc_swap::ArcSwapOption;
use uuid::Uuid;

use super::rules::{BATCH_COST, Rules};
use super::settings::Asked;
use super::{Level, Side};
use crate::registry::{Stored, View};
use crate::topic_subjects::{Strategies, subjects_of};

/// Compiled walks that are kept; beyond that many ids they are compiled again.
const WALKS_MAX: usize = 65_536;
/// Answers kept per view. Ids in records come from outside, so this must not grow with them.
const ANSWERS_MAX: usize = 262_144;

type Walks = RwLock<HashMap<SchemaId, (Arc<Stored>, Arc<Compiled>)>>;

/// What a schema asks of a payload.
struct Compiled {
    walk: Walk,
    rules: Option<Rules>,
}

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
    topics: RwLock<HashMap<(String, Side, Strategies), bool>>,
    answers: RwLock<HashMap<(String, Side, Strategies, Written), Answer>>,
}

/// What a payload was written with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Written {
    id: SchemaId,
    /// Which message of a Protobuf schema, where its name matters; empty elsewhere.
    message: Vec<i32>,
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
    compiled: Option<Arc<Compiled>>,
}

impl ViewVerdicts {
    /// Is any subject registered for this side of the topic?
    pub(super) fn has_subject(&self, topic: &str, side: Side, strategies: Strategies) -> bool {
        let key = (topic.to_owned(), side, strategies);
        if let Some(known) = self
            .topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return *known;
        }
        let found = !subjects_of(&self.view, topic, side, strategies).is_empty();
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
    pub(super) fn judge<'a>(&'a self, topic: &'a str, side: Side, level: Level, asked: Asked) -> Judge<'a> {
        Judge {
            verdicts: self,
            topic,
            side,
            level,
            asked,
            budget: Budget::new(BATCH_COST),
            last: None,
        }
    }

    fn is_protobuf(&self, id: SchemaId) -> bool {
        let stored = self.view.schema(id);
        stored.is_some_and(|stored| stored.schema_type() == SchemaType::Protobuf)
    }

    fn answer(&self, topic: &str, side: Side, strategies: Strategies, written: &Written) -> Answer {
        let key = (topic.to_owned(), side, strategies, written.clone());
        if let Some(answer) = self
            .answers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return answer.clone();
        }
        let answer = self.work_out(topic, side, strategies, written);
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < ANSWERS_MAX {
            answers.insert(key, answer.clone());
        }
        answer
    }

    fn work_out(&self, topic: &str, side: Side, strategies: Strategies, written: &Written) -> Answer {
        let id = written.id;
        let Some(stored) = self.view.schema(id) else {
            return Answer::Unknown;
        };
        let is_record = |name: &str| {
            let parsed = self.view.parsed(stored).ok();
            parsed
                .and_then(|schema| schema.record_name_at(&written.message))
                .is_some_and(|record| record == name)
        };
        let uses = self.view.default_context().uses(id);
        match uses
            .iter()
            .find(|used| strategies.name_subject(topic, side, &used.subject, is_record))
        {
            Some(used) => Answer::Home(Arc::new(Home {
                subject: Arc::clone(&used.subject),
                version: used.version,
                id,
                compiled: self.compiled(id),
            })),
            None => Answer::Foreign(
                uses.first()
                    .map_or_else(|| "no subject".into(), |used| Arc::clone(&used.subject)),
            ),
        }
    }

    fn compiled(&self, id: SchemaId) -> Option<Arc<Compiled>> {
        let stored = self.view.schema(id)?;
        let walks = self.walks.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, compiled)) = walks.get(&id)
            && Arc::ptr_eq(of, stored)
        {
            return Some(Arc::clone(compiled));
        }
        drop(walks);
        let schema = self.view.parsed(stored).ok()?;
        let compiled = Arc::new(Compiled {
            walk: Walk::new(&schema),
            rules: Rules::of(stored, &schema),
        });
        let mut walks = self.walks.write().unwrap_or_else(PoisonError::into_inner);
        if walks.len() < WALKS_MAX || walks.contains_key(&id) {
            walks.insert(id, (Arc::clone(stored), Arc::clone(&compiled)));
        }
        Some(compiled)
    }
}

/// The rules a key or value may break, as clients and counters know them: they stay as they are.
pub(super) mod code {
    pub(in crate::guard) const NO_VALUE: &str = "NO_VALUE";
    pub(super) const NO_SCHEMA_ID: &str = "NO_SCHEMA_ID";
    pub(super) const UNKNOWN_SCHEMA_ID: &str = "UNKNOWN_SCHEMA_ID";
    pub(super) const FOREIGN_SCHEMA_ID: &str = "FOREIGN_SCHEMA_ID";
    pub(super) const UNREADABLE_SCHEMA: &str = "UNREADABLE_SCHEMA";
    pub(super) const INVALID_PAYLOAD: &str = "INVALID_PAYLOAD";
    pub(super) const BROKEN_RULE: &str = "BROKEN_RULE";
}

/// Why a key or value may not enter.
pub(super) struct Refused {
    /// What rule it broke.
    pub(super) code: &'static str,
    /// The sentence for the producer.
    pub(super) sentence: String,
    /// The schema that is named, where it is known.
    pub(super) schema_id: Option<u32>,
    /// Whether a view that is newer may let it in.
    pub(super) newer_may_admit: bool,
}

impl Refused {
    fn for_good(code: &'static str, sentence: String) -> Refused {
        Refused {
            code,
            sentence,
            schema_id: None,
            newer_may_admit: false,
        }
    }

    fn by_this_view(code: &'static str, sentence: String) -> Refused {
        Refused {
            newer_may_admit: true,
            ..Refused::for_good(code, sentence)
        }
    }
}

/// Judges the records of one batch; a batch mostly holds one schema, so the last answer is at hand.
pub(super) struct Judge<'a> {
    verdicts: &'a ViewVerdicts,
    topic: &'a str,
    side: Side,
    level: Level,
    asked: Asked,
    /// What rules may still cost.
    budget: Budget,
    last: Option<Last>,
}

struct Last {
    written: Written,
    is_protobuf: bool,
    answer: Answer,
}

impl Judge<'_> {
    /// Whether what this judge refuses is let in all the same.
    pub(super) fn only_warns(&self) -> bool {
        self.level == Level::Warn
    }

    /// May this key or value enter?
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&mut self, record: &Record) -> Result<(), Refused> {
        let side = self.side.name();
        let (payload, header) = match self.side {
            Side::Key => (record.key.as_deref(), envelope::KEY_HEADER),
            Side::Value => (record.value.as_deref(), envelope::VALUE_HEADER),
        };
        let Some(payload) = payload else {
            if self.asked.refuses_nulls {
                let sentence = format!("the record has no {side}, and topic {} asks for one", self.topic);
                return Err(Refused::for_good(code::NO_VALUE, sentence));
            }
            return Ok(());
        };
        if self.level == Level::Off {
            return Ok(());
        }
        let header = record.headers.last(header).flatten();
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
                Refused::by_this_view(
                    code::UNKNOWN_SCHEMA_ID,
                    format!("the {side}'s {} is not registered", framed.schema),
                )
            })?,
        };
        self.fits(id, &framed).map_err(|refused| Refused {
            schema_id: Some(id.get()),
            ..refused
        })
    }

    /// May a payload of this schema enter?
    fn fits(&mut self, id: SchemaId, framed: &Framed<'_>) -> Result<(), Refused> {
        let side = self.side.name();
        let is_protobuf = match &self.last {
            Some(last) if last.written.id == id => last.is_protobuf,
            _ => self.verdicts.is_protobuf(id),
        };
        let malformed = |e| {
            let sentence = format!("the {side}, written with schema id {id}: {e}");
            Refused::for_good(code::INVALID_PAYLOAD, sentence)
        };
        let strategies = self.asked.strategies;
        let name_matters = is_protobuf && self.level.asks_subject() && strategies.ask_for_record_names();
        let message = match name_matters {
            true => envelope::read_message_indexes(framed.indexes.unwrap_or(framed.body)),
            false => Ok((Vec::new(), &[][..])),
        };
        let (message, _) = message.map_err(malformed)?;
        let written = Written { id, message };
        let last = match self.last.take() {
            Some(last) if last.written == written => last,
            _ => Last {
                answer: self.verdicts.answer(self.topic, self.side, strategies, &written),
                written,
                is_protobuf,
            },
        };
        let answer = &self.last.insert(last).answer;
        match answer {
            Answer::Unknown => Err(Refused::by_this_view(
                code::UNKNOWN_SCHEMA_ID,
                format!("the {side}'s schema id {id} is not registered"),
            )),
            _ if !self.level.asks_subject() => Ok(()),
            // Perhaps it was registered here as well, a moment ago.
            Answer::Foreign(elsewhere) => Err(Refused::by_this_view(
                code::FOREIGN_SCHEMA_ID,
                format!(
                    "the {side}'s schema id {id} is registered under {elsewhere}, not under a subject of topic {}",
                    self.topic
                ),
            )),
            Answer::Home(_) if !self.level.asks_payload() => Ok(()),
            Answer::Home(home) => {
                let body = framed.whole_body(is_protobuf).map_err(malformed)?;
                home.read(&body, &self.budget)
            }
        }
    }
}

impl Home {
    fn read(&self, body: &[u8], budget: &Budget) -> Result<(), Refused> {
        let Home {
            subject,
            version,
            id,
            compiled,
        } = self;
        let Some(Compiled { walk, rules }) = compiled.as_deref() else {
            let sentence = format!("{subject} v{version} (id {id}) cannot be read by this server");
            return Err(Refused::for_good(code::UNREADABLE_SCHEMA, sentence));
        };
        walk.check(body).map_err(|e| {
            let sentence = match e.path.as_str() {
                "" => format!("{subject} v{version} (id {id}): {}", e.message),
                path => format!("{subject} v{version} (id {id}), field {path}: {}", e.message),
            };
            Refused::for_good(code::INVALID_PAYLOAD, sentence)
        })?;
        let kept = rules.as_ref().map_or(Ok(()), |rules| rules.check(body, budget));
        kept.map_err(|e| {
            let sentence = format!("{subject} v{version} (id {id}): {e}");
            Refused::for_good(code::BROKEN_RULE, sentence)
        })
    }
}
