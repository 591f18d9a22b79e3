//! Canonical JSON written straight to bytes, without a tree of it between.
//!
//! Invariant: the bytes are those of [`to_text`](super::to_text) of the tree that serde_json makes of the same value: numbers of
//! 32 bits with a fraction are shown as ones of 64 bits, and integers beyond 64 bits are refused.

use std::cell::RefCell;

use serde::Serialize;
use serde::ser::{Error as _, Serializer};
use serde_json::Error;
use serde_json::ser::{CompactFormatter, Formatter};

mod key;
mod open;
mod order;

use super::number;
use key::Key;
use open::{Items, Object};
use order::Order;

/// What the names begin with of structures that stand for JSON as a text: serde_json's own numbers and texts, by some of its
/// features.
const AS_TEXT: &str = "$serde_json::private::";
/// The name of such a number.
const NUMBER: &str = "$serde_json::private::Number";

thread_local! {
    /// How the objects of states were put in order, which are alike from one aggregate to the next.
    static ORDER: RefCell<Order> = RefCell::default();
}

/// Adds the canonical text of a value to `out`. What was added before an error is of no use.
pub(crate) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    writing(out, false, |to| value.serialize(to))
}

/// Whether JSON has a form for all numbers of a value: it has none for what is no number, and for what is infinite.
pub(crate) fn has_form(value: &impl Serialize) -> bool {
    writing(&mut Vec::new(), true, |to| value.serialize(to)).is_ok()
}

/// The same of an object with these entries.
#[cfg(feature = "declarative")]
pub(crate) fn write_object<N: Serialize, V: Serialize>(
    entries: impl Iterator<Item = (N, V)>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    writing(out, false, |to| to.collect_map(entries))
}

fn writing(
    out: &mut Vec<u8>,
    is_strict: bool,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    // Taken out meanwhile: a value that writes another one on its way has one of its own.
    let order = ORDER.take();
    let mut writer = Writer {
        out,
        order,
        is_strict,
    };
    let written = write(&mut writer);
    writer.order.finish();
    ORDER.set(writer.order);
    written
}

/// What values are told to: writes, and puts the entries of each object in order when it ends.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    order: Order,
    /// Refuses what has no form in JSON.
    is_strict: bool,
}

impl Writer<'_> {
    /// Writes a text; answers whether all of it stands there as it is.
    #[inline]
    fn text(&mut self, text: &str) -> Result<bool, Error> {
        let is_plain = is_plain(text.as_bytes());
        if is_plain {
            self.out.reserve(text.len() + 2);
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            serde_json::to_writer(&mut *self.out, text)?;
        }
        Ok(is_plain)
    }

    /// Begins an object of one entry, which is not put in order.
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.out.push(b'{');
        self.text(name)?;
        self.out.push(b':');
        Ok(())
    }
}

