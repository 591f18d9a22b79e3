//! What a question takes of one aggregate: its row, what it is ordered by, what is summed up, and how large its state is.

use std::sync::atomic::{AtomicBool, Ordering};

use annals_schema_model::Value;

use super::Rows;
use crate::error::StoreError;
use crate::folding::Folding;
use crate::list::Member;
use crate::members::Weighed;
use crate::question::{Asked, Taken};
use crate::sweep::Wanted;

/// What a question gives of an aggregate.
pub(crate) struct Row {
    pub(crate) member: Member,
    pub(crate) taken: Taken,
    /// The columns with their types, where they are wanted so; the member has no state then.
    pub(crate) cells: Vec<Value>,
    #[cfg(feature = "avro-files")]
    pub(crate) recorded_ms: Option<i64>,
}

/// What a question saw of an aggregate.
pub(super) struct Seen {
    /// About how large its state is.
    bytes: usize,
    /// Its row, where the condition holds.
    pub(super) row: Option<Row>,
}

impl Weighed for Seen {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Rows {
    /// What the question takes of an aggregate. Where no rows are wanted any more, its state is not shown.
    pub(super) fn look(
        &self,
        one: &Wanted,
        folding: &mut Folding<'_>,
        wants_rows: &AtomicBool,
    ) -> Result<Seen, StoreError> {
        if !self.asked.is_of_values() {
            let state = match wants_rows.load(Ordering::Relaxed) {
                true => folding.view(),
                false => serde_json::Value::Null,
            };
            return Ok(Seen {
                bytes: weight_in_json(&state),
                row: Some(self.row(one, folding, state, Taken::default(), Vec::new())),
            });
        }
        let value = folding.value();
        let taken = self
            .asked
            .take(&value)
            .map_err(|problem| self.undecided(&one.key, problem))?;
        let row = taken.map(|taken| {
            let (mut cells, mut state) = (Vec::new(), serde_json::Value::Null);
            match &self.asked.columns {
                Some(columns) if self.is_typed => {
                    let found = columns.iter().map(|column| column.find(&value));
                    cells.extend(found.map(|found| found.cloned().unwrap_or_default()));
                }
                Some(columns) => state = Asked::columns_of(columns, &value),
                None if wants_rows.load(Ordering::Relaxed) => state = folding.view(),
                None => {}
            }
            self.row(one, folding, state, taken, cells)
        });
        Ok(Seen {
            bytes: weight(&value),
            row,
        })
    }

    fn row(
        &self,
        one: &Wanted,
        folding: &Folding<'_>,
        state: serde_json::Value,
        taken: Taken,
        cells: Vec<Value>,
    ) -> Row {
        Row {
            member: Member::with(one, folding, state),
            taken,
            cells,
            #[cfg(feature = "avro-files")]
            recorded_ms: folding.last.map(|spot| spot.recorded_ms),
        }
    }
}

/// About how many bytes a state in JSON takes.
fn weight_in_json(state: &serde_json::Value) -> usize {
    use serde_json::Value;
    size_of::<Value>()
        + match state {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight_in_json).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| name.len() + weight_in_json(value))
                .sum(),
            _ => 0,
        }
}

/// About how many bytes a value takes.
pub(crate) fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) | Value::Enum(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Map(entries) | Value::Record { fields: entries, .. } => entries
                .iter()
                .map(|(name, value)| name.len() + weight(value))
                .sum(),
            _ => 0,
        }
}
