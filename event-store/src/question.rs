//! What is asked of all aggregates of a type: which of them, which of their values, in which order, and sums.
//!
//! A condition is CEL over `state` alone, checked against the types of the state's fields where the fold knows them. A field
//! that is known and not set is null. Invariant: no aggregate is passed over because a condition, a sum or an order has no
//! answer for it; the question is refused then, with the aggregate's id and the reason.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use annals_schema_model::Value;
use annals_schema_model::cel::{
    Arithmetic, Budget, Names, Node, Path, Root, Roots, Scope, Shape, exact, holds, lower, order, shown,
};
use serde_json::Value as Json;

use crate::canonical;
use crate::error::StoreError;
use crate::fold::{AnyFold, Spent};
use crate::list::Sum;
use crate::path::StatePath;

/// Columns, and fields to sum, that a question may name.
pub const COLUMNS_MAX: usize = 100;
/// Values that aggregates may be ordered by.
const ORDER_KEYS_MAX: usize = 4;
/// What a condition may cost on one aggregate: an element that is looked at, or a byte that is made, is one.
pub const CONDITION_COST_MAX: u64 = 1_000_000;

/// How deep a condition may nest.
const DEPTH_MAX: usize = 100;
/// Reading a condition takes a step of the stack for each of its levels, of which there may be as many as bytes.
const STACK_BYTES: usize = 128 << 20;

/// The name a condition has.
const STATE: &str = "state";

static NAMES: Names = Names {
    known: &[STATE],
    told: STATE,
    besides: "",
};

/// What is asked of all aggregates of a type, as it was written.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, Question, StoreError};
///
/// let condition = Some("state.owner.startsWith('A') && state.balance >= 500".to_owned());
/// let question = Question { condition, count: true, ..Question::default() };
/// assert_eq!(store.ask("account", &AsOf::Head, &question, 100, None)?.matched, Some(1));
///
/// let wrong = Question { condition: Some("state.balance >".to_owned()), ..Question::default() };
/// let error = store.ask("account", &AsOf::Head, &wrong, 100, None);
/// assert!(matches!(error, Err(StoreError::Question { part: "where", .. })), "{error:?}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Which aggregates: a condition over `state`. All when absent.
    pub condition: Option<String>,
    /// The places of the state that are given, with commas between. The whole state when absent.
    pub select: Option<String>,
    /// What they are ordered by: places of the state with commas between, each with `-` in front for the greatest first.
    /// Their ids when absent.
    pub order: Option<String>,
    /// The places of the state that are summed up, with commas between.
    pub sum: Option<String>,
    /// Whether the aggregates that the condition holds for are counted.
    pub count: bool,
}

/// A question that is understood.
pub(crate) struct Asked {
    condition: Option<Node>,
    /// Whether what is not set is null; else a field that is not there is a mistake.
    unset_is_null: bool,
    pub(crate) columns: Option<Vec<StatePath>>,
    pub(crate) order: Vec<Key>,
    sums: Vec<StatePath>,
}

/// What aggregates are ordered by.
pub(crate) struct Key {
    path: StatePath,
    descending: bool,
}

/// What a question takes of an aggregate besides its row.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) keys: Vec<Value>,
    addends: Vec<Value>,
}

impl Question {
    /// Whether all aggregates are looked at before there is an answer.
    pub(crate) fn is_of_all(&self) -> bool {
        self.order.is_some() || self.sum.is_some() || self.count
    }

    /// All that is asked, by which a walk knows its question again.
    pub(crate) fn parts(&self) -> [Option<&str>; 5] {
        let [condition, select] = [self.condition.as_deref(), self.select.as_deref()];
        let count = self.count.then_some("count");
        [
            condition,
            select,
            self.order.as_deref(),
            self.sum.as_deref(),
            count,
        ]
    }
}

impl Asked {
    /// Reads a question, by what the fold knows of its state.
    pub(crate) fn new(question: &Question, fold: &dyn AnyFold) -> Result<Asked, StoreError> {
        let condition = question.condition.as_deref().map(|text| {
            let node = read_condition(text).and_then(|node| fold.condition_fits(&node).map(|()| node));
            node.map_err(|problem| wrong("where", text, &problem))
        });
        let columns = question.select.as_deref();
        let columns = columns.map(|text| read("select", text, COLUMNS_MAX, |column| path(column, fold)));
        let order = question.order.as_deref().map(|text| {
            read("order", text, ORDER_KEYS_MAX, |text| {
                let (text, descending) = match text.strip_prefix('-') {
                    Some(text) => (text, true),
                    None => (text, false),
                };
                ordered(text, fold).map(|path| Key { path, descending })
            })
        });
        let sums = question.sum.as_deref();
        let sums = sums.map(|text| read("sum", text, COLUMNS_MAX, |text| summed(text, fold)));
        Ok(Asked {
            condition: condition.transpose()?,
            unset_is_null: !fold.fields().is_empty(),
            columns: columns.transpose()?,
            order: order.transpose()?.unwrap_or_default(),
            sums: sums.transpose()?.unwrap_or_default(),
        })
    }

