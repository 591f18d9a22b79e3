//! What a type holds of the values of expressions, whatever the format: numbers, texts, instants, and how it is told.
//!
//! Invariant: a value is held as it is or not at all. Floating-point numbers of 32 bits alone are the nearest to what was
//! given, because expressions have none of their own; an integer must be one of theirs.

use crate::cel::shown;
use crate::{ReadError, Value};

/// Symbols of an enum that a sentence names.
const SYMBOLS_TOLD_MAX: usize = 20;

/// A whole number of any width.
pub(crate) fn whole<T: TryFrom<i128>>(value: &Value) -> Option<T> {
    let number = match value {
        Value::Int(number) => i128::from(*number),
        Value::UInt(number) => i128::from(*number),
        _ => return None,
    };
    T::try_from(number).ok()
}

/// A floating-point number of 64 bits, or an integer that is one.
pub(crate) fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        value => {
            let number: i128 = whole(value)?;
            let double = number as f64;
            (double as i128 == number).then_some(double)
        }
    }
}

/// The nearest floating-point number of 32 bits, or an integer that is one.
pub(crate) fn float(value: &Value) -> Option<f32> {
    match value {
        Value::Float(number) => {
            let near = *number as f32;
            (near.is_finite() || !number.is_finite()).then_some(near)
        }
        value => {
            let number: i128 = whole(value)?;
            let float = number as f32;
            (float as i128 == number).then_some(float)
        }
    }
}

/// A value that is not held, and what is.
pub(crate) fn unheld(value: &Value, held: &str) -> ReadError {
    let given = match value {
        Value::Bytes(bytes) => format!("{} bytes, {},", bytes.len(), shown(value)),
        value => shown(value),
    };
    ReadError::new(format!("it is given {given} and holds {held}"))
}

/// Floating-point numbers, for a sentence about a value that is none of them.
pub(crate) fn floats_told(bits: u32, value: &Value) -> String {
    let how = match value {
        Value::Int(_) | Value::UInt(_) => "; this one is none of them, and double(…) gives the nearest",
        _ => "",
    };
    format!("floating-point numbers of {bits} bits{how}")
}

/// The symbols of an enum, for a sentence.
pub(crate) fn symbols_told<'a>(symbols: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = symbols.len().saturating_sub(SYMBOLS_TOLD_MAX);
    let told: Vec<&str> = symbols.take(SYMBOLS_TOLD_MAX).collect();
    match more {
        0 => format!("one of {}", told.join(", ")),
        more => format!("one of {} and {more} more", told.join(", ")),
    }
}
