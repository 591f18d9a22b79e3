//! A pair of records: where each field of the reader's comes from.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Builder, TOO_LARGE_MESSAGE, too_large};
use crate::avro::{
    node::{Field, Kind, NodeId, Record},
    plan::{DefaultValue, EXACT, FieldStep, From, RecordSteps, Step, StepId},
};

/// What a value of a default counts for beside its bytes: a value takes room even where its bytes are few.
const VALUE_BYTES: usize = 64;

impl Builder<'_> {
    pub(super) fn record(&mut self, id: StepId, writer: NodeId, reader: NodeId) -> Step {
        let (writer_schema, reader_schema) = (self.writer, self.reader);
        let (Kind::Record(written), Kind::Record(record)) =
            (&writer_schema.node(writer).kind, &reader_schema.node(reader).kind)
        else {
            return Step::Fail("not a record".to_owned(), Some(writer));
        };
        let fields = written.fields.len() + record.fields.len();
        if !self.take(fields * size_of::<FieldStep>()) {
            return too_large();
        }
        let sources = match self.sources(written, reader, record) {
            Ok(sources) => sources,
            Err(message) => return Step::Fail(message, Some(writer)),
        };
        let read = |from: &From| match from {
            From::Field(index, _) => Some(*index),
            From::Default(_) => None,
        };
        let order: Vec<usize> = sources.iter().filter_map(read).collect();
        let in_order = order.is_sorted();
        if in_order && order.len() == written.fields.len() && order.len() == sources.len() {
            self.identities.insert(id.0);
        }
        let passed = |from: usize, to: usize| -> Box<[NodeId]> {
            let passed = written.fields.get(from..to).filter(|_| in_order);
            passed
                .unwrap_or_default()
                .iter()
                .map(|field| field.node)
                .collect()
        };
        let mut next = 0;
        let fields = sources
            .into_iter()
            .zip(&record.fields)
            .map(|(from, field)| match from {
                From::Field(index, _) => {
                    let step = self.step(written.fields[index].node, field.node);
                    let passed = passed(next, index);
                    next = index + 1;
                    FieldStep {
                        passed,
                        from: From::Field(index, step),
                    }
                }
                default => FieldStep {
                    passed: Box::default(),
                    from: default,
                },
            });
        let fields = fields.collect();
        Step::Record(RecordSteps {
            fields,
            passed: passed(next, written.fields.len()),
            reordered: (!in_order).then(|| written.fields.iter().map(|field| field.node).collect()),
        })
    }

    /// Where each field of the reader comes from; how a field is read is not known yet.
    fn sources(&mut self, written: &Record, reader: NodeId, record: &Record) -> Result<Vec<From>, String> {
        let names = self.branches.names;
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, field) in written.fields.iter().enumerate() {
            let name = names.field(written.name.full(), &field.name);
            // A field that has the name beats one that gets it by an alias.
            if *field.name == *name || !places.contains_key(name) {
                places.insert(name, index);
            }
        }
        let mut free: Vec<bool> = vec![true; written.fields.len()];
        for field in &record.fields {
            if let Some(index) = places.get(&*field.name) {
                free[*index] = false;
            }
        }
        // What the compatibility rules promise beyond Java: the field's own name or an alias, wherever the records live.
        let mut promised = |field: &Field| {
            let aliases = field.aliases.iter().map(String::as_str);
            let names = std::iter::once(&*field.name).chain(aliases);
            let found = names
                .filter_map(|name| written.field(name))
                .find(|(index, _)| free[*index]);
            found.map(|(index, _)| {
                free[index] = false;
                From::Field(index, EXACT)
            })
        };
        let sources = record.fields.iter().enumerate().map(|(place, field)| {
            if let Some(index) = places.get(&*field.name) {
                return Ok(From::Field(*index, EXACT));
            }
            match self.default((reader, place), field) {
                Some(default) => default.map(From::Default),
                None => promised(field).ok_or_else(|| {
                    let (name, other) = (written.name.full(), record.name.full());
                    format!("found {name}, the reader expects {other}: field \"{}\" is missing and has no default", field.name)
                }),
            }
        });
        sources.collect()
    }

    /// The default of a field, which stands at a place of a reader's record.
    fn default(
        &mut self,
        place: (NodeId, usize),
        field: &Field,
    ) -> Option<Result<Arc<DefaultValue>, String>> {
        let default = field.default.as_ref()?;
        if let Some(known) = self.defaults.get(&place) {
            return Some(known.clone());
        }
        let encoded = match self.reader.default(field.node, default) {
            Ok(encoded) if self.take(encoded.bytes.len()) => Ok(Arc::new(DefaultValue {
                field: (*field.name).into(),
                cost: encoded.bytes.len() + encoded.values * VALUE_BYTES,
                bytes: encoded.bytes,
            })),
            Ok(_) => Err(TOO_LARGE_MESSAGE.to_owned()),
            Err(problem) => Err(format!("field \"{}\": {problem}", field.name)),
        };
        self.defaults.insert(place, encoded.clone());
        Some(encoded)
    }
}
