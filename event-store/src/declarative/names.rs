//! What the names of a fold's expressions stand for: the event, the state, where the record stands, and an element.

use std::borrow::Cow;

use annals_schema_model::Value;
use annals_schema_model::cel::{Names, Path, Root, Roots};

use super::verb::Input;
use crate::key::key_text;

pub(crate) const EVENT: &str = "event";
pub(crate) const STATE: &str = "state";
pub(crate) const AT: &str = "at";
pub(crate) const IT: &str = "it";
/// What migration rules call the event as it was written.
pub(crate) const MESSAGE: &str = "message";

/// All of them.
pub(crate) static NAMES: Names = Names {
    known: &[EVENT, STATE, AT, IT],
    told: "event, state and at",
    besides: " (and it, in remove-where)",
};

/// The names under `at`, besides `headers`.
pub(crate) const AT_FIELDS: [&str; 9] = [
    "offset",
    "revision",
    "partition",
    "recorded",
    "recorded_ms",
    "schema_id",
    "key",
    "actor",
    "business_time",
];

/// What a fold's expressions are evaluated over.
#[derive(Clone, Copy)]
pub(crate) struct Meant<'a> {
    pub(crate) event: &'a Value,
    pub(crate) input: Input<'a>,
    pub(crate) state: &'a [Option<Value>],
    pub(crate) it: Option<&'a Value>,
}

impl<'a> Meant<'a> {
    /// Outside `remove-where`.
    pub(crate) fn new(event: &'a Value, input: Input<'a>, state: &'a [Option<Value>]) -> Meant<'a> {
        Meant {
            event,
            input,
            state,
            it: None,
        }
    }
}

impl Roots for Meant<'_> {
    fn at_hand(&self, path: &Path, steps: usize) -> Option<(&Value, usize)> {
        match path.root {
            Root::Name(EVENT) => Some((self.event, 0)),
            Root::Name(IT) => Some((self.it?, 0)),
            Root::Name(STATE) if steps > 0 => Some((self.state.get(path.slot)?.as_ref()?, 1)),
            _ => None,
        }
    }

    fn start(&self, path: &Path, steps: usize) -> Result<(Cow<'_, Value>, usize), String> {
        let taken = path.steps.get(..steps).unwrap_or_default();
        match (path.root, taken.split_first()) {
            (Root::Name(IT), _) => Err("`it` is only in remove-where".to_owned()),
            (Root::Name(STATE), Some((field, _))) => Err(format!("state.{field} is not set yet")),
            (Root::Name(STATE), None) => Ok((Cow::Owned(self.whole_state()), 0)),
            (Root::Name(AT), Some((field, [header]))) if field == "headers" => {
                let value = self.input.recorded.at.headers.last(header);
                Ok((Cow::Owned(self::header(value.flatten())), 2))
            }
            (Root::Name(AT), Some((field, _))) => {
                let value = self.at(field);
                Ok((
                    Cow::Owned(value.ok_or_else(|| format!("at has no field {field}"))?),
                    1,
                ))
            }
            (Root::Name(AT), None) => Ok((Cow::Owned(self.whole_at()), 0)),
            (root, _) => Err(format!("`{}` stands for nothing", root.name())),
        }
    }

    fn has(&self, path: &Path) -> Option<bool> {
        match (path.root, path.steps.as_slice()) {
            (Root::Name(STATE), [_]) => Some(self.state.get(path.slot).is_some_and(Option::is_some)),
            (Root::Name(AT), [field]) => Some(self.whole_at().get(field).is_some()),
            (Root::Name(AT), [field, .., last]) => {
                let whole = self.whole_at();
                Some(whole.get(field).is_some_and(|of| of.get(last).is_some()))
            }
            _ => None,
        }
    }
}

impl Meant<'_> {
    fn at(&self, name: &str) -> Option<Value> {
        let at = &self.input.recorded.at;
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::String(text.to_owned()));
        Some(match name {
            "offset" => Value::Int(at.offset),
            "revision" => Value::Int(i64::try_from(at.revision).unwrap_or(i64::MAX)),
            "partition" => Value::Int(i64::from(at.partition)),
            "recorded" => Value::Timestamp {
                millis: at.recorded_ms,
            },
            "recorded_ms" => Value::Int(at.recorded_ms),
            "schema_id" => Value::Int(i64::from(self.input.recorded.raw.schema.get())),
            "key" => Value::String(key_text(self.input.recorded.key)),
            "actor" => text(at.actor()),
            "business_time" => at.business_time().map_or(Value::Null, |time| Value::Timestamp {
                millis: time.as_millis(),
            }),
            "headers" => Value::Map(
                at.headers
                    .iter()
                    .map(|(name, value)| (name.into(), header(value)))
                    .collect(),
            ),
            _ => return None,
        })
    }

    fn whole_state(&self) -> Value {
        let fields = self.input.names.iter().zip(self.state);
        Value::Map(
            fields
                .filter_map(|(name, value)| Some((name.as_str().into(), value.clone()?)))
                .collect(),
        )
    }

    fn whole_at(&self) -> Value {
        let names = AT_FIELDS.iter().copied().chain(["headers"]);
        Value::Map(
            names
                .filter_map(|name| Some((name.into(), self.at(name)?)))
                .collect(),
        )
    }
}

fn header(value: Option<&[u8]>) -> Value {
    match value.map(std::str::from_utf8) {
        None => Value::Null,
        Some(Ok(text)) => Value::String(text.to_owned()),
        Some(Err(_)) => Value::Bytes(value.unwrap_or_default().to_vec()),
    }
}
