//! Where generated code reads from: bytes of its own schema, or another writer's by a plan.

use std::collections::BTreeMap;

use super::{Duration, Fault, Reader, Result, logical};
use crate::{Decimal, Exact, Timestamp, avro::Datum};

/// What a generated type reads itself from, field by field in the order of its own schema.
///
/// [`Reader`] is the one whose bytes are in that order already: what it does is inlined, and there is nothing to do
/// between fields. A plan ([`crate::avro::Planned`]) is the other: it passes over what the writer had more, widens
/// numbers, and gives defaults for what the writer had not.
pub trait Source<'a>: Sealed + Sized {
    /// What a record remembers of the one around it.
    type Outer;
    /// What an array or a map remembers of its items.
    type Item: Copy;

    /// Begins a record.
    fn begin(&mut self) -> Result<Self::Outer>;
    /// Stands at the record's next field.
    fn field(&mut self) -> Result<&mut Self>;
    /// Ends a record.
    fn end(&mut self, outer: Self::Outer) -> Result<()>;
    /// Begins an array or a map.
    fn begin_items(&mut self) -> Result<Self::Item>;
    /// Stands at an item.
    fn item(&mut self, item: Self::Item);
    /// The bytes.
    fn reader(&mut self) -> &mut Reader<'a>;

    /// Nothing.
    fn null(&mut self) -> Result<()>;
    /// A boolean.
    fn bool(&mut self) -> Result<bool>;
    /// An int.
    fn int(&mut self) -> Result<i32>;
    /// A long.
    fn long(&mut self) -> Result<i64>;
    /// A float.
    fn float(&mut self) -> Result<f32>;
    /// A double.
    fn double(&mut self) -> Result<f64>;
    /// Bytes, borrowed.
    fn slice(&mut self) -> Result<&'a [u8]>;
    /// A string, borrowed.
    fn str(&mut self) -> Result<&'a str>;
    /// A fixed, borrowed.
    fn fixed_slice(&mut self, size: usize) -> Result<&'a [u8]>;
    /// The index of an enum's symbol.
    fn enum_index(&mut self, symbols: usize) -> Result<usize>;
    /// The index of a union's branch, and stands at its value.
    fn branch(&mut self, branches: usize) -> Result<usize>;
    /// A string.
    fn string(&mut self) -> Result<String>;
    /// Bytes.
    fn bytes(&mut self) -> Result<Vec<u8>>;

    /// A fixed.
    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.fixed_slice(N)?);
        Ok(array)
    }

    /// The value of a union of `null` and one other branch, whose index is given.
    #[inline]
    fn option<T>(&mut self, some: usize, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.branch(2)? == some {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A generated type.
    #[inline]
    fn datum<T: Datum>(&mut self) -> Result<T> {
        let mut value = T::default();
        value.read(self)?;
        Ok(value)
    }

    /// Goes into a record that can hold itself.
    #[inline]
    fn descend(&mut self) -> Result<()> {
        self.reader().descend()
    }

    /// Comes back out of it.
    #[inline]
    fn ascend(&mut self) {
        self.reader().leave();
    }

    /// An array.
    fn array<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let item = self.begin_items()?;
        let mut items = Vec::new();
        while let Some((count, end)) = self.reader().block()? {
            items.reserve(self.reader().room_for::<T>(count));
            for _ in 0..count {
                self.item(item);
                let before = self.reader().remaining();
                items.push(read(self)?);
                self.reader().count_item(before)?;
            }
            self.reader().end_block(end)?;
        }
        Ok(items)
    }

    /// A map; of entries with one key the last counts.
    fn map<T>(&mut self, read: impl FnMut(&mut Self) -> Result<T>) -> Result<BTreeMap<String, T>> {
        Ok(self.entries(read)?.into_iter().collect())
    }

    /// The entries of a map, in the order they were written.
    fn entries<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<(String, T)>> {
        let item = self.begin_items()?;
        let mut entries = Vec::new();
        while let Some((count, end)) = self.reader().block()? {
            entries.reserve(self.reader().room_for::<(String, T)>(count));
            for _ in 0..count {
                let key = self.reader().string()?;
                self.item(item);
                entries.push((key, read(self)?));
            }
            self.reader().end_block(end)?;
        }
        Ok(entries)
    }

    /// What is made of the primitive value that `read` reads.
    #[inline]
    fn as_logical<T, U>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
        make: impl FnOnce(T) -> std::result::Result<U, String>,
    ) -> Result<U> {
        let start = self.reader().position();
        make(read(self)?).map_err(|message| Fault::new(start, message))
    }

    /// A decimal as bytes.
    #[inline]
    fn decimal<const PRECISION: u32, const SCALE: u32>(&mut self) -> Result<Exact<PRECISION, SCALE>> {
        self.as_logical(Self::slice, Exact::from_be_bytes)
    }

    /// A decimal as a fixed.
    #[inline]
    fn decimal_fixed<const PRECISION: u32, const SCALE: u32>(
        &mut self,
        size: usize,
    ) -> Result<Exact<PRECISION, SCALE>> {
        self.as_logical(|source| source.fixed_slice(size), Exact::from_be_bytes)
    }

    /// A decimal that carries its scale.
    fn big_decimal(&mut self) -> Result<Decimal> {
        self.as_logical(Self::slice, logical::big_decimal)
    }

    /// A timestamp in milliseconds.
    #[inline]
    fn timestamp_millis(&mut self) -> Result<Timestamp> {
        self.long().map(Timestamp::from_millis)
    }

    /// A timestamp in microseconds.
    #[inline]
    fn timestamp_micros(&mut self) -> Result<Timestamp> {
        self.long().map(Timestamp::from_micros)
    }

    /// A timestamp in nanoseconds.
    #[inline]
    fn timestamp_nanos(&mut self) -> Result<Timestamp> {
        self.long().map(Timestamp::from_nanos)
    }

    /// Months, days and milliseconds.
    fn duration(&mut self) -> Result<Duration> {
        self.fixed().map(Duration::from_bytes)
    }

    /// A uuid as text.
    #[cfg(feature = "uuid")]
    #[inline]
    fn uuid(&mut self) -> Result<uuid::Uuid> {
        self.as_logical(Self::str, logical::uuid)
    }

    /// A uuid as a fixed.
    #[cfg(feature = "uuid")]
    #[inline]
    fn uuid_fixed(&mut self) -> Result<uuid::Uuid> {
        self.fixed().map(uuid::Uuid::from_bytes)
    }

    /// A date.
    #[cfg(feature = "jiff")]
    fn date(&mut self) -> Result<jiff::civil::Date> {
        self.as_logical(Self::int, logical::date)
    }

    /// A time of day in milliseconds.
    #[cfg(feature = "jiff")]
    fn time_millis(&mut self) -> Result<jiff::civil::Time> {
        self.as_logical(Self::int, |count| logical::time(i64::from(count), 1_000))
    }

    /// A time of day in microseconds.
    #[cfg(feature = "jiff")]
    fn time_micros(&mut self) -> Result<jiff::civil::Time> {
        self.as_logical(Self::long, |count| logical::time(count, 1_000_000))
    }

    /// A date and time of no zone, in milliseconds.
    #[cfg(feature = "jiff")]
    fn local_timestamp_millis(&mut self) -> Result<jiff::civil::DateTime> {
        self.as_logical(Self::long, |count| logical::local(count, 1_000))
    }

    /// A date and time of no zone, in microseconds.
    #[cfg(feature = "jiff")]
    fn local_timestamp_micros(&mut self) -> Result<jiff::civil::DateTime> {
        self.as_logical(Self::long, |count| logical::local(count, 1_000_000))
    }

    /// A date and time of no zone, in nanoseconds.
    #[cfg(feature = "jiff")]
    fn local_timestamp_nanos(&mut self) -> Result<jiff::civil::DateTime> {
        self.as_logical(Self::long, |count| logical::local(count, 1_000_000_000))
    }
}

