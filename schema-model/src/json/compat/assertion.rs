//! Keywords that look at the value itself: types, enums, bounds, patterns.

use std::{cmp::Ordering, collections::HashSet};

use super::{Both, Comparison};
use crate::{
    Policy,
    json::{
        node::{Keywords, Limit, Types},
        rules::{self, Row},
    },
    json_text::{Json, JsonKind, write},
};

/// Whether a schema, its combinations aside, demands anything of a value.
pub(super) fn demands(keywords: &Keywords) -> bool {
    let subschemas = [
        keywords.additional_properties,
        keywords.unevaluated_properties,
        keywords.property_names,
        keywords.items,
        keywords.unevaluated_items,
        keywords.contains,
        keywords.not,
        keywords.condition,
    ];
    keywords.types.is_some()
        || keywords.values.is_some()
        || !keywords.limits.is_empty()
        || keywords.multiple_of.is_some()
        || keywords.pattern.is_some()
        || keywords.format.is_some()
        || keywords.unique_items
        || !keywords.properties.is_empty()
        || !keywords.pattern_properties.is_empty()
        || !keywords.required.is_empty()
        || !keywords.dependent_required.is_empty()
        || !keywords.dependent_schemas.is_empty()
        || !keywords.prefix_items.is_empty()
        || subschemas.iter().any(Option::is_some)
}

/// The rows of a bound: added, removed, tightened, loosened; in the order of [`Limit::ALL`].
static LIMIT_ROWS: [[&Row; 4]; Limit::ALL.len()] = [
    [
        &rules::MAX_LENGTH_ADDED,
        &rules::MAX_LENGTH_REMOVED,
        &rules::MAX_LENGTH_DECREASED,
        &rules::MAX_LENGTH_INCREASED,
    ],
    [
        &rules::MIN_LENGTH_ADDED,
        &rules::MIN_LENGTH_REMOVED,
        &rules::MIN_LENGTH_INCREASED,
        &rules::MIN_LENGTH_DECREASED,
    ],
    [
        &rules::MAXIMUM_ADDED,
        &rules::MAXIMUM_REMOVED,
        &rules::MAXIMUM_DECREASED,
        &rules::MAXIMUM_INCREASED,
    ],
    [
        &rules::MINIMUM_ADDED,
        &rules::MINIMUM_REMOVED,
        &rules::MINIMUM_INCREASED,
        &rules::MINIMUM_DECREASED,
    ],
    [
        &rules::EXCLUSIVE_MAXIMUM_ADDED,
        &rules::EXCLUSIVE_MAXIMUM_REMOVED,
        &rules::EXCLUSIVE_MAXIMUM_DECREASED,
        &rules::EXCLUSIVE_MAXIMUM_INCREASED,
    ],
    [
        &rules::EXCLUSIVE_MINIMUM_ADDED,
        &rules::EXCLUSIVE_MINIMUM_REMOVED,
        &rules::EXCLUSIVE_MINIMUM_INCREASED,
        &rules::EXCLUSIVE_MINIMUM_DECREASED,
    ],
    [
        &rules::MAX_ITEMS_ADDED,
        &rules::MAX_ITEMS_REMOVED,
        &rules::MAX_ITEMS_DECREASED,
        &rules::MAX_ITEMS_INCREASED,
    ],
    [
        &rules::MIN_ITEMS_ADDED,
        &rules::MIN_ITEMS_REMOVED,
        &rules::MIN_ITEMS_INCREASED,
        &rules::MIN_ITEMS_DECREASED,
    ],
    [
        &rules::MAX_PROPERTIES_ADDED,
        &rules::MAX_PROPERTIES_REMOVED,
        &rules::MAX_PROPERTIES_DECREASED,
        &rules::MAX_PROPERTIES_INCREASED,
    ],
    [
        &rules::MIN_PROPERTIES_ADDED,
        &rules::MIN_PROPERTIES_REMOVED,
        &rules::MIN_PROPERTIES_INCREASED,
        &rules::MIN_PROPERTIES_DECREASED,
    ],
    [
        &rules::MAX_CONTAINS_ADDED,
        &rules::MAX_CONTAINS_REMOVED,
        &rules::MAX_CONTAINS_DECREASED,
        &rules::MAX_CONTAINS_INCREASED,
    ],
    [
        &rules::MIN_CONTAINS_ADDED,
        &rules::MIN_CONTAINS_REMOVED,
        &rules::MIN_CONTAINS_INCREASED,
        &rules::MIN_CONTAINS_DECREASED,
    ],
];

/// The rows of one bound.
pub(super) fn of_limit(limit: Limit) -> [&'static Row; 4] {
    LIMIT_ROWS[limit as usize]
}

/// The types a schema's values can have.
fn types(keywords: &Keywords, policy: Policy) -> Types {
    let declared = keywords.types.unwrap_or(Types::ALL);
    match &keywords.values {
        // What an enum's values are is a fact, which only the policy about facts looks at.
        Some(values) if policy == Policy::Wire => {
            let types = values.iter().map(type_of).fold(Types::NONE, Types::with);
            if types.within(declared) { types } else { declared }
        }
        _ => declared,
    }
}

/// Values in their normal form.
fn texts(values: &[Json]) -> HashSet<String> {
    let text = |value: &Json| {
        let mut out = String::new();
        write::write_values(&mut out, value);
        out
    };
    values.iter().map(text).collect()
}

fn type_of(value: &Json) -> Types {
    match &value.kind {
        JsonKind::Null => Types::NULL,
        JsonKind::Bool(_) => Types::BOOLEAN,
        JsonKind::Number(_) if value.is_integer() => Types::INTEGER,
        JsonKind::Number(_) => Types::NUMBER,
        JsonKind::String(_) => Types::STRING,
        JsonKind::Array(_) => Types::ARRAY,
        JsonKind::Object(_) => Types::OBJECT,
    }
}

