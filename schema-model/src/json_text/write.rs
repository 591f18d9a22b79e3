//! JSON written out the way Avro Java's library writes it: minified, with Java's spelling of doubles.

use std::fmt::Write as _;

use super::{Json, JsonKind};

/// What is kept of how a value was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The order of keys; numbers are spelled as Java spells them.
    Order,
    /// The order of keys, and every digit of every number.
    #[cfg(feature = "json")]
    Digits,
    /// Neither: keys are sorted, numbers spelled as Java spells them.
    Nothing,
    /// The value of every number: keys are sorted, and numbers spelled as Java spells them where a double holds them.
    #[cfg(feature = "json")]
    Values,
}

impl Kept {
    fn has_order(self) -> bool {
        match self {
            Kept::Order => true,
            Kept::Nothing => false,
            #[cfg(feature = "json")]
            Kept::Digits => true,
            #[cfg(feature = "json")]
            Kept::Values => false,
        }
    }
}

/// Appends a value.
pub(crate) fn write(out: &mut String, json: &Json) {
    render(out, json, Kept::Order);
}

/// Like [`write()`], with the keys of objects in order.
pub(crate) fn write_sorted(out: &mut String, json: &Json) {
    render(out, json, Kept::Nothing);
}

/// Like [`write()`], with numbers as they were written: nothing but white space, the spelling of characters and keys that
/// do not count are lost.
#[cfg(feature = "json")]
pub(crate) fn write_compact(out: &mut String, json: &Json) {
    render(out, json, Kept::Digits);
}

/// Like [`write_sorted()`], but for numbers that no double holds: they keep their values, in decimal.
#[cfg(feature = "json")]
pub(crate) fn write_values(out: &mut String, json: &Json) {
    render(out, json, Kept::Values);
}

fn render(out: &mut String, json: &Json, kept: Kept) {
    match &json.kind {
        JsonKind::Null => out.push_str("null"),
        JsonKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        #[cfg(feature = "json")]
        JsonKind::Number(text) if kept == Kept::Digits => out.push_str(text),
        #[cfg(feature = "json")]
        JsonKind::Number(text) if kept == Kept::Values => out.push_str(&value(text)),
        JsonKind::Number(text) => out.push_str(&number(text)),
        JsonKind::String(text) => string(out, text),
        JsonKind::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                render(out, item, kept);
            }
            out.push(']');
        }
        JsonKind::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            if !kept.has_order() {
                entries.sort_by(|left, right| left.0.cmp(&right.0));
            }
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                separate(out, index);
                string(out, key);
                out.push(':');
                render(out, value, kept);
            }
            out.push('}');
        }
    }
}

/// A comma before every item but the first.
pub(crate) fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// Appends a quoted string; only what must be escaped is.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(plain) = rest
        .bytes()
        .position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')
    {
        // Only bytes that are characters of their own are looked for.
        let (before, from) = rest.split_at(plain);
        out.push_str(before);
        escape(out, from.as_bytes().first().copied().unwrap_or_default());
        rest = from.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out.push('"');
}

fn escape(out: &mut String, byte: u8) {
    let escaped = match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        8 => "\\b",
        b'\t' => "\\t",
        b'\n' => "\\n",
        12 => "\\f",
        b'\r' => "\\r",
        control => {
            let _ = write!(out, "\\u{control:04X}");
            return;
        }
    };
    out.push_str(escaped);
}

/// A number as Java writes it back: integers as they are, all others as doubles.
pub(crate) fn number(text: &str) -> String {
    if text == "-0" {
        return "0".to_owned();
    }
    if !text.contains(['.', 'e', 'E', 'N', 'I']) {
        return text.to_owned();
    }
    parse_double(text).map_or_else(|| text.to_owned(), double)
}

/// A number as [`number()`] spells it, if that has its value; else its digits and an exponent.
#[cfg(feature = "json")]
fn value(text: &str) -> String {
    let spelled = number(text);
    match exact(text) {
        Some(value) if exact(&spelled).as_ref() != Some(&value) => {
            let (is_negative, digits, exponent) = value;
            let sign = if is_negative { "-" } else { "" };
            format!("{sign}{digits}E{exponent}")
        }
        Some(_) => spelled,
        // An exponent beyond 64 bits.
        None => text.to_owned(),
    }
}

/// A number's sign, its digits without zeros at either end, and the power of ten they are multiplied with.
#[cfg(feature = "json")]
fn exact(text: &str) -> Option<(bool, String, i64)> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction].concat();
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let short = digits.trim_end_matches('0');
    let cut = i64::try_from(digits.len() - short.len()).ok()?;
    let fraction = i64::try_from(fraction.len()).ok()?;
    let short = short.trim_start_matches('0');
    if short.is_empty() {
        return Some((false, "0".to_owned(), 0));
    }
    let exponent: i64 = exponent.parse().ok()?;
    let exponent = exponent.checked_add(cut)?.checked_sub(fraction)?;
    Some((is_negative, short.to_owned(), exponent))
}

/// The number's value; also understands `NaN`, `Infinity` and `-Infinity`.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// A double in Java's spelling: `1.0`, `1.5E10`, `1.0E-5`.
fn double(value: f64) -> String {
    if value.is_nan() {
        return "\"NaN\"".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        }
        .to_owned();
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let text = value.to_string();
        return if text.contains('.') {
            text
        } else {
            format!("{text}.0")
        };
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_javas_spelling() {
        let check = |text: &str, wanted: &str| assert_eq!(number(text), wanted);
        check("1", "1");
        check("-0", "0");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("1.0", "1.0");
        check("-0.0", "-0.0");
        check("1e3", "1000.0");
        check("1e7", "1.0E7");
        check("12345678.5", "1.23456785E7");
        check("0.001", "0.001");
        check("0.0001", "1.0E-4");
        check("1e400", "\"Infinity\"");
    }

    #[cfg(feature = "json")]
    #[test]
    fn numbers_that_no_double_holds_keep_their_value() {
        let check = |texts: &[&str], wanted: &str| {
            for text in texts {
                assert_eq!(value(text), wanted, "{text}");
            }
            assert_eq!(value(wanted), wanted);
        };
        check(&["1"], "1");
        check(&["-0", "0"], "0");
        check(&["1.0", "1.00", "10e-1", "0.1E1"], "1.0");
        check(&["1e3", "1000.0"], "1000.0");
        check(&["0.1", "1e-1"], "0.1");
        check(&["1e22", "10.0e21"], "1.0E22");
        check(
            &["123456789012345678901234567890"],
            "123456789012345678901234567890",
        );
        check(
            &["9007199254740993.0", "90071992547409930e-1"],
            "9007199254740993E0",
        );
        check(
            &["0.1000000000000000055511151231257827"],
            "1000000000000000055511151231257827E-34",
        );
        check(&["1e400", "10.0E+399"], "1E400");
        check(&["-12.50e-400", "-125e-401"], "-125E-401");
        check(&["0e99999999999999999999", "0.0"], "0.0");
        check(&["1e99999999999999999999"], "1e99999999999999999999");
    }

    #[test]
    fn strings() {
        let mut out = String::new();
        string(&mut out, "a\"\\/\n\u{1}\u{1f}é\u{7f}");
        assert_eq!(out, "\"a\\\"\\\\/\\n\\u0001\\u001Fé\u{7f}\"");
    }
}
