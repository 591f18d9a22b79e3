//! Values as they are shown, told to a serializer without a tree of JSON between.

use annals_schema_model::{Timestamp, Value};
use serde::{Serialize, Serializer};

/// A value as [`Value::to_json`] shows it.
pub(crate) struct Shown<'v>(pub(crate) &'v Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => out.serialize_unit(),
            Value::Bool(value) => out.serialize_bool(*value),
            Value::Int(value) => out.serialize_i64(*value),
            Value::String(text) | Value::Enum(text) => out.serialize_str(text),
            Value::Decimal(value) => value.with_text(|text| out.serialize_str(text)),
            Value::Timestamp { millis } => {
                Timestamp::from_millis(*millis).with_text(|text| out.serialize_str(text))
            }
            Value::Array(items) => out.collect_seq(items.iter().map(Shown)),
            Value::Map(entries) | Value::Record { fields: entries, .. } => {
                out.collect_map(entries.iter().map(|(name, value)| (&**name, Shown(value))))
            }
            other => other.to_json().serialize(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_schema_model::Decimal;
    use proptest::prelude::*;

    use super::*;
    use crate::canonical::{to_text, write};

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::UInt),
            any::<f64>().prop_map(Value::Float),
            any::<String>().prop_map(Value::String),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            any::<i32>().prop_map(Value::Date),
            (any::<i64>(), 0..5u32)
                .prop_map(|(digits, scale)| Value::Decimal(Decimal::new(digits.into(), scale))),
            (-90_000_000_000_000i64..90_000_000_000_000).prop_map(|millis| Value::Timestamp { millis }),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let entries = prop::collection::vec(
                (
                    "[ab\"\\\\\u{e9}\u{e000}\u{10000}]{0,2}".prop_map(Into::into),
                    inner.clone(),
                ),
                0..4,
            );
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::Array),
                entries.clone().prop_map(Value::Map),
                entries.prop_map(|fields| Value::Record {
                    name: "r".into(),
                    fields
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_shown_as_its_json_is(value in value()) {
            let mut out = Vec::new();
            write(&Shown(&value), &mut out).unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), to_text(&value.to_json()));
        }
    }
}
