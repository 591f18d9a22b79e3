//! Types of expressions, checked when a fold is loaded.
//!
//! Invariant: what passes here refers to no field that does not exist.

use std::collections::BTreeMap;

use annals_schema_model::Value;
use annals_schema_model::cel::{Comparison, Each, Node, Path, Root, Shape, negated_shape};

use super::names::{AT, AT_FIELDS, EVENT, IT, MESSAGE, STATE};

/// Symbols of an enum that a sentence names.
const SYMBOLS_TOLD_MAX: usize = 20;

/// What an expression may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) event: &'a Shape,
    pub(crate) state: &'a BTreeMap<String, Shape>,
    pub(crate) it: Option<&'a Shape>,
    /// The variables of the macros around, the outermost first.
    pub(crate) variables: &'a [Shape],
}

/// Whether a condition is one.
pub(crate) fn condition_fits(condition: &Node, known: &Known<'_>) -> Result<(), String> {
    match shape(condition, known)? {
        shape if shape.is_condition() => Ok(()),
        shape => Err(format!(
            "a condition must be true or false, and this one is {shape}"
        )),
    }
}

/// Whether a condition over a state alone, with these fields, is one.
pub(crate) fn condition_over(condition: &Node, state: &BTreeMap<String, Shape>) -> Result<(), String> {
    let known = Known {
        event: &Shape::Null,
        state,
        it: None,
        variables: &[],
    };
    condition_fits(condition, &known)
}

/// The shape of what stands at a place of a state with these fields.
pub(crate) fn place_shape(place: &[String], state: &BTreeMap<String, Shape>) -> Result<Shape, String> {
    let Some((field, rest)) = place.split_first() else {
        return Ok(Shape::Any);
    };
    let mut of = format!("state.{field}");
    let first = state.get(field).cloned();
    let first = first.ok_or_else(|| format!("nothing sets {of}; {}", fields_told(state)))?;
    rest.iter().try_fold(first, |shape, step| {
        let within = match shape.present() {
            Shape::List(element) if step.parse::<usize>().is_ok() => (**element).clone(),
            shape => shape.field(step, &of)?,
        };
        of = format!("{of}.{step}");
        Ok(within)
    })
}

/// The fields there are, for a sentence.
fn fields_told(state: &BTreeMap<String, Shape>) -> String {
    let names: Vec<&str> = state.keys().map(String::as_str).collect();
    format!("the fields are {}", names.join(", "))
}

/// The shape of an expression's value.
pub(crate) fn shape(node: &Node, known: &Known<'_>) -> Result<Shape, String> {
    Ok(match node {
        Node::Literal(value) => literal_shape(value),
        Node::Path(path) => return path_shape(path, known),
        Node::Compare(comparison, a, b) => return compared_shape(*comparison, a, b, known),
        Node::And(a, b) | Node::Or(a, b) => {
            condition_fits(a, known)?;
            condition_fits(b, known)?;
            Shape::Bool
        }
        Node::Not(inner) => {
            condition_fits(inner, known)?;
            Shape::Bool
        }
        Node::If(condition, then, other) => {
            condition_fits(condition, known)?;
            shape(then, known)?.merge(shape(other, known)?)
        }
        Node::Compute(arithmetic, a, b) => return arithmetic.shape(&shape(a, known)?, &shape(b, known)?),
        Node::Negate(of) => return negated_shape(&shape(of, known)?),
        Node::Field(of, name) => return shape(of, known)?.field(name, &told(of)),
        Node::Index(of, key) => return index_shape(&shape(of, known)?, &shape(key, known)?),
        Node::In(a, b) => return in_shape(a, b, known),
        Node::Matches(of, _) => return matches_shape(&shape(of, known)?),
        Node::Has(path) => {
            path_shape(path, known)?;
            Shape::Bool
        }
        Node::Call(function, arguments) => {
            let shapes = arguments.iter().map(|argument| shape(argument, known));
            return function.shape(&shapes.collect::<Result<Vec<_>, _>>()?);
        }
        Node::Each {
            each,
            of,
            body,
            condition,
        } => return each_shape(*each, &shape(of, known)?, body, condition.as_deref(), known),
        Node::List(items) => {
            let shapes = items
                .iter()
                .map(|item| shape(item, known))
                .collect::<Result<Vec<_>, _>>()?;
            Shape::list(shapes.into_iter().reduce(Shape::merge).unwrap_or(Shape::Any))
        }
        Node::Map(entries) => {
            let fields = entries
                .iter()
                .map(|(name, node)| Ok((name.to_string(), shape(node, known)?)));
            Shape::Record {
                name: String::new(),
                fields: fields.collect::<Result<_, String>>()?,
            }
        }
    })
}

/// What an expression stands for, for a sentence about its fields.
fn told(node: &Node) -> String {
    match node {
        Node::Path(path) => [&[path.root.name().to_owned()], path.steps.as_slice()]
            .concat()
            .join("."),
        Node::Field(of, name) => format!("{}.{name}", told(of)),
        Node::Index(of, _) => format!("{}[…]", told(of)),
        _ => "it".to_owned(),
    }
}

fn compared_shape(
    comparison: Comparison,
    one: &Node,
    other: &Node,
    known: &Known<'_>,
) -> Result<Shape, String> {
    let (a, b) = (shape(one, known)?, shape(other, known)?);
    let ordering = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if !a.comparable(&b) || (ordering && !(a.ordered() && b.ordered())) {
        return Err(format!("{a} and {b} cannot be compared like this"));
    }
    if !ordering {
        are_symbols(other, &a).and_then(|()| are_symbols(one, &b))?;
    }
    Ok(Shape::Bool)
}

