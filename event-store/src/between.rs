//! Two points of all aggregates of a type: the cuts they are taken for, and what differs between two states.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::canonical;
use crate::changes::{ChangeKind, changes};
use crate::cut::Cut;
use crate::error::StoreError;
use crate::time_source::TimeSource;
use crate::work::Work;

/// Changes of one event, or of one aggregate, that are shown.
pub const CHANGES_SHOWN_MAX: usize = 100;

/// A point in the log that two of are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct CutTaken {
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// That point as a cut.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
}

/// A field that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct ValueChange {
    /// Where in the state, as a JSON pointer.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
    /// The value before; absent when it was not there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "canonical::in_order"
    )]
    #[cfg_attr(feature = "http", schema(value_type = Value, required = false))]
    pub before: Option<Value>,
    /// The value after; absent when it is not there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "canonical::in_order"
    )]
    #[cfg_attr(feature = "http", schema(value_type = Value, required = false))]
    pub after: Option<Value>,
}

impl ValueChange {
    /// What differs between two states: how many fields that fit, and the first of them.
    pub(crate) fn between(
        before: &Value,
        after: &Value,
        fits: &dyn Fn(&str) -> bool,
    ) -> (u64, Vec<ValueChange>) {
        let (mut total, mut shown) = (0, Vec::new());
        changes(before, after, &mut |change| {
            if !fits(change.path) {
                return;
            }
            total += 1;
            if shown.len() < CHANGES_SHOWN_MAX {
                shown.push(ValueChange {
                    path: change.path.to_owned(),
                    kind: change.kind,
                    before: change.before.cloned(),
                    after: change.after.cloned(),
                });
            }
        });
        (total, shown)
    }
}

impl Aggregate {
    /// Two points taken for cuts of the topic, and whose clock the times up to the later one are by.
    pub(crate) fn two_cuts(
        &self,
        from: &AsOf,
        to: &AsOf,
        work: &Work,
    ) -> Result<(CutTaken, CutTaken, Option<TimeSource>), StoreError> {
        let head = self.index.catch_up(work)?;
        let taken = |at: &AsOf| {
            let cut = self.topic_cut(at, &head)?;
            Ok::<_, StoreError>(CutTaken {
                at: match at {
                    AsOf::Cut(_) => cut.to_string(),
                    at => at.to_string(),
                },
                cut,
            })
        };
        let (from, to) = (taken(from)?, taken(to)?);
        let time = self.index.time(&from.cut)?.max(self.index.time(&to.cut)?);
        Ok((from, to, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_changes_of_an_event_are_shown() {
        let (total, shown) =
            ValueChange::between(&Value::from(vec![1; 101]), &Value::from(vec![2; 101]), &|_| true);
        assert_eq!((total, shown.len()), (101, 100));
    }
}
