//! `+ - * / %` and negation, on values: exact, or an error.
//!
//! Invariant: integers that do not fit 64 bits and decimals that do not fit are errors, never wrapped or rounded; a
//! decimal is never computed with a float, and never divided, because the quotient of two decimals is none.
//! Instants and spans of time are computed in `times`.
//! What an operation makes of two types, when a fold is loaded, stands beside what it makes of two values.

use std::cmp::Ordering;

use super::{Shape, shown, times};
use crate::{Decimal, Value};

/// An operation on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`.
    Modulo,
}

impl Arithmetic {
    pub(super) fn sign(self) -> char {
        match self {
            Arithmetic::Add => '+',
            Arithmetic::Subtract => '-',
            Arithmetic::Multiply => '*',
            Arithmetic::Divide => '/',
            Arithmetic::Modulo => '%',
        }
    }

    fn is_exact(self) -> bool {
        matches!(
            self,
            Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply
        )
    }

    /// What comes out of two types.
    ///
    /// # Errors
    /// Why nothing does.
    pub fn shape(self, a: &Shape, b: &Shape) -> Result<Shape, String> {
        let (left, right) = (a.present(), b.present());
        Ok(match (left, right) {
            (Shape::Any | Shape::Null, _) | (_, Shape::Any | Shape::Null) => Shape::Any,
            (Shape::Int, Shape::Int) => Shape::Int,
            (Shape::Float, Shape::Float) if self != Arithmetic::Modulo => Shape::Float,
            (Shape::Int | Shape::Decimal, Shape::Int | Shape::Decimal) if self.is_exact() => Shape::Decimal,
            (Shape::Text, Shape::Text) if self == Arithmetic::Add => Shape::Text,
            (Shape::Bytes, Shape::Bytes) if self == Arithmetic::Add => Shape::Bytes,
            (Shape::List(_), Shape::List(_)) if self == Arithmetic::Add => left.clone().merge(right.clone()),
            _ => {
                if let Some(shape) = times::shape(self, left, right) {
                    return Ok(shape);
                }
                let why = match (left, right) {
                    (Shape::Timestamp, Shape::Int) | (Shape::Int, Shape::Timestamp) => {
                        "; a span of time is a duration, such as duration('24h')"
                    }
                    (Shape::Decimal, Shape::Int | Shape::Decimal) | (Shape::Int, Shape::Decimal) => {
                        "; a quotient of decimals is not exact"
                    }
                    (Shape::Float, Shape::Decimal) | (Shape::Decimal, Shape::Float) => {
                        "; write an exact number as decimal('1.5'), or have double(…) make a floating-point number of \
                         the decimal"
                    }
                    (Shape::Float, Shape::Int) | (Shape::Int, Shape::Float) => {
                        "; double(…) makes a floating-point number of the other"
                    }
                    _ => "",
                };
                return Err(format!("`{}` does not go with {a} and {b}{why}", self.sign()));
            }
        })
    }

    /// What comes out of two values.
    ///
    /// # Errors
    /// Why nothing does.
    pub fn compute(self, a: &Value, b: &Value) -> Result<Value, String> {
        let too_large = || format!("{} {} {} has too many digits", shown(a), self.sign(), shown(b));
        match (self, a, b) {
            (_, Value::Float(a), Value::Float(b)) if self != Arithmetic::Modulo => {
                Ok(Value::Float(self.floats(*a, *b)))
            }
            (Arithmetic::Add, Value::String(a) | Value::Enum(a), Value::String(b) | Value::Enum(b)) => {
                Ok(Value::String(format!("{a}{b}")))
            }
            (Arithmetic::Add, Value::Bytes(a), Value::Bytes(b)) => {
                Ok(Value::Bytes([a.as_slice(), b].concat()))
            }
            (Arithmetic::Add, Value::Array(a), Value::Array(b)) => {
                Ok(Value::Array([a.as_slice(), b].concat()))
            }
            _ => match (whole(a), whole(b), exact(a), exact(b)) {
                (Some(left), Some(right), ..) => {
                    let wide = [a, b].iter().any(|value| matches!(value, Value::UInt(_)));
                    let result = self.integers(left, right)?;
                    result
                        .and_then(|result| integer(result, wide))
                        .ok_or_else(too_large)
                }
                (.., Some(left), Some(right)) if self.is_exact() => self
                    .decimals(&left, &right)
                    .map(Value::Decimal)
                    .ok_or_else(too_large),
                _ => times::compute(self, a, b)
                    .unwrap_or_else(|| Err(format!("there is no {} {} {}", shown(a), self.sign(), shown(b)))),
            },
        }
    }

