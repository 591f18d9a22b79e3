//! Lists and objects that are being written.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::{Error, Value};

use super::{Key, NUMBER, Writer, number};

/// A list.
pub(super) struct Items<'w, 'o> {
    to: &'w mut Writer<'o>,
    is_first: bool,
    /// What ends it.
    end: &'static [u8],
}

impl<'w, 'o> Items<'w, 'o> {
    pub(super) fn begin(to: &'w mut Writer<'o>, end: &'static [u8]) -> Items<'w, 'o> {
        to.out.push(b'[');
        Items {
            to,
            is_first: true,
            end,
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !self.is_first {
            self.to.out.push(b',');
        }
        self.is_first = false;
        value.serialize(&mut *self.to)
    }

    fn close(self) -> Result<(), Error> {
        self.to.out.extend_from_slice(self.end);
        Ok(())
    }
}

/// An object.
pub(super) struct Object<'w, 'o> {
    to: &'w mut Writer<'o>,
    /// The first of its entries among all.
    first: usize,
    /// What ends it; nothing where it stands for JSON as a text.
    end: Option<&'static [u8]>,
}

impl<'w, 'o> Object<'w, 'o> {
    #[inline]
    pub(super) fn begin(to: &'w mut Writer<'o>, end: &'static [u8]) -> Object<'w, 'o> {
        to.out.push(b'{');
        Object {
            first: to.order.open(),
            to,
            end: Some(end),
        }
    }

    /// One whose only field is a text of JSON.
    pub(super) fn as_text(to: &'w mut Writer<'o>) -> Object<'w, 'o> {
        Object {
            first: to.order.open(),
            to,
            end: None,
        }
    }

    /// Writes the JSON that a text is.
    fn told<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match serde_json::to_value(value)? {
            Value::String(text) if name == NUMBER => {
                number::write_text(&text, self.to.out).map_err(Error::custom)
            }
            Value::String(text) => serde_json::from_str::<Value>(&text)?.serialize(&mut *self.to),
            _ => Ok(()),
        }
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.to)?;
        self.to.order.end_entry(self.to.out.len());
        Ok(())
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        if self.end.is_none() {
            return self.told(name, value);
        }
        Key::new(self.to, self.first).text(name)?;
        self.value(value)
    }

    fn close(self) -> Result<(), Error> {
        if let Some(end) = self.end {
            self.to.order.close(self.first, self.to.out);
            self.to.out.extend_from_slice(end);
        }
        Ok(())
    }
}

impl SerializeMap for Object<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(Key::new(self.to, self.first))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

/// Traits that tell of the same things by names of their own.
macro_rules! told_as {
    ($($trait:ident for $type:ident: $method:ident($($name:ident: $of:ty),*) as $as:ident;)*) => {$(
        impl $trait for $type<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $of,)* value: &T) -> Result<(), Error> {
                self.$as($($name,)* value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

told_as! {
    SerializeSeq for Items: serialize_element() as item;
    SerializeTuple for Items: serialize_element() as item;
    SerializeTupleStruct for Items: serialize_field() as item;
    SerializeTupleVariant for Items: serialize_field() as item;
    SerializeStruct for Object: serialize_field(name: &'static str) as field;
    SerializeStructVariant for Object: serialize_field(name: &'static str) as field;
}
