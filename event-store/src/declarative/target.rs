//! What an operation is about: a field of the state, or a place within one.
//!
//! `total`, `address.street`, `lines[event.line_id].count`: after the field come names, and keys in brackets, which are
//! expressions: a text names an entry of a map, an integer an element of a list.
//! Invariant: all keys are known before anything is changed, so an operation goes one way however it changes the state.

use std::fmt;

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, Root, Scope, evaluate, lower, shown};

use super::fault::Place;
use super::names::{NAMES, STATE};

/// Steps from a field of the state to a place: with the values that are put there a state stays as shallow as clients read JSON.
const STEPS_MAX: usize = 20;

/// A target, as the file names it.
#[derive(Debug)]
pub(crate) struct Target {
    /// As it is written.
    text: String,
    /// The field of the state.
    pub(crate) field: String,
    /// The field's place in the state.
    pub(crate) slot: usize,
    /// The way from the field on.
    pub(crate) steps: Vec<Step>,
    /// Where it stands in the file.
    pub(crate) place: Place,
}

/// A step into a value.
#[derive(Debug)]
pub(crate) enum Step {
    Name(String),
    Key(Node),
}

/// A step that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Name(String),
    Element(usize),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Name(name) => write!(f, "`{name}`"),
            At::Element(place) => write!(f, "{place}"),
        }
    }
}

impl Target {
    /// Reads a target; a text without dots and brackets is the name of a field, whatever else is in it.
    pub(crate) fn read(text: &str, place: Place) -> Result<Target, String> {
        let mut target = Target {
            text: text.to_owned(),
            field: text.to_owned(),
            slot: 0,
            steps: Vec::new(),
            place,
        };
        if text.is_empty() {
            return Err("a target has a name; this one is empty".to_owned());
        }
        if text.contains(['.', '[']) {
            let way = lower(&format!("{STATE}.{text}"), &NAMES);
            let way = way.and_then(way_of);
            (target.field, target.steps) =
                way.map_err(|why| format!("`{text}` names no place of the state: {why}"))?;
            if target.steps.len() > STEPS_MAX {
                return Err(format!("`{text}` leads more than {STEPS_MAX} steps into a field"));
            }
        }
        Ok(target)
    }

    /// The steps with their keys.
    pub(crate) fn steps<'a>(&'a self, scope: &Scope<'a>) -> Result<Vec<At>, String> {
        // Most targets are a field, and most events have several.
        if self.steps.is_empty() {
            return Ok(Vec::new());
        }
        let steps = self.steps.iter().map(|step| match step {
            Step::Name(name) => Ok(At::Name(name.clone())),
            Step::Key(node) => match &*evaluate(node, scope)? {
                Value::String(key) | Value::Enum(key) => Ok(At::Name(key.clone())),
                Value::Int(place) if *place >= 0 => {
                    Ok(At::Element(usize::try_from(*place).unwrap_or(usize::MAX)))
                }
                other => Err(format!("{} is no key", shown(other))),
            },
        });
        steps.collect()
    }
}

/// The field and the steps that an expression over the state is.
fn way_of(node: Node) -> Result<(String, Vec<Step>), String> {
    let within = |of: Node, step: Step| {
        let (field, mut steps) = way_of(of)?;
        steps.push(step);
        Ok((field, steps))
    };
    match node {
        Node::Path(path) if path.root == Root::Name(STATE) => {
            let mut names = path.steps.into_iter();
            let field = names.next().ok_or("it names no field")?;
            Ok((field, names.map(Step::Name).collect()))
        }
        Node::Field(of, name) => within(*of, Step::Name(name)),
        Node::Index(of, key) => within(*of, Step::Key(*key)),
        _ => Err(
            "write the field, then names and keys, such as address.street or lines[event.line_id].count"
                .to_owned(),
        ),
    }
}

/// Where a step leads from a value; nothing where there is nothing yet.
pub(crate) fn find(value: &Value, step: &At) -> Result<Option<usize>, String> {
    match (value, step) {
        (Value::Map(entries) | Value::Record { fields: entries, .. }, At::Name(name)) => {
            Ok(entries.iter().position(|(key, _)| **key == **name))
        }
        (Value::Array(items), At::Element(place)) => Ok((*place < items.len()).then_some(*place)),
        (Value::Null, step) => Err(format!("what {step} is asked of is null; test it for null first")),
        (other, step) => Err(format!("{} has no {step}", shown(other))),
    }
}

/// What is at a place of a value.
pub(crate) fn child(value: &mut Value, place: usize) -> Option<&mut Value> {
    match value {
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            entries.get_mut(place).map(|(_, value)| value)
        }
        Value::Array(items) => items.get_mut(place),
        _ => None,
    }
}

/// Goes some steps into a value, and notes the places on the way.
pub(crate) fn go<'v>(
    mut value: &'v mut Value,
    steps: &[At],
    way: &mut Vec<usize>,
) -> Result<&'v mut Value, String> {
    for step in steps {
        let nothing = || format!("there is no {step} yet");
        let place = find(value, step)?.ok_or_else(nothing)?;
        value = child(value, place).ok_or_else(nothing)?;
        way.push(place);
    }
    Ok(value)
}
