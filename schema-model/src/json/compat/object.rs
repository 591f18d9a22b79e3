//! Properties and content models.
//!
//! A content model is what an object may hold beside its declared properties: anything (open), nothing (closed), or
//! what a schema or a pattern allows (partially open). What a property that came did before is up to the writer's
//! model, what becomes of one that went is up to the reader's.

use std::collections::{HashMap, HashSet};

use super::{
    Both, Comparison, Side, Site, accepts_everything,
    array::{Rest, whole},
    settle,
};
use crate::json::{
    node::{Keywords, Kind, NodeId},
    rules::{self, Row},
    validator::{PATTERN_BYTES_MAX, PATTERNS_MAX},
};

fn rest_of_object(keywords: &Keywords) -> Option<NodeId> {
    keywords.additional_properties.or(keywords.unevaluated_properties)
}

/// The names each property's presence demands.
fn required_lists(keywords: &Keywords) -> HashMap<&str, HashSet<&str>> {
    let lists = keywords.dependent_required.iter();
    lists
        .map(|(name, names)| (name.as_str(), names.iter().map(String::as_str).collect()))
        .collect()
}

impl<'s> Comparison<'s> {
    pub(super) fn object(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        for (name, writer) in writes.properties.iter() {
            if !self.spend() {
                return;
            }
            let path = format!("/properties/{name}");
            match reads.property(name) {
                Some(reader) => {
                    let sites = (both.writer_at("properties"), both.reader_at("properties"));
                    self.below(&path, whole(*writer, reader), &sites.0, &sites.1);
                    self.reader_patterns(both, name, *writer);
                }
                None => self.property_removed(both, name, &path, *writer),
            }
        }
        for (name, reader) in reads.properties.iter() {
            if writes.property(name).is_none() && self.spend() {
                self.property_added(both, name, &format!("/properties/{name}"), *reader);
            }
        }
        self.required(both);
        self.patterns(both);
        self.rest_of_properties(both);
        self.property_names(both);
        self.dependencies(both);
    }

    /// Whether a pattern matches a name; one the engine does not know matches none, nor does one too many.
    fn matches(&mut self, pattern: &str, name: &str) -> bool {
        if !self.spend() {
            return false;
        }
        if !self.patterns.contains_key(pattern) {
            if self.patterns.len() == PATTERNS_MAX {
                return false;
            }
            let compiled = regex::RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .dfa_size_limit(PATTERN_BYTES_MAX)
                .build();
            self.patterns.insert(pattern.to_owned(), compiled.ok());
        }
        let compiled = self.patterns.get(pattern);
        compiled
            .and_then(Option::as_ref)
            .is_some_and(|regex| regex.is_match(name))
    }

    /// The first pattern that matches a name.
    fn by_pattern(&mut self, keywords: &'s Keywords, name: &str) -> Option<NodeId> {
        let found = keywords
            .pattern_properties
            .iter()
            .find(|(pattern, _)| self.matches(pattern, name));
        found.map(|(_, node)| *node)
    }

    /// The reader's patterns judge a declared property too; those the writer has as well are compared by themselves.
    fn reader_patterns(&mut self, both: Both<'s>, name: &str, writer: NodeId) {
        for (pattern, reader) in both.reads.pattern_properties.iter() {
            if self.matches(pattern, name) && both.writes.pattern_properties.get(pattern).is_none() {
                let sites = (Site::of(writer), both.reader_at("patternProperties"));
                let path = format!("/patternProperties/{pattern}");
                self.below(&path, whole(writer, *reader), &sites.0, &sites.1);
            }
        }
    }

    fn property_removed(&mut self, both: Both<'s>, name: &str, path: &str, writer: NodeId) {
        let covering = self.by_pattern(both.reads, name);
        let rest = match covering {
            Some(node) => Rest::Only(node),
            None => Rest::of(self.reader, rest_of_object(both.reads)),
        };
        let row = match rest {
            Rest::Anything => &rules::PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL,
            Rest::Nothing if matches!(self.writer.node(writer).kind, Kind::Bool(false)) => {
                &rules::PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL
            }
            Rest::Nothing => &rules::PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Rest::Only(rest) if self.accepts(whole(writer, rest)) => {
                &rules::PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
            }
            Rest::Only(_) => &rules::PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        };
        self.note(row, path, Site::of(writer), Site::of(both.pair.reader.node));
    }

