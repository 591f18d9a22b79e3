//! What is known of a value before there is one: the type of a field, taken from a registered schema.
//!
//! `Any` stands for what cannot be known (a union of several types, a result of a free expression) and fits everywhere;
//! all other shapes are checked when a fold is loaded.

use std::fmt;
use std::sync::Arc;

use super::times::SPAN_MESSAGE;

/// The type of a value.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Any,
    Null,
    Bool,
    Int,
    Float,
    Decimal,
    Text,
    /// A text that is one of these.
    Enum(Arc<[String]>),
    Bytes,
    Timestamp,
    Duration,
    Date,
    TimeOfDay,
    Uuid,
    List(Box<Shape>),
    Map(Box<Shape>),
    Record {
        name: String,
        fields: Vec<(String, Shape)>,
    },
    Optional(Box<Shape>),
}

impl Shape {
    /// A list of these.
    #[must_use]
    pub fn list(element: Shape) -> Shape {
        Shape::List(Box::new(element))
    }

    /// This or null.
    #[must_use]
    pub fn optional(inner: Shape) -> Shape {
        match inner {
            Shape::Any | Shape::Null | Shape::Optional(_) => inner,
            inner => Shape::Optional(Box::new(inner)),
        }
    }

    /// A text that is one of these.
    #[must_use]
    pub fn one_of<'a>(symbols: impl IntoIterator<Item = &'a str>) -> Shape {
        Shape::Enum(symbols.into_iter().map(str::to_owned).collect())
    }

    /// The shape when there is a value; a symbol of an enum is a text.
    #[must_use]
    pub fn present(&self) -> &Shape {
        match self {
            Shape::Optional(inner) => inner.present(),
            Shape::Enum(_) => &Shape::Text,
            shape => shape,
        }
    }

    /// The symbols that a value is one of when there is one; nothing where it is of no enum.
    #[must_use]
    pub fn symbols(&self) -> Option<&[String]> {
        match self {
            Shape::Optional(inner) => inner.symbols(),
            Shape::Enum(symbols) => Some(symbols),
            _ => None,
        }
    }

    /// The shape of values that are of one or the other.
    #[must_use]
    pub fn merge(self, other: Shape) -> Shape {
        match (self, other) {
            (a, b) if a == b => a,
            (Shape::Null, shape) | (shape, Shape::Null) => Shape::optional(shape),
            (Shape::Optional(a), Shape::Optional(b)) => Shape::optional(a.merge(*b)),
            (Shape::Optional(a), b) | (b, Shape::Optional(a)) => Shape::optional(a.merge(b)),
            (Shape::Int, Shape::Decimal) | (Shape::Decimal, Shape::Int) => Shape::Decimal,
            (Shape::Enum(a), Shape::Enum(b)) => {
                let others = b.iter().filter(|symbol| !a.contains(symbol));
                Shape::Enum(a.iter().chain(others).cloned().collect())
            }
            (Shape::Enum(_), Shape::Text) | (Shape::Text, Shape::Enum(_)) => Shape::Text,
            (Shape::List(a), Shape::List(b)) => Shape::list(merge_elements(*a, *b)),
            (Shape::Map(a), Shape::Map(b)) => Shape::Map(Box::new(merge_elements(*a, *b))),
            // An empty mapping is what a map begins as.
            (Shape::Record { name, fields }, Shape::Map(of))
            | (Shape::Map(of), Shape::Record { name, fields })
                if name.is_empty() && fields.is_empty() =>
            {
                Shape::Map(of)
            }
            (Shape::Record { name, fields: a }, Shape::Record { fields: b, .. }) => Shape::Record {
                name,
                fields: merge_fields(a, b),
            },
            _ => Shape::Any,
        }
    }

    /// The shape of a field.
    ///
    /// # Errors
    /// A sentence naming the fields there are.
    pub fn field(&self, name: &str, of: &str) -> Result<Shape, String> {
        match self {
            Shape::Any | Shape::Null => Ok(Shape::Any),
            Shape::Optional(inner) => inner.field(name, of).map(Shape::optional),
            Shape::Map(value) => Ok((**value).clone()),
            Shape::Record { fields, .. } => match fields.iter().find(|(field, _)| field == name) {
                Some((_, shape)) => Ok(shape.clone()),
                None => {
                    let known: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
                    Err(format!("{of} has no field `{name}`; it has {}", known.join(", ")))
                }
            },
            other => Err(format!("{of} is {other} and has no field `{name}`")),
        }
    }

    /// Whether a value may be an exact number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(
            self.present(),
            Shape::Any | Shape::Null | Shape::Int | Shape::Decimal
        )
    }

    /// Whether a value may be an integer.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.present(), Shape::Any | Shape::Int)
    }

    /// Whether a value may be true or false.
    #[must_use]
    pub fn is_condition(&self) -> bool {
        matches!(self, Shape::Any | Shape::Bool)
    }

    /// Whether a value is a span of time; the message that is one keeps its fields.
    #[must_use]
    pub fn is_duration(&self) -> bool {
        match self.present() {
            Shape::Duration => true,
            Shape::Record { name, .. } => name == SPAN_MESSAGE,
            _ => false,
        }
    }

    /// Whether a comparison of the two can come out either way.
    #[must_use]
    pub fn comparable(&self, other: &Shape) -> bool {
        match (self.present(), other.present()) {
            (Shape::Any | Shape::Null, _) | (_, Shape::Any | Shape::Null) => true,
            (Shape::Int | Shape::Decimal | Shape::Float, Shape::Int | Shape::Decimal | Shape::Float) => true,
            (a, b) if a.is_duration() && b.is_duration() => true,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// Whether values of this shape have an order.
    #[must_use]
    pub fn ordered(&self) -> bool {
        let is_without = matches!(
            self.present(),
            Shape::List(_) | Shape::Map(_) | Shape::Record { .. } | Shape::Bool
        );
        !is_without || self.is_duration()
    }
}

/// What two lists hold together; an empty list says nothing.
fn merge_elements(a: Shape, b: Shape) -> Shape {
    match (a, b) {
        (Shape::Any, shape) | (shape, Shape::Any) => shape,
        (a, b) => a.merge(b),
    }
}

/// Fields of both; one that only one of them has may be missing.
fn merge_fields(a: Vec<(String, Shape)>, b: Vec<(String, Shape)>) -> Vec<(String, Shape)> {
    let mut merged = a;
    for (name, shape) in b {
        match merged.iter_mut().find(|(field, _)| *field == name) {
            Some((_, mine)) => *mine = std::mem::replace(mine, Shape::Any).merge(shape),
            None => merged.push((name, shape)),
        }
    }
    merged
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Shape::Any => "of no known type",
            Shape::Null => "null",
            Shape::Bool => "a boolean",
            Shape::Int => "an integer",
            Shape::Float => "a floating-point number",
            Shape::Decimal => "a decimal",
            Shape::Text => "text",
            Shape::Enum(_) => "a symbol of an enum",
            Shape::Bytes => "bytes",
            Shape::Timestamp => "a timestamp",
            Shape::Duration => "a duration",
            Shape::Date => "a date",
            Shape::TimeOfDay => "a time of day",
            Shape::Uuid => "a uuid",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map",
            Shape::Record { name, .. } if name.is_empty() => "a mapping",
            Shape::Record { name, .. } => return write!(f, "a record {name}"),
            Shape::Optional(inner) => return write!(f, "{inner} or null"),
        };
        f.write_str(name)
    }
}
