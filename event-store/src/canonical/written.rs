//! Canonical JSON written straight to bytes, without a tree of it between.
//!
//! Invariant: the bytes are those of the tree that serde_json makes of the same value, with its keys in order: numbers of 32
//! bits with a fraction are shown as ones of 64 bits, and integers beyond 64 bits are refused.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// Entries of the objects that are open at once in most states; there is room for more when there are.
const ENTRIES: usize = 32;

/// What values are told to: the formatter is what writes.
type Writing<'w, 'o> = &'w mut serde_json::Serializer<io::Sink, Sorting<'o>>;

/// Adds the canonical text of a value to `out`. What was added before an error is of no use.
pub(crate) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    writing(out, |to| value.serialize(to))
}

/// The same of an object with these entries.
#[cfg(feature = "declarative")]
pub(crate) fn write_object<N: Serialize, V: Serialize>(
    entries: impl Iterator<Item = (N, V)>,
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    writing(out, |to| serde::Serializer::collect_map(to, entries))
}

fn writing(
    out: &mut Vec<u8>,
    write: impl FnOnce(Writing<'_, '_>) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let sorting = Sorting {
        out,
        objects: Vec::with_capacity(ENTRIES / 4),
        entries: Vec::with_capacity(ENTRIES),
        sorted: Vec::new(),
        is_in_key: false,
    };
    write(&mut serde_json::Serializer::with_formatter(io::sink(), sorting))
}

/// Writes, and puts the entries of each object in order when it ends.
struct Sorting<'o> {
    out: &'o mut Vec<u8>,
    /// Of each object that is open, where its entries begin among all.
    objects: Vec<usize>,
    entries: Vec<Entry>,
    /// Where an object is put in order: the same memory for each.
    sorted: Vec<u8>,
    is_in_key: bool,
}

/// Where an entry stands in what is written.
#[derive(Clone, Copy)]
struct Entry {
    /// What its key begins with, as a number, which decides most comparisons.
    leading: u64,
    key_at: usize,
    key_end: usize,
    end: usize,
    /// The key has a character that is escaped.
    is_escaped: bool,
}

impl Entry {
    /// The key as it was before it was escaped.
    fn key<'o>(&self, out: &'o [u8]) -> Cow<'o, [u8]> {
        let quoted = out.get(self.key_at..self.key_end).unwrap_or_default();
        match quoted {
            quoted if self.is_escaped => Cow::Owned(
                serde_json::from_slice::<String>(quoted)
                    .unwrap_or_default()
                    .into_bytes(),
            ),
            [_, key @ .., _] => Cow::Borrowed(key),
            _ => Cow::Borrowed(&[]),
        }
    }

    #[inline]
    fn order(&self, other: &Entry, out: &[u8]) -> Ordering {
        let leading = self.leading.cmp(&other.leading);
        leading.then_with(|| self.key(out).cmp(&other.key(out)))
    }
}

impl Sorting<'_> {
    /// Puts the entries from `first` on in order.
    fn sort(&mut self, first: usize) {
        let (out, entries) = (&mut *self.out, self.entries.get_mut(first..).unwrap_or_default());
        let rises = |pair: &[Entry]| match pair {
            [one, next] => one.order(next, out).is_lt(),
            _ => true,
        };
        if entries.windows(2).all(rises) {
            return;
        }
        let begins = entries.first().map_or(out.len(), |first| first.key_at);
        entries.sort_by(|one, other| one.order(other, out));
        let sorted = &mut self.sorted;
        sorted.clear();
        for (place, entry) in entries.iter().enumerate() {
            // Of entries with the same key the last one stands, as in a map.
            let next = entries.get(place + 1);
            if next.is_none_or(|next| entry.order(next, out).is_ne()) {
                if !sorted.is_empty() {
                    sorted.push(b',');
                }
                sorted.extend_from_slice(out.get(entry.key_at..entry.end).unwrap_or_default());
            }
        }
        out.truncate(begins);
        out.extend_from_slice(sorted);
    }
}

/// The first bytes of a key as a number, of which the one with the lower key is not the higher.
#[inline]
fn leading(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            key.iter()
                .fold((0, 56), |(number, shift): (u64, u32), byte| {
                    (number | u64::from(*byte) << shift, shift - 8)
                })
                .0
        }
    }
}