fn in_shape(one: &Node, list: &Node, known: &Known<'_>) -> Result<Shape, String> {
    let (a, of) = (shape(one, known)?, shape(list, known)?);
    let element = element_shape(&of)?;
    if !a.comparable(&element) {
        return Err(format!("{a} is never in {of}"));
    }
    are_symbols(list, &a).and_then(|()| are_symbols(one, &element))?;
    Ok(Shape::Bool)
}

/// Refuses texts as they are written, one or in a list, where only the symbols of an enum can be.
fn are_symbols(written: &Node, of: &Shape) -> Result<(), String> {
    let Some(symbols) = of.symbols() else {
        return Ok(());
    };
    let texts = match written {
        Node::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let strange = texts.iter().find_map(|text| match text {
        Node::Literal(Value::String(text)) if !symbols.contains(text) => Some(text),
        _ => None,
    });
    let Some(strange) = strange else {
        return Ok(());
    };
    let told = symbols.iter().take(SYMBOLS_TOLD_MAX).map(String::as_str);
    let told = told.collect::<Vec<_>>().join(", ");
    let more = match symbols.len().saturating_sub(SYMBOLS_TOLD_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(format!(
        "'{strange}' is no symbol of the enum; there are {told}{more}"
    ))
}

fn matches_shape(of: &Shape) -> Result<Shape, String> {
    match of.present() {
        Shape::Any | Shape::Text => Ok(Shape::Bool),
        _ => Err(format!("`matches` is not for {of}")),
    }
}

/// What a list holds, or the keys of a map are.
fn element_shape(of: &Shape) -> Result<Shape, String> {
    match of.present() {
        Shape::List(element) => Ok((**element).clone()),
        Shape::Map(_) | Shape::Record { .. } => Ok(Shape::Text),
        Shape::Any | Shape::Null => Ok(Shape::Any),
        _ => Err(format!("{of} is no list and no map")),
    }
}

fn index_shape(of: &Shape, key: &Shape) -> Result<Shape, String> {
    match (of.present(), key.present()) {
        (Shape::Any | Shape::Null, _) | (Shape::Record { .. }, Shape::Text | Shape::Any) => Ok(Shape::Any),
        (Shape::List(element), Shape::Int | Shape::Any) => Ok((**element).clone()),
        (Shape::Map(value), Shape::Text | Shape::Any) => Ok((**value).clone()),
        _ => Err(format!("{of} has no element that {key} names")),
    }
}

fn each_shape(
    each: Each,
    of: &Shape,
    body: &Node,
    condition: Option<&Node>,
    known: &Known<'_>,
) -> Result<Shape, String> {
    let element = element_shape(of)?;
    let variables: Vec<Shape> = known.variables.iter().cloned().chain([element.clone()]).collect();
    let within = Known {
        variables: &variables,
        ..*known
    };
    if let Some(condition) = condition {
        condition_fits(condition, &within)?;
    }
    if each == Each::Map {
        return shape(body, &within).map(Shape::list);
    }
    condition_fits(body, &within)?;
    Ok(match each {
        Each::Filter => Shape::list(element),
        _ => Shape::Bool,
    })
}

fn literal_shape(value: &Value) -> Shape {
    match value {
        Value::Null => Shape::Null,
        Value::Bool(_) => Shape::Bool,
        Value::Int(_) | Value::UInt(_) => Shape::Int,
        Value::Float(_) => Shape::Float,
        Value::Decimal(_) => Shape::Decimal,
        Value::String(_) => Shape::Text,
        Value::Bytes(_) => Shape::Bytes,
        Value::Timestamp { .. } | Value::TimestampMicros { .. } | Value::TimestampNanos(_) => {
            Shape::Timestamp
        }
        Value::Duration(_) => Shape::Duration,
        _ => Shape::Any,
    }
}

fn path_shape(path: &Path, known: &Known<'_>) -> Result<Shape, String> {
    let mut of = path.root.name().to_owned();
    let (first, rest) = match (path.root, path.steps.split_first()) {
        (Root::Name(EVENT | MESSAGE), _) => (known.event.clone(), path.steps.as_slice()),
        (Root::Name(IT), _) => {
            let it = known
                .it
                .ok_or("`it` is the element in a remove-where condition, and only there")?;
            (it.clone(), path.steps.as_slice())
        }
        (Root::Variable(depth), _) => {
            let shape = known.variables.get(depth).cloned();
            (shape.unwrap_or(Shape::Any), path.steps.as_slice())
        }
        (Root::Name(STATE), Some((field, rest))) => {
            of = format!("state.{field}");
            let shape = known.state.get(field);
            (
                shape
                    .ok_or_else(|| format!("nothing sets state.{field}; {}", fields_told(known.state)))?
                    .clone(),
                rest,
            )
        }
        (Root::Name(AT), Some((field, rest))) => {
            of = format!("at.{field}");
            (at_shape(field)?, rest)
        }
        (Root::Name(_), _) => return Ok(Shape::Any),
    };
    rest.iter().try_fold(first, |shape, step| {
        let field = shape.field(step, &of);
        of = format!("{of}.{step}");
        field
    })
}

fn at_shape(field: &str) -> Result<Shape, String> {
    Ok(match field {
        "offset" | "revision" | "partition" | "recorded_ms" | "schema_id" => Shape::Int,
        "recorded" => Shape::Timestamp,
        "key" => Shape::Text,
        "actor" => Shape::optional(Shape::Text),
        "business_time" => Shape::optional(Shape::Timestamp),
        "headers" => Shape::Map(Box::new(Shape::Any)),
        other => {
            return Err(format!(
                "at has no field `{other}`; it has {}, headers",
                AT_FIELDS.join(", ")
            ));
        }
    })
}
