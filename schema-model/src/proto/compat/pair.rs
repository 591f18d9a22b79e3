//! Pairs of message types that fields lead to, when names alone do not settle that they are the same.
//!
//! A field whose types make a pair is noted as a difference *on* that pair, and the pair waits its turn; once all are
//! compared, those with a difference that counts are incompatible, and so are the pairs that lead to them. This is how
//! recursion ends, and how deep types nest does not matter.

use std::collections::{HashMap, HashSet};

use prost_reflect::{EnumDescriptor, MessageDescriptor};

use super::{Comparison, Difference, Site};
use crate::{
    Policy, Standard,
    proto::{relative_name, rules},
};

/// Most pairs of types compared.
const PAIRS_MAX: usize = 100_000;

/// Most fields compared in pairs, on both sides.
pub(super) const WORK_MAX: usize = 1_000_000;

/// Two message types of which one or both are in another file.
#[derive(Default)]
pub(super) struct Pair {
    types: Option<(MessageDescriptor, MessageDescriptor)>,
    /// The pair whose field first led here, and that field's path within it.
    pub(super) parent: Option<(usize, Vec<String>)>,
    around: (Site, Site),
    pub(super) found: Vec<Difference>,
}

/// Pairs by the full names of both types.
#[derive(Default)]
pub(super) struct Known {
    messages: HashMap<(String, String), usize>,
    enums: HashSet<(String, String)>,
}

impl Comparison {
    /// Compares the types of a message field: by name without package, and where that does not settle it by structure.
    /// Types both schemas declare themselves are compared where they are declared.
    pub(super) fn types(
        &mut self,
        writer: &MessageDescriptor,
        reader: &MessageDescriptor,
        sites: &(Option<Site>, Option<Site>),
    ) {
        let same_name = relative_name(writer) == relative_name(reader);
        let (writer_file, reader_file) = (writer.parent_file(), reader.parent_file());
        if !same_name && !self.bytes_only() {
            self.note(
                &rules::FIELD_NAMED_TYPE_CHANGED,
                "",
                sites.0.clone(),
                sites.1.clone(),
            );
            return;
        }
        let own = writer_file.name() == self.writer_file && reader_file.name() == self.reader_file;
        let known =
            writer_file.name().starts_with("google/protobuf/") && writer_file.name() == reader_file.name();
        if same_name && (own && !writer.is_map_entry() && !reader.is_map_entry() || known) {
            return;
        }
        let on = self.pair(writer, reader);
        self.note(
            &rules::FIELD_NAMED_TYPE_CHANGED,
            "",
            sites.0.clone(),
            sites.1.clone(),
        );
        let noted = self
            .pairs
            .get_mut(self.current)
            .and_then(|pair| pair.found.last_mut());
        if let Some(noted) = noted {
            noted.on = on;
        }
    }

    /// The pair of two types; none when there are too many, and what cannot be compared is not called the same.
    fn pair(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) -> Option<usize> {
        let names = (writer.full_name().to_owned(), reader.full_name().to_owned());
        if let Some(pair) = self.known.messages.get(&names) {
            return Some(*pair);
        }
        let work = 1 + writer.fields().len() + reader.fields().len();
        self.work_left = self.work_left.checked_sub(work)?;
        let index = self.pairs.len();
        if index >= PAIRS_MAX {
            return None;
        }
        self.known.messages.insert(names, index);
        self.pairs.push(Pair {
            types: Some((writer.clone(), reader.clone())),
            parent: Some((self.current, self.path.clone())),
            around: self.around.clone(),
            found: Vec::new(),
        });
        Some(index)
    }

    /// Compares the pairs that were met, and those met on the way.
    pub(super) fn foreign_pairs(&mut self) {
        let mut next = 1;
        while let Some(pair) = self.pairs.get_mut(next) {
            let (types, around) = (pair.types.take(), std::mem::take(&mut pair.around));
            (self.current, self.path, self.around) = (next, Vec::new(), around);
            if let Some((writer, reader)) = types {
                self.fields(&writer, &reader);
            }
            next += 1;
        }
    }

    /// Compares the enums of a field when their declarations are not compared themselves.
    pub(super) fn foreign_enums(&mut self, writer: &EnumDescriptor, reader: &EnumDescriptor) {
        let (writer_file, reader_file) = (writer.parent_file(), reader.parent_file());
        let own = writer_file.name() == self.writer_file && reader_file.name() == self.reader_file;
        let names = || (writer.full_name().to_owned(), reader.full_name().to_owned());
        if !own && self.known.enums.insert(names()) {
            self.enum_values(writer, reader, false);
        }
    }

    /// For each pair, whether the types are incompatible.
    pub(super) fn incompatible(&self) -> Vec<bool> {
        // What strictness adds to structure is told at its own place and blamed on nobody else.
        let structure = Standard {
            policy: match self.standard.policy {
                Policy::Wire => Policy::Wire,
                Policy::Confluent | Policy::Strict => Policy::Confluent,
            },
            ..Standard::default()
        };
        let mut incompatible = vec![false; self.pairs.len()];
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.pairs.len()];
        let mut open = Vec::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            for difference in &pair.found {
                match difference.on {
                    Some(on) => users.get_mut(on).into_iter().for_each(|users| users.push(index)),
                    None if difference.row.counts(structure) => open.push(index),
                    None => {}
                }
            }
        }
        while let Some(index) = open.pop() {
            let known = incompatible
                .get_mut(index)
                .map(|known| std::mem::replace(known, true));
            if known == Some(false) {
                open.extend(users.get(index).into_iter().flatten());
            }
        }
        incompatible
    }
}
