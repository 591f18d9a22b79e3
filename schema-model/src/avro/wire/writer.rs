//! Writing Avro's binary encoding.

use super::{Day, Duration, LEVELS_MAX, Moment, RECURSION_MAX, TimeOfDay, times};
use crate::{EncodeError, avro::Datum};

/// Writes one payload from front to back.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    pub(super) bytes: Vec<u8>,
    /// How many bytes were there before.
    start: usize,
    /// How many records that can hold themselves are open.
    depth: usize,
    /// How many of them, and of arrays and maps in them.
    levels: usize,
    refusal: Option<String>,
}

impl Writer {
    /// A writer with nothing written.
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// A writer that appends to bytes already there.
    #[must_use]
    pub fn append_to(bytes: Vec<u8>) -> Writer {
        Writer {
            start: bytes.len(),
            bytes,
            ..Writer::default()
        }
    }

    /// What was written, behind what was there before.
    ///
    /// # Errors
    /// When nobody could read it: a value was too deep, or no value of the schema.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        match self.take_refusal() {
            Some(message) => Err(EncodeError::Payload(message)),
            None => Ok(self.bytes),
        }
    }

    /// The same where there can be nothing to refuse: no records that hold themselves, symbols, or times in nanoseconds.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes back what was written behind its first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.start.saturating_add(len));
    }

    /// A boolean.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// An int.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.long(i64::from(value));
    }

    /// A long.
    #[inline]
    pub fn long(&mut self, value: i64) {
        let value = ((value << 1) ^ (value >> 63)) as u64;
        if value < 0x80 {
            self.bytes.push(value as u8);
        } else {
            self.varint_of_many(value);
        }
    }

    /// A float.
    #[inline]
    pub fn float(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A double.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A fixed: exactly these bytes, whose number must be the schema's size.
    #[inline]
    pub fn fixed(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// Bytes.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.index(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// A string.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// The index of an enum's symbol.
    #[inline]
    pub fn enum_index(&mut self, index: usize) {
        self.index(index);
    }

    /// The index of a union's branch.
    #[inline]
    pub fn branch(&mut self, index: usize) {
        self.index(index);
    }

    #[inline]
    fn index(&mut self, index: usize) {
        self.long(index as i64);
    }

    /// A timestamp in milliseconds, rounded down.
    #[inline]
    pub fn timestamp_millis<T: Moment>(&mut self, value: T) {
        self.moment(value, 1_000);
    }

    /// A timestamp in microseconds, rounded down.
    #[inline]
    pub fn timestamp_micros<T: Moment>(&mut self, value: T) {
        self.moment(value, 1_000_000);
    }

    /// A timestamp in nanoseconds, which are the years 1677 to 2262: others are refused.
    #[inline]
    pub fn timestamp_nanos<T: Moment>(&mut self, value: T) {
        self.moment(value, 1_000_000_000);
    }

    #[inline]
    fn moment<T: Moment>(&mut self, value: T, per_second: i64) {
        match times::since_epoch(value, per_second) {
            Some(count) => self.long(count),
            None => self.no_number(&value, per_second),
        }
    }

    #[cold]
    fn no_number(&mut self, value: &dyn std::fmt::Display, per_second: i64) {
        self.refuse(if per_second == 1_000_000_000 {
            format!(
                "{value} is no time in nanoseconds, which are those of the years 1678 to 2261 and some days more"
            )
        } else {
            format!("{value} has no number of 64 bits that counts 1/{per_second} seconds since 1970")
        });
    }

    /// Months, days and milliseconds.
    pub fn duration(&mut self, value: Duration) {
        self.fixed(&value.to_bytes());
    }

    /// A generated type.
    #[inline]
    pub fn datum<T: Datum>(&mut self, value: &T) {
        value.write(self);
    }

    /// An array, in one block.
    #[inline]
    pub fn array<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Writer, &T)) {
        if self.enter_items() {
            if !items.is_empty() {
                self.index(items.len());
                for value in items {
                    item(self, value);
                }
            }
            self.leave_items();
        }
        self.bytes.push(0);
    }

    /// A map, in one block; the entries are written in the order of the iterator.
    #[inline]
    pub fn map<'k, T>(
        &mut self,
        entries: impl IntoIterator<Item = (&'k String, T), IntoIter: ExactSizeIterator>,
        mut value: impl FnMut(&mut Writer, T),
    ) {
        let entries = entries.into_iter();
        if self.enter_items() {
            if entries.len() > 0 {
                self.index(entries.len());
                for (key, entry) in entries {
                    self.string(key);
                    value(self, entry);
                }
            }
            self.leave_items();
        }
        self.bytes.push(0);
    }

    /// Goes into a record that can hold itself; whether it is to be written. Below [`RECURSION_MAX`] of them nothing is, nor
    /// below [`LEVELS_MAX`] of them with the arrays and maps they are in:
    /// nobody would read it, and [`crate::avro::encode_checked`] says so.
    #[inline]
    pub fn descend(&mut self) -> bool {
        if self.depth == RECURSION_MAX {
            self.refuse(format!(
                "the value holds itself more than {RECURSION_MAX} times inside each other"
            ));
            return false;
        }
        if self.levels == LEVELS_MAX {
            return self.too_many_levels();
        }
        self.depth += 1;
        self.levels += 1;
        true
    }

    /// Comes back out of it.
    #[inline]
    pub fn ascend(&mut self) {
        self.depth -= 1;
        self.levels -= 1;
    }

    /// Goes into an array or a map; whether it is to be written. As its reader does, it counts those in records that can hold
    /// themselves.
    #[inline]
    fn enter_items(&mut self) -> bool {
        if self.depth == 0 {
            return true;
        }
        if self.levels == LEVELS_MAX {
            return self.too_many_levels();
        }
        self.levels += 1;
        true
    }

    #[inline]
    fn leave_items(&mut self) {
        if self.depth > 0 {
            self.levels -= 1;
        }
    }

    #[cold]
    fn too_many_levels(&mut self) -> bool {
        self.refuse(format!(
            "the value nests deeper than {LEVELS_MAX} records, arrays and maps"
        ));
        false
    }

    /// A symbol that an enum's schema has not: it is refused.
    #[cold]
    pub fn unknown_symbol(&mut self, name: &str, symbol: &str) {
        self.refuse(format!(
            "{symbol:?} is no symbol of {name}: another writer's is read, not written"
        ));
    }

    /// Says why nobody could read what is written. The first reason counts.
    #[cold]
    pub(crate) fn refuse(&mut self, why: String) {
        self.refusal.get_or_insert(why);
    }

    /// Why nobody could read what was written.
    pub(crate) fn take_refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }
}

#[cfg(feature = "uuid")]
impl Writer {
    /// A uuid as text.
    #[inline]
    pub fn uuid(&mut self, value: uuid::Uuid) {
        self.bytes(&crate::text::uuid_text(value.as_bytes()));
    }

    /// A uuid as a fixed.
    #[inline]
    pub fn uuid_fixed(&mut self, value: uuid::Uuid) {
        self.fixed(value.as_bytes());
    }
}

impl Writer {
    /// A date.
    pub fn date<T: Day>(&mut self, value: T) {
        self.int(value.to_days());
    }

    /// A time of day in milliseconds, rounded down.
    pub fn time_millis<T: TimeOfDay>(&mut self, value: T) {
        self.long(times::of_day(value, 1_000));
    }

    /// A time of day in microseconds, rounded down.
    pub fn time_micros<T: TimeOfDay>(&mut self, value: T) {
        self.long(times::of_day(value, 1_000_000));
    }
}
