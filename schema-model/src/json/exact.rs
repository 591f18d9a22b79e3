//! JSON texts as values with every number as it is written.
//!
//! A number of a field that is an integer is one, `5.0` and `5e0` too, as JSON Schema counts them; one of a decimal field is
//! a decimal with the digits it is written with. Where the type is not known, what is written without point and exponent is
//! an integer, and all else a decimal. An integer that 64 bits do not hold is a decimal. Invariant: no digit is lost; a
//! number of more digits than a decimal has is an error.

use crate::cel::Shape;
use crate::json_text::{Json, JsonKind};
use crate::{Decimal, ReadError, Value};

/// The value of a text that was judged.
pub(super) fn read(body: &[u8], shape: &Shape) -> Result<Value, ReadError> {
    let text = std::str::from_utf8(body).map_err(|error| ReadError::new(error.to_string()))?;
    let json = Json::parse_strict(text).map_err(|error| ReadError::new(error.to_string()))?;
    value(json, shape)
}

/// Depth is bounded by the walk that judged it.
fn value(json: Json, shape: &Shape) -> Result<Value, ReadError> {
    let shape = shape.present();
    Ok(match json.kind {
        JsonKind::Null => Value::Null,
        JsonKind::Bool(value) => Value::Bool(value),
        JsonKind::Number(text) => number(&text, shape)
            .ok_or_else(|| ReadError::new(format!("{} has too many digits", shown(&text))))?,
        JsonKind::String(text) => Value::String(text),
        JsonKind::Array(items) => {
            let of = match shape {
                Shape::List(of) => of,
                _ => &Shape::Any,
            };
            let items = items
                .into_iter()
                .enumerate()
                .map(|(place, item)| value(item, of).map_err(|error| error.within(&format!("[{place}]"))));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        JsonKind::Object(mut entries) => {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let entries = entries.into_iter().map(|(name, entry)| {
                let of = match shape {
                    Shape::Map(of) => of,
                    Shape::Record { fields, .. } => {
                        let field = fields.iter().find(|(field, _)| *field == name);
                        field.map_or(&Shape::Any, |(_, shape)| shape)
                    }
                    _ => &Shape::Any,
                };
                match value(entry, of) {
                    Ok(value) => Ok((name.into(), value)),
                    Err(error) => Err(error.within(&name)),
                }
            });
            Value::Map(entries.collect::<Result<_, _>>()?)
        }
    })
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

fn number(text: &str, shape: &Shape) -> Option<Value> {
    if *shape == Shape::Decimal {
        return decimal(text).map(Value::Decimal);
    }
    let whole = |text: &str| {
        let signed = text.parse().map(Value::Int);
        signed.or_else(|_| text.parse().map(Value::UInt)).ok()
    };
    if let Some(whole) = whole(text) {
        return Some(whole);
    }
    let decimal = decimal(text)?;
    let reduced = (*shape == Shape::Int).then(|| decimal.at_scale(0)).flatten();
    let reduced = reduced.and_then(|reduced| whole(&reduced.to_string()));
    Some(reduced.unwrap_or(Value::Decimal(decimal)))
}

/// The decimal that is written; digits behind the point as many as it says, an exponent taken into account.
fn decimal(text: &str) -> Option<Decimal> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text.parse().ok();
    };
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.bytes().all(|digit| digit == b'0') {
        return Some(Decimal::default());
    }
    let zeros = |count: usize| (count <= Decimal::SCALE_MAX as usize).then(|| "0".repeat(count));
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let (before, after) = match usize::try_from(point) {
        Err(_) => (
            String::new(),
            format!("{}{all}", zeros(usize::try_from(-point).ok()?)?),
        ),
        Ok(point) => match all.split_at_checked(point) {
            Some((before, after)) => (before.to_owned(), after.to_owned()),
            None => (format!("{all}{}", zeros(point - all.len())?), String::new()),
        },
    };
    let point = if after.is_empty() { "" } else { "." };
    format!("{sign}0{before}{point}{after}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_what_is_written() {
        let check = |text: &str, shape: Shape, wanted: Option<Value>| {
            assert_eq!(number(text, &shape), wanted, "{text} as {shape}");
        };
        let decimal = |text: &str| Some(Value::Decimal(text.parse().unwrap()));
        check("5", Shape::Int, Some(Value::Int(5)));
        check("5.0", Shape::Int, Some(Value::Int(5)));
        check("5e2", Shape::Int, Some(Value::Int(500)));
        check("-0", Shape::Int, Some(Value::Int(0)));
        check("18446744073709551615", Shape::Int, Some(Value::UInt(u64::MAX)));
        check(
            "18446744073709551616",
            Shape::Int,
            decimal("18446744073709551616"),
        );
        check("5", Shape::Decimal, decimal("5"));
        check("12.50", Shape::Decimal, decimal("12.50"));
        check("12.50", Shape::Any, decimal("12.50"));
        check("7", Shape::Any, Some(Value::Int(7)));
        check("-1.5e-3", Shape::Any, decimal("-0.0015"));
        check("1.5E+3", Shape::Decimal, decimal("1500"));
        check("0e999999999", Shape::Decimal, decimal("0"));
        check("1e1001", Shape::Decimal, None);
        check("1e-1001", Shape::Decimal, None);
        check("1e9999999999", Shape::Any, None);
        check(
            "0.12345678901234567890123456789",
            Shape::Decimal,
            decimal("0.12345678901234567890123456789"),
        );
        // The scale a decimal is written at is what a state shows.
        assert_eq!(number("12.50", &Shape::Decimal).unwrap().to_json(), "12.50");
    }

    proptest! {
        #[test]
        fn an_exponent_moves_the_point(digits in -1_000_000i64..1_000_000, scale in 0u32..6, exponent in -20i32..20) {
            let mantissa = Decimal::new(i128::from(digits), scale).to_string();
            let read = decimal(&format!("{mantissa}e{exponent}")).unwrap();
            let double: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
            prop_assert_eq!(read.to_string().parse::<f64>().unwrap(), double);
        }
    }
}
