//! What to do about a finding: the row's fix, told to whoever wrote the new schema, with what stood there before.
//!
//! The fixes of the rows speak of a new schema that reads. Going forward the new schema writes, and where that turns the
//! advice round, it is said here.

use super::super::rules::{self, Row};
use crate::Direction;

/// Longest old declaration that is worth repeating, in bytes.
const REPEATED_MAX: usize = 80;

/// The advice for a row, in a direction, about a declaration that was `old`.
pub(super) fn hint(row: &Row, direction: Direction, old: &str) -> String {
    let fix = match direction {
        Direction::Backward => row.rule.fix(),
        Direction::Forward => forward(row),
    };
    let one_line = old.len() <= REPEATED_MAX && old.ends_with(';');
    if one_line {
        format!("{fix} It was: {old}.").replace(";.", ".")
    } else {
        fix.to_owned()
    }
}

fn forward(row: &Row) -> &'static str {
    let is = |other: &Row| row.rule == other.rule;
    if is(&rules::MESSAGE_REMOVED) {
        "Leave the new message out: readers with the old schema do not know it. A level that only goes backward lets it in."
    } else if is(&rules::REQUIRED_FIELD_ADDED) {
        "Keep the field: readers with the old schema require it."
    } else if is(&rules::REQUIRED_FIELD_REMOVED) {
        "Make the new field optional."
    } else if is(&rules::ONEOF_FIELD_REMOVED) {
        "Put the new field outside of the oneof: readers with the old schema would find none of its members set."
    } else if is(&rules::MULTIPLE_FIELDS_MOVED_TO_ONEOF) || is(&rules::FIELD_MOVED_TO_EXISTING_ONEOF) {
        "Leave the fields in their oneof: readers with the old schema keep one of them only."
    } else if is(&rules::ENUM_CONST_REMOVED) {
        "Leave the new value out: readers with the old schema do not know it. A level that only goes backward lets it in."
    } else if is(&rules::FIELD_MADE_REQUIRED) {
        "Leave the field required: readers with the old schema require it."
    } else if is(&rules::PACKED_FIELD_MADE_SINGLE) {
        "Leave the field single: readers with the old schema cannot read packed values."
    } else if is(&rules::FIELD_TYPE_NARROWED) {
        "Keep the type: readers with the old schema hold fewer values. Add a new field with a new number for the other."
    } else {
        row.rule.fix()
    }
}
