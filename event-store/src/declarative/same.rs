//! Whether an event is one schema under two subjects, whatever the texts are that it stands in.
//!
//! A record of Avro is the same alone, in a union, by a reference and with other documentation. Invariant: what is the same is read
//! alike by either. So what goes through migration rules is the same under one id alone, for rules are a subject's own; and
//! so are events of other formats.

use annals_schema_model::Schema;

use super::ids::Topic;
use crate::resolve::{Registered, Subjects};

/// The newest schema of an event, if that is the same under all subjects of a fold's topics that have one.
///
/// # Errors
/// There is none, or there are two.
pub(super) fn newest(
    name: &str,
    kind: &str,
    topics: &[Topic],
    subjects: &dyn Subjects,
) -> Result<Registered, String> {
    let mut newest = topics
        .iter()
        .flat_map(|topic| subjects.latest_of_each(&topic.name, name));
    let Some(first) = newest.next() else {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let plural = if names.len() > 1 { "s" } else { "" };
        return Err(format!(
            "no schema of {kind} {name} is registered for topic{plural} {}",
            names.join(", ")
        ));
    };
    match newest.find(|one| !is_same(name, &first, one, subjects)) {
        Some(other) => Err(format!(
            "{name} is one schema under {} and another under {}, and a fold reads it with one: give one {kind} \
             another name, register the same schema for both, or delete the subject that nobody writes with any more",
            first.subject, other.subject
        )),
        None => Ok(first),
    }
}

/// Whether an event is under one subject what it is under another.
fn is_same(event: &str, one: &Registered, other: &Registered, subjects: &dyn Subjects) -> bool {
    if one.writer.id == other.writer.id {
        return true;
    }
    let is_alike = match (
        &one.writer.schema.of_event(event),
        &other.writer.schema.of_event(event),
    ) {
        (Schema::Avro(one), Schema::Avro(other)) => one.same_as(other),
        _ => false,
    };
    is_alike
        && [one, other]
            .iter()
            .all(|registered| !has_rules(registered, subjects))
}

/// Whether events of a subject may go through rules.
fn has_rules(registered: &Registered, subjects: &dyn Subjects) -> bool {
    let mut writers = registered.versions.values().map(|id| subjects.writer(*id));
    writers.any(|writer| writer.is_ok_and(|writer| !writer.migrations.is_empty()))
}