    /// Whether it takes anything of a state but the state itself.
    pub(crate) fn is_of_values(&self) -> bool {
        let has_keys = !self.order.is_empty() || !self.sums.is_empty();
        self.condition.is_some() || self.columns.is_some() || has_keys
    }

    /// What the question takes of a state; nothing where its condition does not hold.
    pub(crate) fn take(&self, state: &Value, spent: &Spent) -> Result<Option<Taken>, String> {
        if let Some(condition) = &self.condition {
            let meant = Meant {
                state,
                unset_is_null: self.unset_is_null || *state == Value::Null,
            };
            let budget = Budget::new(CONDITION_COST_MAX);
            let holds = holds(condition, &Scope::new(&meant).within(&budget));
            spent.add(CONDITION_COST_MAX - budget.left());
            if !holds? {
                return Ok(None);
            }
        }
        let find = |path: &StatePath| path.find(state).cloned().unwrap_or_default();
        let key = |key: &Key| match find(&key.path) {
            Value::Array(_) | Value::Map(_) | Value::Record { .. } => {
                Err(no_order(&key.path, "a list or a map"))
            }
            value => Ok(value),
        };
        Ok(Some(Taken {
            keys: self.order.iter().map(key).collect::<Result<_, _>>()?,
            addends: self.sums.iter().map(find).collect(),
        }))
    }

    /// The chosen columns of a state, by their names.
    pub(crate) fn columns_of(columns: &[StatePath], state: &Value) -> Json {
        let found = columns.iter().map(|column| {
            let value = column.find(state).map_or(Json::Null, Value::to_json);
            (column.to_string(), canonical::as_read(canonical::sorted(value)))
        });
        Json::Object(found.collect())
    }

    /// Which of two aggregates comes first, as far as their values say.
    pub(crate) fn compare(&self, a: &Taken, b: &Taken) -> Ordering {
        let keys = self.order.iter().zip(a.keys.iter().zip(&b.keys));
        let mut orders = keys.map(|(key, (a, b))| {
            let order = total_order(a, b);
            if key.descending { order.reverse() } else { order }
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Sums without anything in them.
    pub(crate) fn sums(&self) -> Sums<'_> {
        Sums(self.sums.iter().map(|path| (path, Value::Null, 0)).collect())
    }
}

/// Sums under way: what is summed, the sum, and how many values are in it.
pub(crate) struct Sums<'a>(Vec<(&'a StatePath, Value, u64)>);

impl Sums<'_> {
    /// Adds what was taken of an aggregate.
    pub(crate) fn add(&mut self, taken: &Taken) -> Result<(), String> {
        for ((path, sum, of), addend) in self.0.iter_mut().zip(&taken.addends) {
            match (&*sum, addend) {
                (_, Value::Null) => continue,
                (_, addend) if exact(addend).is_none() && !matches!(addend, Value::Duration(_)) => {
                    return Err(format!(
                        "{path} is {}, and only integers, decimals and durations are summed up",
                        shown(addend)
                    ));
                }
                (Value::Null, first) => *sum = first.clone(),
                (before, addend) => *sum = Arithmetic::Add.compute(before, addend)?,
            }
            *of += 1;
        }
        Ok(())
    }

    /// The sums by their names.
    pub(crate) fn done(self) -> BTreeMap<String, Sum> {
        let sums = self.0.into_iter().map(|(path, sum, of)| {
            let sum = sum.to_json();
            (path.to_string(), Sum { sum, of })
        });
        sums.collect()
    }
}

/// Reads a condition, on a stack of its own.
fn read_condition(text: &str) -> Result<Node, String> {
    let text = text.to_owned();
    let reading = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let mut node = lower(&text, &NAMES)?;
            match node.depth() > DEPTH_MAX {
                true => Err(format!("it nests deeper than {DEPTH_MAX}")),
                false => Ok(node),
            }
        });
    let read = reading.map_err(|error| error.to_string())?.join();
    read.unwrap_or_else(|_| Err("it cannot be read".to_owned()))
}