    fn property_added(&mut self, both: Both<'s>, name: &str, path: &str, reader: NodeId) {
        let (writer_at, reader_at) = (Site::of(both.pair.writer.node), Site::of(reader));
        let rest = match self.by_pattern(both.writes, name) {
            Some(node) => Rest::Only(node),
            None => Rest::of(self.writer, rest_of_object(both.writes)),
        };
        let is_required = both.reads.requires(name) && !both.writes.requires(name);
        let has_default = self.has_default(reader);
        let row: Option<&'static Row> = match rest {
            Rest::Anything if accepts_everything(self.reader, Side::whole(reader)) => {
                Some(&rules::PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL)
            }
            Rest::Anything => Some(match (is_required, has_default) {
                (false, _) => &rules::OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
                (true, false) => &rules::REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
                (true, true) => &rules::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL,
            }),
            Rest::Nothing => None,
            Rest::Only(rest) if self.accepts(whole(rest, reader)) => {
                Some(&rules::PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL)
            }
            Rest::Only(_) => Some(&rules::PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL),
        };
        if let Some(row) = row {
            self.note(row, path, writer_at.clone(), reader_at.clone());
        }
        if matches!(rest, Rest::Anything) {
            // One finding is enough where adding the property is one already.
            if is_required && row.is_none_or(|row| row.is_compatible(self.standard)) {
                self.require(both, name, has_default);
            }
            return;
        }
        let row = match (is_required, has_default) {
            (false, _) => &rules::OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
            (true, false) => &rules::REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
            (true, true) => &rules::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL,
        };
        self.note(row, path, writer_at, reader_at);
    }

    fn has_default(&self, reader: NodeId) -> bool {
        let own = self.reader.keywords(reader);
        let settled = settle(self.reader, Side::whole(reader)).node;
        let target = self.reader.keywords(settled);
        [own, target]
            .into_iter()
            .flatten()
            .any(|keywords| keywords.default.is_some())
    }

    fn require(&mut self, both: Both<'s>, name: &str, has_default: bool) {
        let row: &'static Row = if has_default {
            &rules::REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED
        } else {
            &rules::REQUIRED_ATTRIBUTE_ADDED
        };
        let path = format!("/required/{name}");
        self.note(row, &path, both.writer_at("required"), both.reader_at("required"));
    }

    /// Properties that were there, or that are not declared now; added ones were looked at when they were met.
    fn required(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        // Confluent's registry looks through declared properties, and so misses one that takes another's place in the list.
        let replaced = |name: &String| !reads.requires(name) && reads.property(name).is_some();
        let is_missed = writes.required.iter().any(replaced);
        for name in reads.required.iter().filter(|name| !writes.requires(name)) {
            match (writes.property(name), reads.property(name)) {
                (_, None) if is_missed => {
                    let sites = (both.writer_at("required"), both.reader_at("required"));
                    let row = &rules::REQUIRED_ATTRIBUTE_WITHOUT_SCHEMA_ADDED;
                    self.note(row, &format!("/required/{name}"), sites.0, sites.1);
                }
                (Some(_), reader) | (None, reader @ None) => {
                    let has_default = reader.is_some_and(|reader| self.has_default(reader));
                    self.require(both, name, has_default);
                }
                (None, Some(_)) => {}
            }
        }
        for name in writes.required.iter().filter(|name| !reads.requires(name)) {
            let sites = (both.writer_at("required"), both.reader_at("required"));
            let path = format!("/required/{name}");
            self.note(&rules::REQUIRED_ATTRIBUTE_REMOVED, &path, sites.0, sites.1);
        }
    }

    fn patterns(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let keyword = "patternProperties";
        for (pattern, writer) in writes.pattern_properties.iter() {
            let path = format!("/{keyword}/{pattern}");
            match reads.pattern_properties.get(pattern) {
                Some(reader) => {
                    let sites = (both.writer_at(keyword), both.reader_at(keyword));
                    self.below(&path, whole(*writer, reader), &sites.0, &sites.1);
                }
                None => self.property_removed(both, "", &path, *writer),
            }
        }
        for (pattern, reader) in reads.pattern_properties.iter() {
            if writes.pattern_properties.get(pattern).is_some() {
                continue;
            }
            let row = match Rest::of(self.writer, rest_of_object(writes)) {
                Rest::Nothing => continue,
                Rest::Anything if accepts_everything(self.reader, Side::whole(*reader)) => continue,
                Rest::Anything => &rules::PATTERN_PROPERTY_ADDED,
                Rest::Only(rest) if self.accepts(whole(rest, *reader)) => continue,
                Rest::Only(_) => &rules::PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            };
            let writer_at = Site::of(both.pair.writer.node);
            self.note(
                row,
                &format!("/{keyword}/{pattern}"),
                writer_at,
                Site::of(*reader),
            );
        }
    }

    fn rest_of_properties(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let unevaluated = writes.additional_properties.is_none() && reads.additional_properties.is_none();
        let (keyword, rows) = if unevaluated {
            (
                "unevaluatedProperties",
                [
                    &rules::UNEVALUATED_PROPERTIES_ADDED,
                    &rules::UNEVALUATED_PROPERTIES_REMOVED,
                    &rules::UNEVALUATED_PROPERTIES_EXTENDED,
                    &rules::UNEVALUATED_PROPERTIES_NARROWED,
                ],
            )
        } else {
            (
                "additionalProperties",
                [
                    &rules::ADDITIONAL_PROPERTIES_ADDED,
                    &rules::ADDITIONAL_PROPERTIES_REMOVED,
                    &rules::ADDITIONAL_PROPERTIES_EXTENDED,
                    &rules::ADDITIONAL_PROPERTIES_NARROWED,
                ],
            )
        };
        self.rest(
            both,
            keyword,
            rows,
            [rest_of_object(writes), rest_of_object(reads)],
        );
    }

    /// Compares two content models; the rows are added, removed, extended, narrowed.
    pub(super) fn rest(
        &mut self,
        both: Both<'s>,
        keyword: &str,
        [added, removed, extended, narrowed]: [&'static Row; 4],
        [writer, reader]: [Option<NodeId>; 2],
    ) {
        let sites = (both.writer_at(keyword), both.reader_at(keyword));
        let path = format!("/{keyword}");
        let row = match (Rest::of(self.writer, writer), Rest::of(self.reader, reader)) {
            (Rest::Anything, Rest::Anything) | (Rest::Nothing, Rest::Nothing) => return,
            (Rest::Nothing, _) => added,
            (Rest::Only(_), Rest::Anything) => extended,
            (Rest::Anything, Rest::Nothing) => removed,
            (Rest::Anything, Rest::Only(_)) | (Rest::Only(_), Rest::Nothing) => narrowed,
            (Rest::Only(writer), Rest::Only(reader)) => {
                return self.below(&path, whole(writer, reader), &sites.0, &sites.1);
            }
        };
        self.note(row, &path, sites.0, sites.1);
    }

    fn property_names(&mut self, both: Both<'s>) {
        let sites = (both.writer_at("propertyNames"), both.reader_at("propertyNames"));
        match (both.writes.property_names, both.reads.property_names) {
            (Some(writer), Some(reader)) => {
                self.below("/propertyNames", whole(writer, reader), &sites.0, &sites.1);
            }
            (None, Some(_)) => self.note(&rules::SCHEMA_ADDED, "/propertyNames", sites.0, sites.1),
            (Some(_), None) => self.note(&rules::SCHEMA_REMOVED, "/propertyNames", sites.0, sites.1),
            (None, None) => {}
        }
    }

    fn dependencies(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let keyword = |lists: &str, keywords: &Keywords| {
            let old = keywords.place("dependencies").is_some();
            if old {
                "dependencies".to_owned()
            } else {
                lists.to_owned()
            }
        };
        let arrays = keyword("dependentRequired", reads);
        let (writer_lists, reader_lists) = (required_lists(writes), required_lists(reads));
        let names = writes.dependent_required.iter().chain(&reads.dependent_required);
        let mut names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let row = match (writer_lists.get(name), reader_lists.get(name)) {
                (None, Some(_)) => &rules::DEPENDENCY_ARRAY_ADDED,
                (Some(_), None) => &rules::DEPENDENCY_ARRAY_REMOVED,
                (Some(writer), Some(reader)) => match (writer.is_subset(reader), reader.is_subset(writer)) {
                    (true, true) => continue,
                    (true, false) => &rules::DEPENDENCY_ARRAY_EXTENDED,
                    (false, true) => &rules::DEPENDENCY_ARRAY_NARROWED,
                    (false, false) => &rules::DEPENDENCY_ARRAY_CHANGED,
                },
                (None, None) => continue,
            };
            let sites = (both.writer_at(&arrays), both.reader_at(&arrays));
            self.note(row, &format!("/{arrays}/{name}"), sites.0, sites.1);
        }
        self.dependent_schemas(both, &keyword("dependentSchemas", reads));
    }

    fn dependent_schemas(&mut self, both: Both<'s>, keyword: &str) {
        let Both { writes, reads, .. } = both;
        let sites = (both.writer_at(keyword), both.reader_at(keyword));
        for (name, reader) in reads.dependent_schemas.iter() {
            let path = format!("/{keyword}/{name}");
            match writes.dependent_schemas.get(name) {
                Some(writer) => self.below(&path, whole(writer, *reader), &sites.0, &sites.1),
                None => self.note(
                    &rules::DEPENDENCY_SCHEMA_ADDED,
                    &path,
                    sites.0.clone(),
                    sites.1.clone(),
                ),
            }
        }
        for (name, _) in writes.dependent_schemas.iter() {
            if reads.dependent_schemas.get(name).is_none() {
                let path = format!("/{keyword}/{name}");
                self.note(
                    &rules::DEPENDENCY_SCHEMA_REMOVED,
                    &path,
                    sites.0.clone(),
                    sites.1.clone(),
                );
            }
        }
    }
}