/// Whether nothing of a text is escaped in JSON: neither control characters nor quotation marks nor backslashes are in it.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // The high bit of a byte is set where it is one of these; where it is in a byte behind such a one does not matter.
    let odd = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        (control | (quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & HIGH
    };
    let (words, rest) = text.as_chunks::<8>();
    match (
        text.last_chunk::<8>(),
        text.first_chunk::<4>(),
        text.last_chunk::<4>(),
    ) {
        // The last bytes are of those before in part.
        (Some(last), ..) => words.iter().fold(odd(last), |found, word| found | odd(word)) == 0,
        (None, Some([a, b, c, d]), Some([e, f, g, h])) => odd(&[*a, *b, *c, *d, *e, *f, *g, *h]) == 0,
        _ => rest.iter().all(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')),
    }
}

/// What is written as it is in any JSON.
macro_rules! as_ever {
    ($($serialize:ident $write:ident($type:ty);)*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<(), Error> {
            CompactFormatter.$write(&mut *self.out, value).map_err(Error::custom)
        }
    )*};
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'w, 'o>;
    type SerializeTuple = Items<'w, 'o>;
    type SerializeTupleStruct = Items<'w, 'o>;
    type SerializeTupleVariant = Items<'w, 'o>;
    type SerializeMap = Object<'w, 'o>;
    type SerializeStruct = Object<'w, 'o>;
    type SerializeStructVariant = Object<'w, 'o>;

    as_ever! {
        serialize_bool write_bool(bool);
        serialize_i8 write_i8(i8);
        serialize_i16 write_i16(i16);
        serialize_i32 write_i32(i32);
        serialize_i64 write_i64(i64);
        serialize_u8 write_u8(u8);
        serialize_u16 write_u16(u16);
        serialize_u32 write_u32(u32);
        serialize_u64 write_u64(u64);
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.serialize_i64(value),
            (_, Ok(value)) => self.serialize_u64(value),
            _ => Err(Error::custom("number out of range")),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        let value = u64::try_from(value).map_err(|_| Error::custom("number out of range"))?;
        self.serialize_u64(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        match value.is_finite() {
            true => number::write(value, &mut *self.out).map_err(Error::custom),
            false if self.is_strict => Err(Error::custom("JSON has no such number")),
            false => self.serialize_unit(),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text).map(drop)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.collect_seq(bytes)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'w, 'o>, Error> {
        Ok(Items::begin(self, b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'w, 'o>, Error> {
        Ok(Items::begin(self, b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'w, 'o>, Error> {
        Ok(Items::begin(self, b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'w, 'o>, Error> {
        self.variant(variant)?;
        Ok(Items::begin(self, b"]}"))
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w, 'o>, Error> {
        Ok(Object::begin(self, b"}"))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'w, 'o>, Error> {
        match name.starts_with(AS_TEXT) {
            true => Ok(Object::as_text(self)),
            false => Ok(Object::begin(self, b"}")),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'w, 'o>, Error> {
        self.variant(variant)?;
        Ok(Object::begin(self, b"}}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::canonical::to_text;

    /// The text of a value is that of its tree.
    fn check(value: &impl Serialize) {
        let mut out = b"before".to_vec();
        let written = write(value, &mut out).map_err(|error| error.to_string());
        match serde_json::to_value(value) {
            Ok(tree) => {
                written.unwrap();
                assert_eq!(
                    String::from_utf8(out).unwrap(),
                    format!("before{}", to_text(&tree))
                );
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

    /// As serde_json tells of what it holds as a text.
    struct Told(&'static str, &'static str);

    impl Serialize for Told {
        fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            let mut told = out.serialize_struct(self.0, 1)?;
            serde::ser::SerializeStruct::serialize_field(&mut told, self.0, self.1)?;
            serde::ser::SerializeStruct::end(told)
        }
    }

    #[test]
    fn what_stands_for_json_is_written_as_it_would_be() {
        let check = |name: &'static str, text: &'static str, wanted: &str| {
            let mut out = Vec::new();
            let told = BTreeMap::from([("b", Told(name, text)), ("a", Told(NUMBER, "-2e9"))]);
            write(&told, &mut out).unwrap();
            let wanted = format!("{{\"a\":-2000000000,\"b\":{wanted}}}");
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        };
        check(NUMBER, "1.0", "1");
        check(NUMBER, "12345678901234567890123", "12345678901234567890123");
        let text = "$serde_json::private::RawValue";
        check(
            text,
            r#" {"z": [1.50, "\u0061"], "a": {}}"#,
            r#"{"a":{},"z":[1.5,"a"]}"#,
        );
    }

    /// Every place of a text is looked at.
    #[test]
    fn what_is_escaped_is_found() {
        for length in 0..26 {
            for at in 0..length {
                for (odd, is_plain) in [
                    ('"', false),
                    ('\\', false),
                    ('\n', false),
                    ('\0', false),
                    ('\u{1f}', false),
                    (' ', true),
                    ('!', true),
                    ('#', true),
                    ('[', true),
                    (']', true),
                    ('\u{7f}', true),
                    ('\u{a2}', true),
                    ('\u{dc}', true),
                    ('\u{10ffff}', true),
                ] {
                    let mut text = "a".repeat(length);
                    text.insert(at, odd);
                    assert_eq!(super::is_plain(text.as_bytes()), is_plain, "{text:?}");
                    check(&text);
                }
            }
        }
    }

    #[derive(Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Tuple(u8, &'static str),
        Struct { z: i128, a: char },
    }

    #[derive(Serialize)]
    struct Nothing;

    #[derive(Serialize)]
    struct Pair(f32, Option<Nothing>);

    /// Keys of every kind, of which some are none.
    #[test]
    fn keys_are_what_they_are_in_a_tree() {
        check(&[
            Kind::Unit,
            Kind::New(1),
            Kind::Tuple(2, "\t"),
            Kind::Struct { z: 3, a: '"' },
        ]);
        check(&(Pair(1.5, Some(Nothing)), true, -1i8, 1u16, 1u32, b"x", Nothing));
        check(&Pair(f32::INFINITY, None));
        struct Entries<K>(Vec<(K, u8)>);
        impl<K: Serialize> Serialize for Entries<K> {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_map(self.0.iter().map(|(key, value)| (key, value)))
            }
        }
        check(&Entries(vec![("b", 1), ("a", 2), ("b", 3), ("", 4), ("a", 5)]));
        check(&Entries(vec![
            ("abcdefghij", 1),
            ("abcdefgh", 2),
            ("abcdefghi", 3),
            ("abcdefgh\0", 4),
        ]));
        check(&Entries(vec![
            ("\"b", 1),
            ("\u{1}", 2),
            ("\\", 3),
            ("!", 4),
            ("#", 5),
        ]));
        check(&Entries((0..40).map(|number| (number * 7 % 40, 1)).collect()));
        check(&Entries(vec![(true, 1), (false, 2)]));
        check(&Entries(vec![('z', 1), ('\n', 2)]));
        check(&Entries(vec![(1.5, 1), (-0.25, 2)]));
        check(&Entries(vec![(f64::NAN, 1)]));
        check(&Entries(vec![(Some("b"), 1), (Some("a"), 2)]));
        check(&Entries(vec![(None::<u8>, 1)]));
        check(&Entries(vec![((), 1)]));
        check(&Entries(vec![(Kind::Unit, 1)]));
        check(&Entries(vec![(Kind::New(1), 1)]));
        check(&Entries(vec![(Kind::Tuple(1, ""), 1)]));
        check(&Entries(vec![(Kind::Struct { z: 1, a: 'a' }, 1)]));
        check(&Entries(vec![(Pair(1.0, None), 1)]));
        check(&Entries(vec![(Nothing, 1)]));
        check(&Entries(vec![(BTreeMap::from([(1, 1)]), 1)]));
    }

    /// Trees of any shape, whose keys come in any order, and again.
    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(|number| Tree::Leaf(json!(number))),
            any::<u64>().prop_map(|bits| Tree::Leaf(json!(f64::from_bits(bits)))),
            any::<i64>().prop_map(|number| Tree::Leaf(json!(number))),
            any::<u64>().prop_map(|number| Tree::Leaf(json!(number))),
            any::<String>().prop_map(|text| Tree::Leaf(json!(text))),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            let key = "[a\\\\\n\u{e9}\u{e000}\u{ffff}\u{10000}\u{1f600}]{0,2}|\u{10000}{2}[a\u{e000}\u{10000}]{0,2}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                prop::collection::vec((key, inner), 0..6).prop_map(Tree::Entries),
            ]
        })
    }

    #[derive(Clone, Debug)]
    enum Tree {
        Leaf(serde_json::Value),
        List(Vec<Tree>),
        Entries(Vec<(String, Tree)>),
    }

    impl Serialize for Tree {
        fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            match self {
                Tree::Leaf(value) => value.serialize(out),
                Tree::List(items) => out.collect_seq(items),
                Tree::Entries(entries) => out.collect_map(entries.iter().map(|(key, value)| (key, value))),
            }
        }
    }

    proptest! {
        #[test]
        fn any_tree_is_written_as_it_is_printed(tree in trees()) {
            check(&tree);
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
