//! Whether an event is one schema under two subjects, whatever the texts are that it stands in.
//!
//! A record of Avro is the same alone, in a union, by a reference and with other documentation. Invariant: what is the same is read
//! alike by either. So what goes through migration rules is the same under one id alone, for rules are a subject's own; and
//! so are events of other formats.

use annals_schema_model::Schema;

use crate::resolve::{Registered, Subjects};

/// Whether an event is under one subject what it is under another.
pub(super) fn is_same(event: &str, one: &Registered, other: &Registered, subjects: &dyn Subjects) -> bool {
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