/// Only this crate has sources: what generated code is compiled for stays small and known.
pub trait Sealed {}

impl Sealed for Reader<'_> {}

impl<'a> Source<'a> for Reader<'a> {
    type Outer = ();
    type Item = ();

    #[inline]
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn field(&mut self) -> Result<&mut Self> {
        Ok(self)
    }
    #[inline]
    fn end(&mut self, (): ()) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn begin_items(&mut self) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn item(&mut self, (): ()) {}
    #[inline]
    fn reader(&mut self) -> &mut Reader<'a> {
        self
    }
    #[inline]
    fn null(&mut self) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn bool(&mut self) -> Result<bool> {
        Reader::bool(self)
    }
    #[inline]
    fn int(&mut self) -> Result<i32> {
        Reader::int(self)
    }
    #[inline]
    fn long(&mut self) -> Result<i64> {
        Reader::long(self)
    }
    #[inline]
    fn float(&mut self) -> Result<f32> {
        Reader::float(self)
    }
    #[inline]
    fn double(&mut self) -> Result<f64> {
        Reader::double(self)
    }
    #[inline]
    fn slice(&mut self) -> Result<&'a [u8]> {
        Reader::slice(self)
    }
    #[inline]
    fn str(&mut self) -> Result<&'a str> {
        Reader::str(self)
    }
    #[inline]
    fn fixed_slice(&mut self, size: usize) -> Result<&'a [u8]> {
        Reader::fixed_slice(self, size)
    }
    #[inline]
    fn enum_index(&mut self, symbols: usize) -> Result<usize> {
        Reader::enum_index(self, symbols)
    }
    #[inline]
    fn branch(&mut self, branches: usize) -> Result<usize> {
        Reader::branch(self, branches)
    }
    #[inline]
    fn string(&mut self) -> Result<String> {
        Reader::string(self)
    }
    #[inline]
    fn bytes(&mut self) -> Result<Vec<u8>> {
        Reader::bytes(self)
    }
    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        Reader::fixed(self)
    }
}