/// Reads a list with commas between.
fn read<T>(
    part: &'static str,
    text: &str,
    max: usize,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, StoreError> {
    if text.trim().is_empty() {
        return Err(wrong(
            part,
            text,
            "it names nothing; name a place of the state, or leave it out",
        ));
    }
    let items = text.split(',').map(str::trim);
    if items.clone().count() > max {
        return Err(wrong(part, text, &format!("it names more than {max}")));
    }
    items
        .map(|item| one(item).map_err(|problem| wrong(part, text, &problem)))
        .collect()
}

/// A place of the state that there can be.
fn path(text: &str, fold: &dyn AnyFold) -> Result<StatePath, String> {
    let path: StatePath = text.parse()?;
    if text.contains("[*]") {
        return Err(format!(
            "{path} is any of several places; name one, by its index or key"
        ));
    }
    fold.shape(path.steps())?;
    Ok(path)
}

/// A place whose values have an order.
fn ordered(text: &str, fold: &dyn AnyFold) -> Result<StatePath, String> {
    let path = path(text, fold)?;
    match fold.shape(path.steps())? {
        shape
            if matches!(
                shape.present(),
                Shape::List(_) | Shape::Map(_) | Shape::Record { .. }
            ) =>
        {
            Err(no_order(&path, shape))
        }
        _ => Ok(path),
    }
}

fn no_order(path: &StatePath, is: impl std::fmt::Display) -> String {
    format!("{path} is {is}, which has no order; name a single value")
}

fn summed(text: &str, fold: &dyn AnyFold) -> Result<StatePath, String> {
    let path = path(text, fold)?;
    match fold.shape(path.steps())? {
        shape if shape.is_number() || *shape.present() == Shape::Duration => Ok(path),
        shape => Err(format!(
            "{path} is {shape}, and only integers, decimals and durations are summed up"
        )),
    }
}

/// How much of a part of a question is shown back.
const SHOWN_CHARS_MAX: usize = 200;

/// What is wrong with a part of a question; the place in it, where the problem names a field.
fn wrong(part: &'static str, text: &str, problem: &str) -> StoreError {
    if let Some(rest) = problem.strip_prefix(&format!("`{text}` ")) {
        // It is the text as a whole, which stands before it.
        return StoreError::Question {
            part,
            text: text.chars().take(SHOWN_CHARS_MAX).collect(),
            problem: format!("it {rest}"),
        };
    }
    let named = problem.split(|c: char| c.is_whitespace() || matches!(c, '`' | ';' | ',' | ':'));
    let mut places = named
        .filter(|word| word.starts_with("state."))
        .filter_map(|word| text.find(word));
    let place = places
        .next()
        .and_then(|byte| text.get(..byte))
        .map(|before| before.chars().count() + 1);
    StoreError::Question {
        part,
        text: text.chars().take(SHOWN_CHARS_MAX).collect(),
        problem: match place {
            Some(place) => format!("character {place}: {problem}"),
            None => problem.to_owned(),
        },
    }
}

/// What the name of a condition stands for.
struct Meant<'a> {
    state: &'a Value,
    unset_is_null: bool,
}

impl Roots for Meant<'_> {
    fn start(&self, path: &Path, steps: usize) -> Result<(Cow<'_, Value>, usize), String> {
        if path.root != Root::Name(STATE) {
            return Err(format!("`{}` stands for nothing", path.root.name()));
        }
        let field = path.steps.get(..steps).and_then(<[String]>::first);
        match field {
            Some(field) if self.unset_is_null && self.state.get(field).is_none() => {
                Ok((Cow::Owned(Value::Null), 1))
            }
            _ => Ok((Cow::Borrowed(self.state), 0)),
        }
    }
}

/// An order of all values: nothing comes first, and values that have no order among each other stand by their kind.
fn total_order(a: &Value, b: &Value) -> Ordering {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Float(number) if number.is_nan() => 3,
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Decimal(_) => 2,
        Value::String(_) | Value::Enum(_) => 4,
        Value::Uuid(_) => 5,
        Value::Bytes(_) => 6,
        Value::Timestamp { .. } | Value::TimestampMicros { .. } | Value::TimestampNanos(_) => 7,
        Value::Date(_) => 8,
        Value::Time { .. } => 9,
        Value::Duration(_) => 10,
        Value::Array(_) | Value::Map(_) | Value::Record { .. } => 11,
    };
    let by_text = || a.to_json().to_string().cmp(&b.to_json().to_string());
    let by_value = || order(a, b).unwrap_or_else(by_text);
    kind(a).cmp(&kind(b)).then_with(by_value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-3i64..3).prop_map(Value::Int),
            (-30i128..30, 0u32..2)
                .prop_map(|(digits, scale)| Value::Decimal(annals_schema_model::Decimal::new(digits, scale))),
            prop_oneof![Just(0.5), Just(-1.0), Just(f64::NAN), Just(2.0)].prop_map(Value::Float),
            "[ab]{0,2}".prop_map(Value::String),
            (-2i64..2).prop_map(|millis| Value::Timestamp { millis }),
            proptest::collection::vec((-2i64..2).prop_map(Value::Int), 0..2).prop_map(Value::Array),
        ]
    }

    proptest! {
        #[test]
        fn the_order_of_values_is_one(a in value(), b in value(), c in value()) {
            prop_assert_eq!(total_order(&a, &b), total_order(&b, &a).reverse());
            if total_order(&a, &b).is_le() && total_order(&b, &c).is_le() {
                prop_assert!(total_order(&a, &c).is_le(), "{:?} {:?} {:?}", a, b, c);
            }
        }
    }
}
