//! The state of a declared fold as bytes.
//!
//! ```text
//!   1 version, 2
//!   slots, each: 0 when not set, or 1 and a value
//!   a value: 1 which (TAGS), then
//!     nothing (null, false, true) | number | 8 bits of a double | number scale, bytes | bytes (text, bytes, symbol)
//!     | seconds and nanoseconds, each a number | 16 uuid | number of items, the items | number of entries, for each a name and its value | a name, then as entries
//!   a name: the number 0 and bytes, the first time; later its place among the names before it, from 1
//!   bytes: number, then so many of them; a number: LEB128 (zigzag where it may be negative)
//! ```
//! Invariant: what is read back is the same value, entries in their order; what is none of these bytes is no state.

use std::sync::Arc;

use annals_schema_model::{Decimal, Duration, Timestamp, Value};
use rustc_hash::FxHashMap;

use super::slots::State;

const VERSION: u8 = 2;
/// Values in values that are read; no schema's records are so deep.
const DEPTH_MAX: usize = 1_000;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const DECIMAL: u8 = 6;
const STRING: u8 = 7;
const BYTES: u8 = 8;
const TIMESTAMP: u8 = 9;
const TIMESTAMP_MICROS: u8 = 10;
const DATE: u8 = 11;
const TIME: u8 = 12;
const UUID: u8 = 13;
const ENUM: u8 = 14;
const ARRAY: u8 = 15;
const MAP: u8 = 16;
const RECORD: u8 = 17;
const TIMESTAMP_NANOS: u8 = 18;
const DURATION: u8 = 19;

/// The bytes of a state.
pub(super) fn freeze(state: &State) -> Vec<u8> {
    let mut out = Writing {
        bytes: vec![VERSION],
        names: FxHashMap::default(),
    };
    for slot in state {
        out.bytes.push(u8::from(slot.is_some()));
        if let Some(value) = slot {
            out.value(value);
        }
    }
    out.bytes
}

/// The state of these bytes.
pub(super) fn thaw(bytes: &[u8]) -> Option<State> {
    let mut input = Reading {
        rest: bytes,
        names: Vec::new(),
    };
    if input.byte()? != VERSION {
        return None;
    }
    let mut state = State::new();
    while !input.rest.is_empty() {
        state.push(match input.byte()? {
            0 => None,
            1 => Some(input.value(DEPTH_MAX)?),
            _ => return None,
        });
    }
    Some(state)
}

struct Writing<'v> {
    bytes: Vec<u8>,
    /// The place of each name, from 1.
    names: FxHashMap<&'v str, u64>,
}

impl<'v> Writing<'v> {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn name(&mut self, name: &'v str) {
        match self.names.get(name) {
            Some(place) => self.number(*place),
            None => {
                self.number(0);
                self.bytes(name.as_bytes());
                self.names.insert(name, self.names.len() as u64 + 1);
            }
        }
    }

    fn entries(&mut self, entries: &'v [(Arc<str>, Value)]) {
        self.number(entries.len() as u64);
        for (name, value) in entries {
            self.name(name);
            self.value(value);
        }
    }

    fn tagged(&mut self, tag: u8, number: i64) {
        self.bytes.push(tag);
        self.signed(number);
    }

    fn text(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes.push(tag);
        self.bytes(bytes);
    }

    fn value(&mut self, value: &'v Value) {
        match value {
            Value::Null => self.bytes.push(NULL),
            Value::Bool(value) => self.bytes.push(if *value { TRUE } else { FALSE }),
            Value::Int(value) => self.tagged(INT, *value),
            Value::UInt(value) => {
                self.bytes.push(UINT);
                self.number(*value);
            }
            Value::Float(value) => {
                self.bytes.push(FLOAT);
                self.bytes.extend(value.to_bits().to_be_bytes());
            }
            Value::Decimal(value) => {
                self.bytes.push(DECIMAL);
                self.number(u64::from(value.scale()));
                self.bytes(&value.to_be_bytes());
            }
            Value::String(value) => self.text(STRING, value.as_bytes()),
            Value::Bytes(value) => self.text(BYTES, value),
            Value::Timestamp { millis } => self.tagged(TIMESTAMP, *millis),
            Value::TimestampMicros { micros } => self.tagged(TIMESTAMP_MICROS, *micros),
            Value::TimestampNanos(time) => {
                self.tagged(TIMESTAMP_NANOS, time.as_seconds());
                self.number(u64::from(time.subsec_nanos()));
            }
            Value::Duration(span) => {
                self.tagged(DURATION, span.as_seconds());
                self.number(u64::from(span.subsec_nanos()));
            }
            Value::Date(days) => self.tagged(DATE, i64::from(*days)),
            Value::Time { micros } => self.tagged(TIME, *micros),
            Value::Uuid(bytes) => {
                self.bytes.push(UUID);
                self.bytes.extend_from_slice(bytes);
            }
            Value::Enum(value) => self.text(ENUM, value.as_bytes()),
            Value::Array(items) => {
                self.bytes.push(ARRAY);
                self.number(items.len() as u64);
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(entries) => {
                self.bytes.push(MAP);
                self.entries(entries);
            }
            Value::Record { name, fields } => {
                self.bytes.push(RECORD);
                self.name(name);
                self.entries(fields);
            }
        }
    }
}

struct Reading<'b> {
    rest: &'b [u8],
    names: Vec<Arc<str>>,
}