    /// What becomes of a value that something is added to, or taken from: it stays what it is, an exact number, an instant or
    /// a span of time.
    ///
    /// # Errors
    /// Why nothing does.
    pub fn accumulate(self, value: &Value, by: &Value) -> Result<Value, String> {
        let is_time = matches!(value, Value::Duration(_)) || times::instant(value).is_some();
        match [value, by].into_iter().find(|value| exact(value).is_none()) {
            None => self.compute(value, by),
            Some(_) if is_time && times::span(by).is_some() => self.compute(value, by),
            Some(_) if is_time => Err(format!("{} is no duration", shown(by))),
            Some(wrong) => Err(format!("{} is no exact number", shown(wrong))),
        }
    }

    /// Nothing when 128 bits are too few, which two integers of 64 never need.
    fn integers(self, a: i128, b: i128) -> Result<Option<i128>, String> {
        Ok(match self {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Subtract => a.checked_sub(b),
            Arithmetic::Multiply => a.checked_mul(b),
            Arithmetic::Divide | Arithmetic::Modulo if b == 0 => {
                return Err(format!("Division by zero: {a} {} 0", self.sign()));
            }
            Arithmetic::Divide => a.checked_div(b),
            Arithmetic::Modulo => a.checked_rem(b),
        })
    }

    fn decimals(self, a: &Decimal, b: &Decimal) -> Option<Decimal> {
        match self {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Subtract => a.checked_sub(b),
            Arithmetic::Multiply => a.checked_mul(b),
            Arithmetic::Divide | Arithmetic::Modulo => None,
        }
    }

    fn floats(self, a: f64, b: f64) -> f64 {
        match self {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide => a / b,
            Arithmetic::Modulo => a % b,
        }
    }
}

/// The type of a negated value.
///
/// # Errors
/// The type has no negation.
pub fn negated_shape(of: &Shape) -> Result<Shape, String> {
    match of.present() {
        Shape::Int | Shape::Decimal | Shape::Float => Ok(of.present().clone()),
        Shape::Any | Shape::Null => Ok(Shape::Any),
        _ => Err(format!("there is no -({of})")),
    }
}

/// The negated value.
pub(super) fn negated(value: &Value) -> Result<Value, String> {
    match value {
        Value::Float(value) => Ok(Value::Float(-value)),
        _ => Arithmetic::Subtract
            .compute(&Value::Int(0), value)
            .map_err(|_| format!("there is no -({})", shown(value))),
    }
}

/// A number of any exact type as a decimal.
#[must_use]
pub fn exact(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal(value) => Some(value.clone()),
        _ => whole(value).map(|whole| Decimal::new(whole, 0)),
    }
}

/// How a floating-point number and an exact one stand to each other. The former is taken for the decimal it is written
/// as, the shortest text that reads back as it: so `1.1` in the file is what `decimal('1.1')` is, and so is a double that
/// shows as 1.1. Each has its own, in the same order, so that nothing is rounded on the way.
pub(super) fn order(float: f64, exact: &Decimal) -> Option<Ordering> {
    if float.is_infinite() {
        return float.partial_cmp(&0.0);
    }
    let written: Decimal = float.to_string().parse().ok()?;
    Some(written.cmp(exact))
}

/// A whole number; integers are one type here, whatever their width.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// An integer of 64 bits; without a sign only where one of those it was made of needed that.
fn integer(value: i128, wide: bool) -> Option<Value> {
    match i64::try_from(value) {
        Ok(value) => Some(Value::Int(value)),
        Err(_) if wide => u64::try_from(value).map(Value::UInt).ok(),
        Err(_) => None,
    }
}
