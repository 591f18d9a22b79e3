//! Why a state is what it is: for each of its leaves the event that made it so, and how its value came out of that event.
//!
//! All events up to the point are folded from the first on, and the state is looked at behind each; each value that is
//! looked at is a piece of the question's work. A leaf is put down to the last event before which it was not there or had
//! another value (`origins.rs`), so that one which was set once more to what it was already keeps its event. A fold made of
//! operations tells which of them did it, and which field of the event the value is; one in Rust does not.
//! Left out: what a condition or a sum was computed from.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use annals_kafka_wire::batch::Record;
use annals_schema_model::Writer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::at::AsOf;
use crate::changes::{steps, values};
use crate::diff::ChangedBy;
use crate::error::StoreError;
use crate::fold::AnyFold;
use crate::folding::{Folding, SchemaUsed, Spot, open};
use crate::locate::{Located, Within};
use crate::origins::Origins;
use crate::reconstruct::Reconstruction;
use crate::store::EventStore;

/// Leaves of a state that are explained, in the order of the state.
pub const EXPLAINED_LEAVES_MAX: usize = 10_000;

/// Where the values of a state come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// How many leaves the state has: values without fields or elements in them.
    pub total: u64,
    /// The leaves in the order of the state, 10,000 at most.
    pub leaves: Vec<LeafOrigin>,
}

/// Where one value of a state comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct LeafOrigin {
    /// Where in the state, as a JSON pointer.
    pub path: String,
    /// The event that made it what it is.
    pub by: ChangedBy,
    /// The schema that event was written with.
    pub schema: Option<SchemaUsed>,
    /// What the value is of that event; null where the fold does not say.
    pub from: Option<ValueFrom>,
    /// The field of the event that the value is, by the names it is read with.
    pub field: Option<String>,
    /// The migration rule that made the field of what was written; null where none did.
    #[serde(default)]
    pub rule: Option<RuleUsed>,
    /// What the fold did; null where it is not made of operations.
    pub operation: Option<OperationUsed>,
}

/// What a value of a state is of the event that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ValueFrom {
    /// A field, as it was written.
    Event,
    /// A field that was written under another name, or as another type, than it is read with; of a fold in Rust: the
    /// event was written with another schema than it is read with.
    Upcast,
    /// A field that a migration rule made of what was written.
    Migration,
    /// A field that its writer did not have: the default of the schema it is read with.
    Default,
    /// Something the fold made: a constant, a sum, where or when the event stands in the log.
    Fold,
}

/// A migration rule of a registered schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct RuleUsed {
    /// Its name.
    pub name: String,
    /// The subject it is registered under.
    pub subject: String,
    /// The version there.
    pub version: u32,
}

impl fmt::Display for RuleUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RuleUsed {
            name,
            subject,
            version,
        } = self;
        write!(f, "migration rule {name} of version {version} of {subject}")
    }
}

/// An operation of a fold's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct OperationUsed {
    /// The line its value stands in.
    pub line: u32,
    /// Its verb, such as `set`.
    pub verb: String,
    /// What it is about, as the file has it.
    pub target: String,
}

/// What one operation of a fold did to the state.
#[derive(Clone, Debug)]
pub struct Touch {
    /// Where, as a JSON pointer into the state that it left.
    pub place: String,
    /// Which operation.
    pub operation: OperationUsed,
    /// What it put there.
    pub given: Given,
}

/// What an operation puts into the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A field of the event, by the names on the way.
    Field(Vec<String>),
    /// Several things, by name or place.
    Parts(Vec<(String, Given)>),
    /// What the fold made.
    Made,
}

impl Given {
    /// The field of the event that stands some steps within.
    fn field(&self, steps: &[String]) -> Option<Vec<String>> {
        match self {
            Given::Field(field) => Some(field.iter().chain(steps).cloned().collect()),
            Given::Parts(parts) => {
                let (first, rest) = steps.split_first()?;
                let (_, part) = parts.iter().find(|(name, _)| name == first)?;
                part.field(rest)
            }
            Given::Made => None,
        }
    }
}

impl Explanation {
    fn of<T>(origins: Option<&Origins<T>>, leaf: &dyn Fn(&str, &T) -> LeafOrigin) -> Explanation {
        let mut explanation = Explanation {
            total: 0,
            leaves: Vec::new(),
        };
        if let Some(origins) = origins {
            origins.each(&mut |path, noted| {
                explanation.total += 1;
                if explanation.leaves.len() < EXPLAINED_LEAVES_MAX {
                    explanation.leaves.push(leaf(path, noted));
                }
            });
        }
        explanation
    }
}

/// An event that made a leaf what it is.
struct Cause {
    by: ChangedBy,
    writer: Option<Arc<Writer>>,
}

/// What is noted of a leaf.
struct Noted {
    cause: Rc<Cause>,
    touch: Option<Rc<Touch>>,
}