impl<'b> Reading<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// Nanoseconds since a second.
    fn nanos(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn name(&mut self) -> Option<Arc<str>> {
        match usize::try_from(self.number()?).ok()?.checked_sub(1) {
            Some(place) => self.names.get(place).map(Arc::clone),
            None => {
                let name: Arc<str> = self.text()?.into();
                self.names.push(Arc::clone(&name));
                Some(name)
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Option<Vec<(Arc<str>, Value)>> {
        let count = self.number()?;
        // Not reserved: the number is only as good as the bytes behind it.
        (0..count)
            .map(|_| Some((self.name()?, self.value(depth)?)))
            .collect()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        Some(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INT => Value::Int(self.signed()?),
            UINT => Value::UInt(self.number()?),
            FLOAT => Value::Float(f64::from_bits(u64::from_be_bytes(self.take(8)?.try_into().ok()?))),
            DECIMAL => {
                let scale = u32::try_from(self.number()?).ok()?;
                Value::Decimal(Decimal::from_be_bytes(self.bytes()?, scale).ok()?)
            }
            STRING => Value::String(self.text()?.to_owned()),
            BYTES => Value::Bytes(self.bytes()?.to_vec()),
            TIMESTAMP => Value::Timestamp {
                millis: self.signed()?,
            },
            TIMESTAMP_MICROS => Value::TimestampMicros {
                micros: self.signed()?,
            },
            TIMESTAMP_NANOS => Value::TimestampNanos(Timestamp::new(self.signed()?, self.nanos()?)?),
            DURATION => Value::Duration(Duration::new(self.signed()?, self.nanos()?)?),
            DATE => Value::Date(i32::try_from(self.signed()?).ok()?),
            TIME => Value::Time {
                micros: self.signed()?,
            },
            UUID => Value::Uuid(self.take(16)?.try_into().ok()?),
            ENUM => Value::Enum(self.text()?.to_owned()),
            ARRAY => {
                let count = self.number()?;
                let items = (0..count).map(|_| self.value(depth));
                Value::Array(items.collect::<Option<_>>()?)
            }
            MAP => Value::Map(self.entries(depth)?),
            RECORD => Value::Record {
                name: self.name()?,
                fields: self.entries(depth)?,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::UInt),
            any::<f64>().prop_map(Value::Float),
            (any::<i128>(), 0u32..40)
                .prop_map(|(unscaled, scale)| Value::Decimal(Decimal::new(unscaled, scale))),
            "[a-zé]{0,9}".prop_map(Value::String),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
            any::<i64>().prop_map(|millis| Value::Timestamp { millis }),
            any::<i64>().prop_map(|micros| Value::TimestampMicros { micros }),
            (any::<i64>(), 0u32..1_000_000_000)
                .prop_map(|(second, nano)| Value::TimestampNanos(Timestamp::new(second, nano).unwrap())),
            (-1_000_000_000_000i128..1_000_000_000_000)
                .prop_map(|nanos| Value::Duration(Duration::from_nanos(nanos).unwrap())),
            any::<i32>().prop_map(Value::Date),
            any::<i64>().prop_map(|micros| Value::Time { micros }),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            "[A-Z]{0,5}".prop_map(Value::Enum),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let entries = proptest::collection::vec(("[ab]{0,2}".prop_map(Into::into), inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..5).prop_map(Value::Array),
                entries.clone().prop_map(Value::Map),
                ("[ab]{0,2}".prop_map(Into::into), entries)
                    .prop_map(|(name, fields)| Value::Record { name, fields }),
            ]
        })
    }

    proptest! {
        /// The same state comes back, to the last bit, and no other bytes make anybody panic.
        #[test]
        fn a_state_comes_back(
            state in proptest::collection::vec(proptest::option::of(value()), 0..6),
            flipped in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = freeze(&state);
            let back = thaw(&bytes).unwrap();
            // By their texts: a double that is no number equals nothing.
            prop_assert_eq!(format!("{back:?}"), format!("{state:?}"));
            prop_assert_eq!(freeze(&back), bytes.clone());
            let _ = thaw(&bytes[..cut.index(bytes.len())]);
            let mut other = bytes;
            let at = flipped.index(other.len());
            other[at] ^= 1 << (at % 8);
            let _ = thaw(&other);
        }
    }
}
