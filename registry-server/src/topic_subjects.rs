//! Which subjects speak for a topic: the registry clients' naming strategies, read backwards.
//!
//! `<topic>-key` and `<topic>-value` (TopicNameStrategy) and `<topic>-<full record name>` (TopicRecordNameStrategy,
//! told by the name of the record the subject holds, because topic names may contain hyphens too). A subject named by
//! its record alone (RecordNameStrategy) speaks for no topic.

use annals_schema_model::SchemaId;

use crate::guard::Side;
use crate::registry::View;

/// Is `id`, registered as `subject`, meant for this side of the topic?
#[must_use]
pub fn is_subject_of(view: &View, topic: &str, side: Side, subject: &str, id: SchemaId) -> bool {
    let Some(rest) = subject
        .strip_prefix(topic)
        .and_then(|rest| rest.strip_prefix('-'))
    else {
        return false;
    };
    match rest {
        "key" | "value" => rest == side.name(),
        record => view
            .schema(id)
            .and_then(|stored| view.parsed(stored).ok())
            .is_some_and(|schema| schema.record_name().as_deref() == Some(record)),
    }
}

/// The subjects that make a topic's keys or values checked by default, by name, with the id of their newest version.
///
/// Record-named subjects count for values only: nothing in their names tells a key from a value.
pub fn subjects_of(view: &View, topic: &str, side: Side) -> Vec<(String, SchemaId)> {
    let prefix = format!("{topic}-");
    let subjects = view.default_context().subjects_from(&prefix);
    let named = subjects.take_while(|(name, _)| name.starts_with(&prefix));
    let named = named.filter_map(|(name, subject)| {
        let latest = subject.latest()?;
        let counts = side == Side::Value || name.ends_with("-key");
        (counts && is_subject_of(view, topic, side, name, latest.id)).then(|| (name.to_string(), latest.id))
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
