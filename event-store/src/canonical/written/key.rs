//! The keys of objects: texts, and what serde_json makes texts of.

use serde::Serialize;
use serde::ser::{Impossible, Serializer};
use serde_json::Error;

use super::Writer;

/// The place of a key in an object.
pub(super) struct Key<'w, 'o> {
    to: &'w mut Writer<'o>,
    /// The first of the object's entries among all.
    first: usize,
}

/// An object of one key.
struct One<K>(K);

impl<K: Serialize> Serialize for One<K> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map([(&self.0, ())])
    }
}

impl<'w, 'o> Key<'w, 'o> {
    #[inline]
    pub(super) fn new(to: &'w mut Writer<'o>, first: usize) -> Key<'w, 'o> {
        Key { to, first }
    }

    /// Writes a key that is a text.
    #[inline]
    pub(super) fn text(self, key: &str) -> Result<(), Error> {
        let Key { to, first } = self;
        if !to.order.is_empty(first) {
            to.out.push(b',');
        }
        let at = to.out.len();
        let is_plain = to.text(key)?;
        to.order.push(key.as_bytes(), (at, to.out.len()), !is_plain);
        to.out.push(b':');
        Ok(())
    }

    /// Writes what is no text, if serde_json makes one of it.
    fn other(self, key: impl Serialize) -> Result<(), Error> {
        let object = serde_json::to_string(&One(key))?;
        let quoted = object
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix(":null}"));
        let text: String = serde_json::from_str(quoted.unwrap_or_default())?;
        self.text(&text)
    }

    /// What no key is.
    fn none<T>(self) -> Result<T, Error> {
        let refused = serde_json::to_string(&One(()));
        // A unit is refused as all of them are.
        Err(refused
            .err()
            .unwrap_or_else(|| serde::ser::Error::custom("key must be a string")))
    }
}

macro_rules! others {
    ($($serialize:ident($type:ty);)*) => {$(
        fn $serialize(self, key: $type) -> Result<(), Error> {
            self.other(key)
        }
    )*};
}

type Never = Impossible<(), Error>;

impl Serializer for Key<'_, '_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    #[inline]
    fn serialize_str(self, key: &str) -> Result<(), Error> {
        self.text(key)
    }

    others! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        self.none()
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Error> {
        self.none()
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<(), Error> {
        key.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        self.none()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, Error> {
        self.none()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, Error> {
        self.none()
    }
}
