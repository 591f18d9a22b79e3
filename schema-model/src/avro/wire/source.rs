//! Where generated code reads from: bytes of its own schema, or another writer's by a plan.

use std::collections::BTreeMap;

use super::blank::{boxed, insert_blank};
use super::{Blank, Day, Duration, Fault, Moment, Reader, Result, TimeOfDay, items, logical, times};
use crate::avro::{Borrowed, Datum};
use crate::{Exact, Number};

/// What a generated type reads itself from, field by field in the order of its own schema.
///
/// [`Reader`] is the one whose bytes are in that order already: what it does is inlined, and there is nothing to do
/// between fields. A plan ([`crate::avro::Plan`]) is the other: it passes over what the writer had more, widens
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

    /// The bytes, where they must be as the reader's own schema has them.
    fn exact(&mut self) -> Result<&mut Reader<'a>>;
    /// A float.
    fn float(&mut self) -> Result<f32>;
    /// A double.
    fn double(&mut self) -> Result<f64>;
    /// The index of an enum's symbol.
    fn enum_index(&mut self, symbols: usize) -> Result<usize>;
    /// The same, or a symbol that only the writer has, where the reader's enum has no default for it.
    #[inline]
    fn symbol(&mut self, symbols: usize) -> Result<std::result::Result<usize, &'static str>> {
        self.enum_index(symbols).map(Ok)
    }
    /// The index of a union's branch, and stands at its value.
    fn branch(&mut self, branches: usize) -> Result<usize>;
    /// A generated type that borrows, into a place that has one.
    fn borrowed_into<T: Borrowed<'a>>(&mut self, into: &mut T) -> Result<()>;
    /// A generated type, into a place that has one.
    fn datum_into<T: Datum>(&mut self, into: &mut T) -> Result<()>;

    /// Nothing.
    #[inline]
    fn null(&mut self) -> Result<()> {
        self.exact().map(drop)
    }

    as_they_are! {
        /// A boolean.
        bool: bool,
        /// An int.
        int: i32,
        /// A long.
        long: i64,
        /// Bytes, borrowed.
        slice: &'a [u8],
        /// A string, borrowed.
        str: &'a str,
    }

    /// Bytes, borrowed, into a place that has some.
    #[inline]
    fn slice_into(&mut self, into: &mut &'a [u8]) -> Result<()> {
        *into = Reader::slice(self.exact()?)?;
        Ok(())
    }

    /// A string, borrowed, into a place that has one.
    #[inline]
    fn str_into(&mut self, into: &mut &'a str) -> Result<()> {
        Reader::str_into(self.exact()?, into)
    }

    /// A fixed, borrowed.
    #[inline]
    fn fixed_slice(&mut self, size: usize) -> Result<&'a [u8]> {
        Reader::fixed_slice(self.exact()?, size)
    }

    /// A fixed.
    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        Reader::fixed(self.exact()?)
    }

    /// A string of its own, into a place that has one.
    #[inline]
    fn string_into(&mut self, into: &mut String) -> Result<()> {
        Reader::string_into(self.exact()?, into)
    }

    /// A string of its own.
    #[inline]
    fn string(&mut self) -> Result<String> {
        let mut string = String::new();
        self.string_into(&mut string)?;
        Ok(string)
    }

    /// Bytes of their own, into a place that has some.
    #[inline]
    fn bytes_into(&mut self, into: &mut Vec<u8>) -> Result<()> {
        Reader::bytes_into(self.exact()?, into)
    }

    /// Bytes of their own.
    #[inline]
    fn bytes(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.bytes_into(&mut bytes)?;
        Ok(bytes)
    }

    /// A generated type.
    #[inline]
    fn datum<T: Datum>(&mut self) -> Result<T> {
        let mut value = T::blank();
        self.datum_into(&mut value)?;
        Ok(value)
    }

    /// A generated type that borrows.
    #[inline]
    fn borrowed<T: Borrowed<'a>>(&mut self) -> Result<T> {
        let mut value = T::blank();
        self.borrowed_into(&mut value)?;
        Ok(value)
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

    /// The same, into a place that has one.
    #[inline]
    fn option_into<T: Blank>(
        &mut self,
        some: usize,
        into: &mut Option<T>,
        read: impl FnOnce(&mut Self, &mut T) -> Result<()>,
    ) -> Result<()> {
        if self.branch(2)? == some {
            read(self, insert_blank(into))
        } else {
            *into = None;
            Ok(())
        }
    }

    /// Goes into a record that can hold itself.
    #[inline]
    fn descend(&mut self) -> Result<()> {
        self.reader().open(true, 0)
    }

    /// Comes back out of it.
    #[inline]
    fn ascend(&mut self) {
        self.reader().close(true);
    }

    /// Reads a part of a value that does not lead back to it. What that takes of the stack is given back before what leads
    /// back is read: so much less of it does every level take.
    #[inline(never)]
    fn apart<T>(&mut self, of: &mut T, read: impl FnOnce(&mut Self, &mut T) -> Result<()>) -> Result<()> {
        read(self, of)
    }

    /// Puts a value to read into where a branch of a union is to be that leads back to the union.
    #[inline(never)]
    fn choose<T: Blank, U>(&mut self, into: &mut U, branch: impl FnOnce(T) -> U) {
        *into = branch(T::blank());
    }

    /// A generated type that borrows and leads back to where it is stored.
    #[inline]
    fn borrowed_box<T: Borrowed<'a>>(&mut self) -> Result<Box<T>> {
        let mut value = boxed();
        self.borrowed_into::<T>(&mut value)?;
        Ok(value)
    }

    /// An array, whose items are read into places that have one.
    fn array_into<T: Blank>(
        &mut self,
        into: &mut Vec<T>,
        read: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<()> {
        self.reader().enter_items()?;
        items::items_into(self, into, read)?;
        self.reader().leave_items();
        Ok(())
    }

    /// An array.
    #[inline]
    fn array<T: Blank>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.array_into(&mut items, |source, item| {
            *item = read(source)?;
            Ok(())
        })?;
        Ok(items)
    }

    /// The entries of a map, in the order they were written; keys and values are read into places that have one.
    fn entries_into<K: Blank, T: Blank>(
        &mut self,
        into: &mut Vec<(K, T)>,
        read_key: impl FnMut(&mut Reader<'a>, &mut K) -> Result<()>,
        read: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<()> {
        self.reader().enter_items()?;
        items::entries_into(self, into, read_key, read)?;
        self.reader().leave_items();
        Ok(())
    }

    /// The entries of a map, in the order they were written; values are read into places that have one.
    fn entries<T: Blank>(
        &mut self,
        read: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<Vec<(String, T)>> {
        let mut entries = Vec::new();
        self.entries_into(
            &mut entries,
            |reader, key: &mut String| reader.string_into(key),
            read,
        )?;
        Ok(entries)
    }

    /// The entries of a map with borrowed keys, into a place that has some.
    #[inline]
    fn borrowed_map_into<T: Blank>(
        &mut self,
        into: &mut Vec<(&'a str, T)>,
        read: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<()> {
        self.entries_into(into, |reader, key| reader.str_into(key), read)
    }

    /// The entries of a map with borrowed keys.
    #[inline]
    fn borrowed_map<T: Blank>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<(&'a str, T)>> {
        let mut entries = Vec::new();
        self.borrowed_map_into(&mut entries, |source, value| {
            *value = read(source)?;
            Ok(())
        })?;
        Ok(entries)
    }

    /// A map, into a place that has one; of entries with one key the last counts.
    #[inline]
    fn map_into<T: Blank>(
        &mut self,
        into: &mut BTreeMap<String, T>,
        read: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<()> {
        *into = self.entries(read)?.into_iter().collect();
        Ok(())
    }

    /// A map; of entries with one key the last counts.
    #[inline]
    fn map<T: Blank>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<BTreeMap<String, T>> {
        let mut map = BTreeMap::new();
        self.map_into(&mut map, |source, value| {
            *value = read(source)?;
            Ok(())
        })?;
        Ok(map)
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
        let exact = self.exact()?;
        match exact.few_digits(Exact::<PRECISION, SCALE>::SHORT_LIMIT) {
            Some(short) => Ok(Exact::from_few_digits(short)),
            None => exact.decimal_of_many_digits(),
        }
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
    fn big_decimal<T: Number>(&mut self) -> Result<T> {
        self.as_logical(Self::slice, |bytes| logical::held(logical::big_decimal(bytes)?))
    }

    /// A decimal as bytes, as a type of another crate.
    fn decimal_as<const PRECISION: u32, const SCALE: u32, T: Number>(&mut self) -> Result<T> {
        self.as_logical(Self::slice, |bytes| {
            logical::held(Exact::<PRECISION, SCALE>::from_be_bytes(bytes)?.get())
        })
    }

    /// A decimal as a fixed, as a type of another crate.
    fn decimal_fixed_as<const PRECISION: u32, const SCALE: u32, T: Number>(
        &mut self,
        size: usize,
    ) -> Result<T> {
        self.as_logical(
            |source| source.fixed_slice(size),
            |bytes| logical::held(Exact::<PRECISION, SCALE>::from_be_bytes(bytes)?.get()),
        )
    }

    counted! {
        /// A timestamp in milliseconds, of a zone or of none.
        timestamp_millis: Moment = long, |count| times::moment(count, 1_000);
        /// A timestamp in microseconds, of a zone or of none.
        timestamp_micros: Moment = long, |count| times::moment(count, 1_000_000);
        /// A timestamp in nanoseconds, of a zone or of none.
        timestamp_nanos: Moment = long, |count| times::moment(count, 1_000_000_000);
        /// A date.
        date: Day = int, times::date;
        /// A time of day in milliseconds.
        time_millis: TimeOfDay = int, |count| times::time(i64::from(count), 1_000);
        /// A time of day in microseconds.
        time_micros: TimeOfDay = long, |count| times::time(count, 1_000_000);
    }

    /// Months, days and milliseconds.
    fn duration(&mut self) -> Result<Duration> {
        self.fixed().map(Duration::from_bytes)
    }

    /// A uuid as text.
    #[cfg(feature = "uuid")]
    #[inline]
    fn uuid(&mut self) -> Result<uuid::Uuid> {
        Reader::uuid(self.exact()?)
    }

    /// A uuid as a fixed.
    #[cfg(feature = "uuid")]
    #[inline]
    fn uuid_fixed(&mut self) -> Result<uuid::Uuid> {
        self.fixed().map(uuid::Uuid::from_bytes)
    }
}

/// Only this crate has sources: what generated code is compiled for stays small and known.
pub trait Sealed {}