impl EventStore {
    /// The state of one aggregate at a point, with where each of its values comes from.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::AsOf;
    ///
    /// let answer = store.explain("account", "a-1", &AsOf::Head)?;
    /// let leaves = answer.explanation.expect("it was asked for").leaves;
    /// let told: Vec<_> = leaves.iter().map(|leaf| (&*leaf.path, leaf.by.offset)).collect();
    /// assert_eq!(told, [("/balance", 3), ("/last_actor", 3), ("/owner", 0)]);
    /// assert_eq!(leaves[0].by.event.as_deref(), Some("Deposited"));
    /// # Ok(()) }
    /// ```
    pub fn explain(&self, name: &str, id: &str, at: &AsOf) -> Result<Reconstruction, StoreError> {
        // All events are gone through anyway.
        let mut answer = self.without_snapshots().reconstruct(name, id, at)?;
        let aggregate = self.aggregate(name)?;
        let cut = AsOf::Cut(answer.cut.clone());
        let located = aggregate.locate(id, &[&cut], self)?;
        let within = located.begun(&cut)?;
        answer.explanation = Some(self.explanation(&located, &within)?);
        Ok(answer)
    }

    fn explanation(&self, located: &Located<'_>, within: &Within) -> Result<Explanation, StoreError> {
        let mut folding = Folding::new(self, located.aggregate, located.partition, &located.key);
        folding.touches = Some(Vec::new());
        let spots = located.spots_of(within, 0..within.events)?;
        let mut reader = located.reader(&spots);
        let mut state = Value::Null;
        let mut origins = None;
        for spot in spots {
            let record = reader.record(&spot)?;
            let read = record.as_ref().ok().copied();
            folding.feed(spot, record)?;
            let Some(record) = read.filter(|_| folding.halted.is_none()) else {
                break;
            };
            let touches: Vec<Rc<Touch>> = folding
                .touches
                .iter_mut()
                .flat_map(std::mem::take)
                .map(Rc::new)
                .collect();
            let next = folding.view();
            self.work.values(values(&next))?;
            let mut cause = None;
            let mut note = |path: &str| Noted {
                cause: Rc::clone(cause.get_or_insert_with(|| Rc::new(self.cause(located, spot, record)))),
                touch: touches
                    .iter()
                    .rev()
                    .find(|touch| is_within(path, &touch.place))
                    .cloned(),
            };
            origins = Some(match origins.take() {
                None if next.is_null() => continue,
                None => Origins::new(&next, &mut note),
                Some(origins) => Origins::next(origins, &state, &next, &mut note),
            });
            state = next;
        }
        let fold = &*located.aggregate.fold;
        Ok(Explanation::of(origins.as_ref(), &|path, noted| {
            leaf(fold, path, noted)
        }))
    }

    fn cause(&self, located: &Located<'_>, spot: Spot, record: &Record) -> Cause {
        let (log, _) = located.log(&spot);
        let opened = open(
            &spot.at(log, record),
            record.value.as_deref(),
            &*self.shared.resolve,
        );
        Cause {
            by: self.changed_by(log, spot, record),
            writer: opened.ok().map(|opened| opened.event_writer()),
        }
    }
}

fn leaf(fold: &dyn AnyFold, path: &str, noted: &Noted) -> LeafOrigin {
    let Noted { cause, touch } = noted;
    let field = touch.as_ref().and_then(|touch| {
        let within = path.strip_prefix(touch.place.as_str())?;
        touch.given.field(&Vec::from_iter(steps(within)))
    });
    let of_event = match (&cause.writer, touch, &field) {
        (None, ..) | (Some(_), Some(_), None) => None,
        (Some(writer), _, field) => Some((writer, field.as_deref().unwrap_or_default())),
    };
    let event = cause.by.event.as_deref();
    let rule = of_event.and_then(|(writer, field)| fold.migrated(writer, event, field));
    let from = match (&cause.writer, of_event) {
        (None, _) => None,
        (Some(_), None) => Some(ValueFrom::Fold),
        _ if rule.is_some() => Some(ValueFrom::Migration),
        (_, Some((writer, field))) => fold.carried(writer, event, field),
    };
    LeafOrigin {
        path: path.to_owned(),
        by: cause.by.clone(),
        schema: cause.writer.as_ref().map(|writer| fold.schema(writer.id)),
        from,
        field: field.as_ref().map(|field| field.join(".")),
        rule,
        operation: touch.as_ref().map(|touch| touch.operation.clone()),
    }
}

/// Whether a place is another one, or in it.
fn is_within(path: &str, place: &str) -> bool {
    let rest = path.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_values_of_a_state_are_explained() {
        let state = Value::from(vec![7; EXPLAINED_LEAVES_MAX + 1]);
        let origins = Origins::new(&state, &mut |_| ());
        let by = ChangedBy {
            revision: 0,
            offset: 0,
            log: None,
            event: None,
            actor: None,
            recorded: String::new(),
            business_time: None,
        };
        let leaf = |path: &str, (): &()| LeafOrigin {
            path: path.to_owned(),
            by: by.clone(),
            schema: None,
            from: None,
            field: None,
            rule: None,
            operation: None,
        };
        let explanation = Explanation::of(Some(&origins), &leaf);
        assert_eq!((explanation.total, explanation.leaves.len()), (10_001, 10_000));
    }
}
