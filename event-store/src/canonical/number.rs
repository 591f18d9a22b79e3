//! Numbers as RFC 8785 (3.2.2.3) has them: doubles as ECMAScript writes them.
//!
//! Invariant: integers keep all their digits, beyond 2^53 too, and so does an integer that stands as a text; whatever else
//! stands so is the double that it is read as, if there is one.

use std::io::{self, Write};

pub(super) use annals_schema_model::write_double as write;
use serde_json::Number;

/// Writes a number that stands as a text.
pub(super) fn write_text<W: Write + ?Sized>(text: &str, out: &mut W) -> io::Result<()> {
    let is_integer = !text.contains(['.', 'e', 'E']);
    if is_integer && text != "-0" {
        return out.write_all(text.as_bytes());
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => write(value, out),
        _ => out.write_all(text.as_bytes()),
    }
}

/// The number that the text of this one is read as: an integer, where a double is whole and its text has no exponent.
pub(super) fn as_read(number: &Number) -> Option<Number> {
    let value = number.as_f64().filter(|_| number.is_f64())?;
    if value.fract() != 0.0 {
        return None;
    }
    let mut text = Vec::new();
    write(value, &mut text).ok()?;
    let read: Number = std::str::from_utf8(&text).ok()?.parse().ok()?;
    (!read.is_f64()).then_some(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_stand_as_texts_keep_their_digits_or_are_doubles() {
        let check = |number: &str, wanted: &str| {
            let mut out = Vec::new();
            write_text(number, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), wanted, "{number}");
        };
        check("0", "0");
        check("-0", "0");
        check("-12345678901234567890123", "-12345678901234567890123");
        check("1.0", "1");
        check("-0.0", "0");
        check("-2e9", "-2000000000");
        check("1E400", "1E400");
        check("1e-400", "0");
    }

    proptest! {
        /// As whoever reads an answer does.
        #[test]
        fn a_double_is_read_as_its_text_is(
            value in prop_oneof![
                any::<u64>().prop_map(f64::from_bits),
                any::<i64>().prop_map(|whole| whole as f64),
                (any::<i32>(), -30i32..30).prop_map(|(digits, scale)| f64::from(digits) * 10f64.powi(scale)),
            ]
            .prop_filter("a number", |value| value.is_finite()),
        ) {
            let mut text = Vec::new();
            write(value, &mut text).unwrap();
            let read: Number = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(read.as_f64().unwrap(), value);
            let number = Number::from_f64(value).unwrap();
            prop_assert_eq!(as_read(&number).unwrap_or(number), read);
        }
    }
}
