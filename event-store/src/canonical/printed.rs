//! JSON as it is printed: whatever serde_json prints, with numbers and the keys of trees as RFC 8785 has them.
//!
//! A tree keeps its keys in an order of its own, and prints doubles in serde_json's form. So answers tell their trees by
//! [`in_order`], and are printed by [`write_answer`]; the fields of the answers themselves stay in the order they are declared in.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use serde_json::{Error, Value};

use super::{key_order, number};

/// The canonical text of a value: RFC 8785.
///
/// ```
/// use annals_event_store::canonical::to_text;
/// assert_eq!(to_text(&serde_json::json!({"b": 2.0, "a": [1, null]})), r#"{"a":[1,null],"b":2}"#);
/// assert_eq!(to_text(&serde_json::json!([1e16, 1e21, 0.00001, -0.0])), "[10000000000000000,1e+21,0.00001,0]");
/// ```
pub fn to_text(value: &Value) -> String {
    printed(value, CompactFormatter)
}

/// The same in lines that are indented, for people.
///
/// ```
/// use annals_event_store::canonical::to_pretty;
/// assert_eq!(to_pretty(&serde_json::json!({"b": 2.0, "a": []})), "{\n  \"a\": [],\n  \"b\": 2\n}");
/// ```
pub fn to_pretty(value: &Value) -> String {
    printed(value, PrettyFormatter::new())
}

fn printed(value: &Value, formatter: impl Formatter) -> String {
    let mut out = Vec::new();
    // A tree is always printed, and its text is UTF-8.
    let _ = print(&InOrder(value), &mut out, formatter);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes an answer as JSON on one line, in which states, events and their values are canonical to the byte. What else it has
/// stays in the order it is declared in; a tree alone has [`to_text`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, canonical};
///
/// let answer = store.reconstruct("account", "a-1", &AsOf::Head)?;
/// let mut text = Vec::new();
/// canonical::write_answer(&mut text, &answer)?;
/// let state = format!(r#""state":{},"#, canonical::to_text(&answer.state));
/// assert!(String::from_utf8(text)?.contains(&state));
/// # Ok(()) }
/// ```
///
/// # Errors
/// It cannot be written, or is no JSON.
pub fn write_answer(out: impl io::Write, answer: &impl Serialize) -> Result<(), Error> {
    print(answer, out, CompactFormatter)
}

fn print(value: &impl Serialize, out: impl io::Write, formatter: impl Formatter) -> Result<(), Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(
        out,
        Numbers(formatter),
    ))
}

/// `#[serde(serialize_with = "…::canonical::in_order")]` for a tree, or one that may not be there.
pub(crate) fn in_order<'v, S: Serializer>(
    tree: impl Into<Option<&'v Value>>,
    out: S,
) -> Result<S::Ok, S::Error> {
    tree.into().map(InOrder).serialize(out)
}

/// A tree that tells its keys in order.
struct InOrder<'v>(&'v Value);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let order = |one: &str, other: &str| key_order::compare(one.as_bytes(), other.as_bytes());
        match self.0 {
            Value::Array(items) => out.collect_seq(items.iter().map(InOrder)),
            Value::Object(fields) if fields.keys().is_sorted_by(|one, other| order(one, other).is_le()) => {
                out.collect_map(fields.iter().map(|(name, value)| (name, InOrder(value))))
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by(|(one, _), (other, _)| order(one, other));
                out.collect_map(fields.into_iter().map(|(name, value)| (name, InOrder(value))))
            }
            simple => simple.serialize(out),
        }
    }
}

/// A formatter but for numbers.
struct Numbers<F>(F);

/// What the other formatter does.
macro_rules! as_ever {
    ($($method:ident($($first:ident)?);)*) => {$(
        fn $method<W: io::Write + ?Sized>(&mut self, out: &mut W $(, $first: bool)?) -> io::Result<()> {
            self.0.$method(out $(, $first)?)
        }
    )*};
}

impl<F: Formatter> Formatter for Numbers<F> {
    as_ever! {
        begin_array();
        end_array();
        begin_array_value(first);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_f32<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        number::write(f64::from(value), out)
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        number::write(value, out)
    }

    fn write_number_str<W: io::Write + ?Sized>(&mut self, out: &mut W, value: &str) -> io::Result<()> {
        number::write_text(value, out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What RFC 8785 says of literals, texts, numbers and the order of keys.
    #[test]
    fn the_text_is_canonical() {
        let check = |value: Value, wanted: &str| {
            assert_eq!(to_text(&value), wanted);
            let pretty = to_pretty(&value);
            let read: Value = serde_json::from_str(&pretty).unwrap();
            assert_eq!(to_text(&read), wanted, "{pretty}");
        };
        check(json!([null, true, false, {}, []]), "[null,true,false,{},[]]");
        check(
            json!("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}\u{80}\u{20ac}\u{2028}\u{1f600}"),
            "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\u{7f}\u{80}\u{20ac}\u{2028}\u{1f600}\"",
        );
        check(
            json!({"1": 1, "\r": 2, "\u{e000}": 3, "\u{1f600}": 4, "\u{20ac}": 5, "": 6, "10": 7, "\u{80}": 8}),
            "{\"\":6,\"\\r\":2,\"1\":1,\"10\":7,\"\u{80}\":8,\"\u{20ac}\":5,\"\u{1f600}\":4,\"\u{e000}\":3}",
        );
        check(
            json!([{"\u{10000}": {"\u{ffff}": 1, "\u{10ffff}": 2}, "\u{fb33}": -0.0}, 1e-7, 100.0, u64::MAX, i64::MIN]),
            "[{\"\u{10000}\":{\"\u{10ffff}\":2,\"\u{ffff}\":1},\"\u{fb33}\":0},1e-7,100,18446744073709551615,-9223372036854775808]",
        );
    }

    #[test]
    fn lines_are_as_serde_json_has_them() {
        let value = json!({"a": [1, {"b": {}, "c": []}], "d": "x\ny", "e": null, "f": 0.5});
        assert_eq!(to_pretty(&value), format!("{value:#}"));
    }
}
