//! Compatibility levels put to work: which versions a new schema is compared with, and in which order.
//!
//! Invariant: versions are tried newest first and the first one with findings ends the check, as clients of the
//! Confluent API expect. The rules themselves live with each schema type (`avro::compat`, `proto::compat`, `json::compat`).

use crate::{Direction, Finding, Form, Level, Rule, Schema, Span, Standard, Version, lines::Lines};

/// A subject holds schemas of one type.
pub const SCHEMA_TYPE_CHANGED: Rule = Rule::new(
    "SCHEMA_TYPE_CHANGED",
    Form::Plain,
    "A new version must be of the same schema type as the version before it.",
)
.fixed_by("Send the schema with the type of the versions before it, or register it under another subject.");

/// Those of a subject's versions, given in any order, that a new schema is compared with at a level, in the order of
/// comparison: newest first, all of them at a transitive level, the newest alone at the others, none at `NONE`.
#[must_use]
pub fn compared<T>(level: Level, mut olds: Vec<T>, version: impl Fn(&T) -> Version) -> Vec<T> {
    olds.sort_by_key(|old| std::cmp::Reverse(version(old)));
    olds.truncate(match level {
        Level::None => 0,
        _ if level.is_transitive() => olds.len(),
        _ => 1,
    });
    olds
}

/// All findings of a new schema against the live versions of its subject, given in any order.
///
/// An empty answer means compatible. The versions that count ([`compared`]) are tried up to the first that has findings.
/// At the FULL levels what the old schema cannot read comes first.
#[must_use]
pub fn check(standard: impl Into<Standard>, new: &Schema, olds: &[(Version, &Schema)]) -> Vec<Finding> {
    let standard = standard.into();
    for (version, old) in compared(standard.level, olds.to_vec(), |(version, _)| *version) {
        let mut findings = check_pair(standard, new, old);
        if !findings.is_empty() {
            for finding in &mut findings {
                finding.version = Some(version);
            }
            return findings;
        }
    }
    Vec::new()
}

/// All findings of a new schema against one old schema, their version left open, for those who know which pair they ask about.
#[must_use]
pub fn check_pair(standard: Standard, new: &Schema, old: &Schema) -> Vec<Finding> {
    let level = standard.level;
    if new.schema_type() != old.schema_type() {
        let direction = if level.is_backward() {
            Direction::Backward
        } else {
            Direction::Forward
        };
        return vec![type_changed(new, old, direction)];
    }
    let mut findings = Vec::new();
    if level.is_forward() {
        findings.extend(can_read(standard, old, new, Direction::Forward));
    }
    if level.is_backward() {
        findings.extend(can_read(standard, new, old, Direction::Backward));
    }
    findings
}

/// What keeps `reader` from reading data of `writer`.
pub(crate) fn can_read(
    standard: Standard,
    reader: &Schema,
    writer: &Schema,
    direction: Direction,
) -> Vec<Finding> {
    match (reader, writer) {
        #[cfg(feature = "avro")]
        (Schema::Avro(reader), Schema::Avro(writer)) => {
            crate::avro::compat::judge(standard, reader, writer, direction)
        }
        #[cfg(feature = "proto")]
        (Schema::Proto(reader), Schema::Proto(writer)) => {
            crate::proto::compat::judge(standard, reader, writer, direction)
        }
        #[cfg(feature = "json")]
        (Schema::Json(reader), Schema::Json(writer)) => {
            crate::json::compat::check(standard, reader, writer, direction)
        }
        #[allow(unreachable_patterns)]
        _ => {
            let (new, old) = match direction {
                Direction::Backward => (reader, writer),
                Direction::Forward => (writer, reader),
            };
            vec![type_changed(new, old, direction)]
        }
    }
}

fn type_changed(new: &Schema, old: &Schema, direction: Direction) -> Finding {
    let description = "Incompatible because of different schema type";
    let finding = Finding::new(SCHEMA_TYPE_CHANGED, "/", description, direction);
    let end = new.text().len();
    Finding {
        old: old.schema_type().to_string(),
        new: new.schema_type().to_string(),
        ..finding.at(&Lines::of(new.text()), Span { start: 0, end })
    }
}
