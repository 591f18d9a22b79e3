//! The writers that a reader has met, and how it reads them.
//!
//! What an id stands for never changes, so nothing here does. But an id is a registry's, and a process may speak to
//! several: the schema is compared as well. Bounded in number and in memory: when it is full all is forgotten, and found
//! out again as it is met.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{plan::Plan, schema::Schema};
use crate::SchemaId;

/// How many writers are remembered.
const WRITERS_MAX: usize = 1024;

/// How many bytes of memory their plans and texts may take; a writer beyond that is remembered alone.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Writers that were met.
#[derive(Debug)]
pub(super) struct Met {
    known: BTreeMap<SchemaId, Vec<Known>>,
    count: usize,
    bytes: usize,
}

/// A writer that was met.
#[derive(Clone, Debug)]
pub(super) struct Known {
    writer: Schema,
    /// How to read it; nothing to do when it is the reader's.
    pub(super) plan: Option<Arc<Plan>>,
    /// Whether it is the reader's schema, to its defaults and properties.
    pub(super) is_same: bool,
}

impl Known {
    pub(super) fn new(writer: &Schema, reader: &Schema) -> Known {
        let plan = Plan::lenient(writer, reader);
        Known {
            writer: writer.clone(),
            plan: (!plan.is_identity()).then(|| Arc::new(plan)),
            is_same: writer.same_as(reader),
        }
    }

    pub(super) fn is_of(&self, writer: &Schema) -> bool {
        self.writer.is(writer)
    }

    pub(super) fn bytes(&self) -> usize {
        self.writer.text().len() + self.plan.as_ref().map_or(0, |plan| plan.bytes())
    }
}

impl Met {
    pub(super) const fn new() -> Met {
        Met {
            known: BTreeMap::new(),
            count: 0,
            bytes: 0,
        }
    }

    pub(super) fn find(&self, id: SchemaId, writer: &Schema) -> Option<&Known> {
        let same_id = self.known.get(&id)?;
        same_id.iter().find(|known| known.is_of(writer))
    }

    /// Remembers a writer, and answers what is remembered of it: others may have met it meanwhile.
    pub(super) fn remember(&mut self, id: SchemaId, new: Known) -> Known {
        if let Some(known) = self.find(id, &new.writer) {
            return known.clone();
        }
        if self.count == WRITERS_MAX || self.bytes + new.bytes() > BYTES_MAX {
            *self = Met::new();
        }
        self.count += 1;
        self.bytes += new.bytes();
        self.known.entry(id).or_default().push(new.clone());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Schema {
        Schema::parse(text, &[]).unwrap()
    }

    fn id(number: u32) -> SchemaId {
        SchemaId::new(number).unwrap()
    }

    #[test]
    fn a_writer_is_remembered_once_whoever_parsed_it() {
        let reader = schema("\"long\"");
        let mut met = Met::new();
        let first = met.remember(id(1), Known::new(&schema("\"int\""), &reader));
        let again = met.remember(id(1), Known::new(&schema("\"int\""), &reader));
        assert!(Arc::ptr_eq(&first.plan.unwrap(), &again.plan.unwrap()));
        assert_eq!(met.count, 1);
        // Another registry's id.
        let other = met.remember(id(1), Known::new(&reader, &reader));
        assert!(other.plan.is_none() && other.is_same);
        assert_eq!(met.count, 2);
        assert!(
            met.find(id(1), &schema("\"int\""))
                .is_some_and(|known| !known.is_same)
        );
        assert!(
            met.find(id(1), &schema("\"long\""))
                .is_some_and(|known| known.is_same)
        );
        assert!(met.find(id(2), &schema("\"int\"")).is_none());
    }

    #[test]
    fn one_writer_too_many_is_remembered_and_the_others_are_not() {
        let (writer, reader) = (schema("\"int\""), schema("\"long\""));
        let known = Known::new(&writer, &reader);
        let mut met = Met::new();
        for number in 1..=1025 {
            met.remember(id(number), known.clone());
        }
        assert!(met.find(id(1025), &writer).is_some() && met.find(id(1024), &writer).is_none());
        assert_eq!(met.count, 1);
        met.bytes = BYTES_MAX;
        met.remember(id(1), known);
        assert!(met.find(id(1), &writer).is_some() && met.find(id(1025), &writer).is_none());
    }
}
