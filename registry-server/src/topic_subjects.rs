//! Which subjects speak for a topic: the registry clients' naming strategies, read backwards.
//!
//! `<topic>-key` and `<topic>-value` (TopicNameStrategy), `<topic>-<full record name>` (TopicRecordNameStrategy, told by
//! the names of the records the subject's schema has, because topic names may contain hyphens too) and `<full record
//! name>` (RecordNameStrategy). The last speaks for no topic of its own accord: a topic must ask for it.

use annals_schema_model::SchemaId;

use crate::guard::Side;
use crate::registry::View;

/// The strategies by which subjects are named for one side of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Strategies(u8);

const TOPIC: u8 = 1;
const RECORD: u8 = 2;
const TOPIC_RECORD: u8 = 4;

/// Every set of them and its name; the words in the order of their numbers.
const NAMES: [(u8, &str); 7] = [
    (TOPIC, "topic"),
    (RECORD, "record"),
    (TOPIC_RECORD, "topic-record"),
    (TOPIC | RECORD, "topic,record"),
    (TOPIC | TOPIC_RECORD, "topic,topic-record"),
    (RECORD | TOPIC_RECORD, "record,topic-record"),
    (TOPIC | RECORD | TOPIC_RECORD, "topic,record,topic-record"),
];

impl Default for Strategies {
    /// Those that name the topic.
    fn default() -> Strategies {
        Strategies(TOPIC | TOPIC_RECORD)
    }
}

impl Strategies {
    /// The strategies in a list of words.
    #[must_use]
    pub fn named(words: &str) -> Option<Strategies> {
        words
            .split(',')
            .try_fold(0, |all, word| {
                let one = NAMES[..3].iter().find(|(_, name)| *name == word.trim())?;
                Some(all | one.0)
            })
            .map(Strategies)
    }

    /// The words, in one order.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(set, _)| *set == self.0);
        found.map_or("", |(_, name)| name)
    }

    fn has(self, strategy: u8) -> bool {
        self.0 & strategy != 0
    }

    /// Whether it matters what a record is called.
    #[must_use]
    pub fn ask_for_record_names(self) -> bool {
        self.has(RECORD | TOPIC_RECORD)
    }

    /// Whether a subject is meant for this side of a topic, of whose records `is_record` knows the names.
    #[must_use]
    pub fn name_subject(
        self,
        topic: &str,
        side: Side,
        subject: &str,
        is_record: impl Fn(&str) -> bool,
    ) -> bool {
        let of_topic = subject
            .strip_prefix(topic)
            .and_then(|rest| rest.strip_prefix('-'));
        let by_topic = match of_topic {
            Some("key" | "value") if self.has(TOPIC) => of_topic == Some(side.name()),
            // A record of one of these names is not told from the topic's own subjects.
            None | Some("key" | "value") => false,
            Some(record) => self.has(TOPIC_RECORD) && is_record(record),
        };
        by_topic || (self.has(RECORD) && is_record(subject))
    }
}

/// Is `id`, registered as `subject`, meant for this side of the topic, as its clients name subjects if nothing is said?
#[must_use]
pub fn is_subject_of(view: &View, topic: &str, side: Side, subject: &str, id: SchemaId) -> bool {
    Strategies::default().name_subject(topic, side, subject, has_record(view, id))
}

fn has_record(view: &View, id: SchemaId) -> impl Fn(&str) -> bool + use<'_> {
    move |name| {
        view.schema(id)
            .and_then(|stored| view.parsed(stored).ok())
            .is_some_and(|schema| schema.has_record(name))
    }
}

/// The subjects that make a topic's keys or values checked by default, by name, with the id of their newest version.
///
/// Only those that name the topic. Record-named subjects count for values only: nothing in their names tells a key from
/// a value.
pub fn subjects_of(view: &View, topic: &str, side: Side, strategies: Strategies) -> Vec<(String, SchemaId)> {
    let prefix = format!("{topic}-");
    let subjects = view.default_context().subjects_from(&prefix);
    let named = subjects.take_while(|(name, _)| name.starts_with(&prefix));
    let of_topic = Strategies(strategies.0 & (TOPIC | TOPIC_RECORD));
    let named = named.filter_map(|(name, subject)| {
        let latest = subject.latest()?;
        let counts = side == Side::Value || name.ends_with("-key");
        let speaks = || of_topic.name_subject(topic, side, name, has_record(view, latest.id));
        (counts && speaks()).then(|| (name.to_string(), latest.id))
    });
    named.collect()
}

/// The subjects that may hold a record of a topic's values, by name.
pub fn value_subjects(topic: &str, record_name: &str) -> Vec<String> {
    let mut subjects = vec![format!("{topic}-value")];
    // A record named `key` would be taken for the topic's keys.
    if !matches!(record_name, "key" | "value") {
        subjects.push(format!("{topic}-{record_name}"));
    }
    subjects.sort();
    subjects
}