/// What is written as it is in any JSON without white space.
macro_rules! as_ever {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $name<W: ?Sized + io::Write>(&mut self, _: &mut W $(, $argument: $type)*) -> io::Result<()> {
            CompactFormatter.$name(self.out $(, $argument)*)
        }
    )*};
}

impl Formatter for Sorting<'_> {
    as_ever! {
        write_null();
        write_bool(value: bool);
        write_i8(value: i8);
        write_i16(value: i16);
        write_i32(value: i32);
        write_i64(value: i64);
        write_u8(value: u8);
        write_u16(value: u16);
        write_u32(value: u32);
        write_u64(value: u64);
        write_f64(value: f64);
        write_number_str(value: &str);
        begin_string();
        end_string();
        write_string_fragment(fragment: &str);
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object_value();
        write_raw_fragment(fragment: &str);
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.objects.push(self.entries.len());
        self.out.push(b'{');
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.out.push(b',');
        }
        self.is_in_key = true;
        let at = self.out.len();
        self.entries.push(Entry {
            leading: 0,
            key_at: at,
            key_end: at,
            end: at,
            is_escaped: false,
        });
        Ok(())
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_in_key = false;
        if let Some(entry) = self.entries.last_mut() {
            entry.key_end = self.out.len();
            entry.leading = leading(&entry.key(self.out));
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(entry) = self.entries.last_mut() {
            entry.end = self.out.len();
        }
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let first = self.objects.pop().unwrap_or_default();
        self.sort(first);
        self.entries.truncate(first);
        self.out.push(b'}');
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        if let Some(entry) = self.entries.last_mut().filter(|_| self.is_in_key) {
            entry.is_escaped = true;
        }
        CompactFormatter.write_char_escape(self.out, escape)
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        match self.is_in_key {
            true => CompactFormatter.write_f32(self.out, value),
            false => self.write_f64(writer, f64::from(value)),
        }
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, _: &mut W, value: i128) -> io::Result<()> {
        let fits = self.is_in_key || i64::try_from(value).is_ok() || u64::try_from(value).is_ok();
        within(fits)?;
        CompactFormatter.write_i128(self.out, value)
    }

    fn write_u128<W: ?Sized + io::Write>(&mut self, _: &mut W, value: u128) -> io::Result<()> {
        within(self.is_in_key || u64::try_from(value).is_ok())?;
        CompactFormatter.write_u128(self.out, value)
    }
}

fn within(fits: bool) -> io::Result<()> {
    match fits {
        true => Ok(()),
        false => Err(io::Error::other("number out of range")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::canonical::sorted;

    /// The text of a value is that of its tree.
    fn check(value: &impl Serialize) {
        let mut out = b"before".to_vec();
        let written = write(value, &mut out).map_err(|error| error.to_string());
        match serde_json::to_value(value) {
            Ok(tree) => {
                written.unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", sorted(tree)));
            }
            Err(error) => assert_eq!(written, Err(error.to_string())),
        }
    }

    #[derive(Serialize)]
    struct Inner<T> {
        z: T,
        a: Option<T>,
    }

    #[derive(Serialize)]
    struct Outer<T> {
        name: &'static str,
        #[serde(flatten)]
        inner: Inner<T>,
        a: (u8, char),
        #[serde(rename = "\"\\\u{1}")]
        odd: Vec<Inner<f32>>,
        #[serde(rename = "!")]
        kind: Result<(), T>,
    }

    fn outer<T: Clone>(value: T) -> Outer<T> {
        Outer {
            name: "x",
            inner: Inner {
                z: value.clone(),
                a: Some(value.clone()),
            },
            a: (1, '\u{e9}'),
            odd: vec![
                Inner { z: 0.1, a: None },
                Inner {
                    z: f32::NAN,
                    a: Some(1e30),
                },
            ],
            kind: Err(value),
        }
    }

    #[test]
    fn what_serde_tells_is_shown_as_its_tree_is() {
        check(&outer(1.5));
        check(&outer("text\n"));
        check(&outer(u128::from(u64::MAX)));
        check(&outer(u128::from(u64::MAX) + 1));
        check(&outer(i128::from(i64::MIN) - 1));
        check(&BTreeMap::from([(u128::MAX, 1), (7, 2)]));
        check(&BTreeMap::from([(-7, Some(())), (7, None)]));
        check(&[json!({"b": {"d": [], "c": {}}, "a": null}), json!(2.0)]);
        check(&BTreeMap::from([(vec![1], 1)]));
    }
}