impl<'s> Comparison<'s> {
    /// Compares everything but combinations and `$ref`.
    pub(super) fn base(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let writer_types = types(writes, self.standard.policy);
        let reader_types = reads.types.unwrap_or(Types::ALL);
        if !self.types(both, writer_types, reader_types) {
            return;
        }
        self.values(both);
        for limit in Limit::ALL {
            if writer_types.meets(limit.about()) && reader_types.meets(limit.about()) {
                self.limit(both, limit);
            }
        }
        let shared = |types: Types| writer_types.meets(types) && reader_types.meets(types);
        if shared(Types::NUMBER) {
            self.multiple_of(both);
        }
        if shared(Types::STRING) {
            self.pattern(both);
        }
        if shared(Types::ARRAY) {
            self.array(both);
        }
        if shared(Types::OBJECT) {
            self.object(both);
        }
    }

    fn at(&mut self, both: Both<'s>, row: &'static Row, keyword: &str) {
        self.note(
            row,
            &format!("/{keyword}"),
            both.writer_at(keyword),
            both.reader_at(keyword),
        );
    }

    /// Answers whether it makes sense to go on.
    fn types(&mut self, both: Both<'s>, writer: Types, reader: Types) -> bool {
        if writer == reader {
            return true;
        }
        let row = if writer.within(reader) {
            &rules::TYPE_EXTENDED
        } else if reader.within(writer) {
            &rules::TYPE_NARROWED
        } else {
            &rules::TYPE_CHANGED
        };
        self.at(both, row, "type");
        writer.meets(reader)
    }

    fn values(&mut self, both: Both<'s>) {
        let row = match (&both.writes.values, &both.reads.values) {
            (None, None) => return,
            (Some(_), None) => &rules::ENUM_ARRAY_EXTENDED,
            (None, Some(_)) => &rules::ENUM_ARRAY_NARROWED,
            (Some(writer), Some(reader)) => {
                let (writer, reader) = (texts(writer), texts(reader));
                match (writer.is_subset(&reader), reader.is_subset(&writer)) {
                    (true, true) => return,
                    (true, false) => &rules::ENUM_ARRAY_EXTENDED,
                    (false, true) => &rules::ENUM_ARRAY_NARROWED,
                    (false, false) => &rules::ENUM_ARRAY_CHANGED,
                }
            }
        };
        let is_const = |keywords: &Keywords| keywords.place("const").is_some();
        let keyword = if is_const(both.reads) || both.reads.values.is_none() && is_const(both.writes) {
            "const"
        } else {
            "enum"
        };
        self.at(both, row, keyword);
    }

    fn limit(&mut self, both: Both<'s>, limit: Limit) {
        let [added, removed, tightened, loosened] = of_limit(limit);
        // A count of at least nothing is no bound.
        let bound = |keywords: &'s Keywords| {
            let amount = keywords.limit(limit);
            amount.filter(|amount| !(limit.is_count() && !limit.is_upper() && amount.is_zero()))
        };
        let row = match (bound(both.writes), bound(both.reads)) {
            (None, None) => return,
            (None, Some(_)) if self.is_implied(both, limit) => return,
            (None, Some(_)) => added,
            (Some(_), None) => removed,
            (Some(writer), Some(reader)) => match (reader.compare(writer), limit.is_upper()) {
                (Ordering::Equal, _) => return,
                (Ordering::Less, true) | (Ordering::Greater, false) => tightened,
                _ => loosened,
            },
        };
        self.at(both, row, limit.keyword());
    }

    /// Whether the writer's other bound on the same end does what the reader's new one demands; only the policy about
    /// facts looks.
    fn is_implied(&self, both: Both<'s>, limit: Limit) -> bool {
        let other = match limit {
            Limit::Maximum => Limit::ExclusiveMaximum,
            Limit::ExclusiveMaximum => Limit::Maximum,
            Limit::Minimum => Limit::ExclusiveMinimum,
            Limit::ExclusiveMinimum => Limit::Minimum,
            _ => return false,
        };
        let (Some(writer), Some(reader)) = (both.writes.limit(other), both.reads.limit(limit)) else {
            return false;
        };
        let inside = match writer.compare(reader) {
            Ordering::Less => limit.is_upper(),
            Ordering::Greater => !limit.is_upper(),
            Ordering::Equal => matches!(limit, Limit::Maximum | Limit::Minimum),
        };
        inside && self.standard.policy == Policy::Wire
    }

    fn multiple_of(&mut self, both: Both<'s>) {
        let row = match (&both.writes.multiple_of, &both.reads.multiple_of) {
            (None, None) => return,
            (None, Some(_)) => &rules::MULTIPLE_OF_ADDED,
            (Some(_), None) => &rules::MULTIPLE_OF_REMOVED,
            (Some(writer), Some(reader)) => {
                match (writer.is_multiple_of(reader), reader.is_multiple_of(writer)) {
                    (true, true) => return,
                    (true, false) => &rules::MULTIPLE_OF_REDUCED,
                    (false, true) => &rules::MULTIPLE_OF_EXPANDED,
                    (false, false) => &rules::MULTIPLE_OF_CHANGED,
                }
            }
        };
        self.at(both, row, "multipleOf");
    }

    fn pattern(&mut self, both: Both<'s>) {
        let row = match (&both.writes.pattern, &both.reads.pattern) {
            (None, Some(_)) => &rules::PATTERN_ADDED,
            (Some(_), None) => &rules::PATTERN_REMOVED,
            (Some(writer), Some(reader)) if writer != reader => &rules::PATTERN_CHANGED,
            _ => return,
        };
        self.at(both, row, "pattern");
    }
}
