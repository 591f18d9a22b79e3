//! What a question takes of one aggregate: its row, what it is ordered by, what is summed up, and how large its state is.

use std::sync::atomic::{AtomicBool, Ordering};

use annals_schema_model::Value;

use super::{Form, Rows};
use crate::error::StoreError;
use crate::fold::Spent;
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
    /// The text of the state, where it is wanted so; the member has none then.
    pub(crate) text: Option<Vec<u8>>,
    #[cfg(feature = "avro-files")]
    pub(crate) recorded_ms: Option<i64>,
}

/// What a question saw of an aggregate.
pub(super) struct Seen {
    /// About how large its state is.
    bytes: usize,
    /// Its row, where the condition holds.
    pub(super) row: Option<Row>,
    /// Whether its folding stopped before the end of the cut.
    pub(super) is_halted: bool,
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
        let wants_row = wants_rows.load(Ordering::Relaxed);
        if !self.asked.is_of_values() {
            let mut row = self.row(one, folding, Taken::default());
            // Not what showing it may say: it is not shown to whoever counts.
            let is_halted = row.member.halted.is_some();
            if wants_row {
                self.show(&mut row, folding);
            }
            let text = row.text.as_ref().map_or(0, Vec::len);
            return Ok(Seen {
                bytes: text + weight_in_json(&row.member.state),
                row: Some(row),
                is_halted,
            });
        }
        let value = folding.value();
        let is_halted = folding.halted.is_some();
        let spent = Spent::default();
        let taken = self.asked.take(&value, &spent);
        self.store.work.steps(spent.steps())?;
        let taken = taken.map_err(|problem| self.undecided(&one.key, problem))?;
        let row = taken.map(|taken| {
            let mut row = self.row(one, folding, taken);
            match &self.asked.columns {
                #[cfg(feature = "avro-files")]
                Some(columns) if self.form == Form::Typed => {
                    let found = columns.iter().map(|column| column.find(&value));
                    row.cells
                        .extend(found.map(|found| found.cloned().unwrap_or_default()));
                }
                Some(columns) => row.member.state = Asked::columns_of(columns, &value),
                None if wants_row => self.show(&mut row, folding),
                None => {}
            }
            row
        });
        Ok(Seen {
            bytes: weight(&value),
            row,
            is_halted,
        })
    }

    /// Puts the state into a row; what stopped the folding is told anew, as it may be that it cannot be shown.
    fn show(&self, row: &mut Row, folding: &mut Folding<'_>) {
        match self.form {
            Form::Text => row.text = Some(folding.show()),
            _ => row.member.state = folding.view(),
        }
        row.member.halted.clone_from(&folding.halted);
    }

    /// The row of an aggregate, without its state.
    fn row(&self, one: &Wanted, folding: &Folding<'_>, taken: Taken) -> Row {
        Row {
            member: Member::with(one, folding, serde_json::Value::Null),
            taken,
            cells: Vec::new(),
            text: None,
            #[cfg(feature = "avro-files")]
            recorded_ms: folding.last.map(|last| last.recorded_ms),
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
