//! The macro that turns a list of fields into a message.
//!
//! ```text
//! request  Name: Key versions => Response { fields }       struct, Message and Request
//! response Name: Key versions => { fields }                struct and Message
//! versioned Name: versions, flexible version => { fields } struct and Versioned
//! part     Name { fields }                                 struct only
//!
//! field:   name: Type, versions[, most number][, null versions][, tag number][, default value]; "what it means"
//! ```
//!
//! Versions are Rust ranges: `3..`, `0..=9`. `most` is how many elements an array may have: a request's arrays all
//! say it (a test holds that), a response's need not, as a client chooses whom it asks. A tagged field is written
//! only when it differs from its default, and its versions are flexible ones. `part`s nest to a depth fixed by their
//! declarations, so reading cannot recurse at will.

macro_rules! message {
    () => {};

    ($(#[$meta:meta])* request $name:ident: $key:ident $versions:expr => $response:ident { $($fields:tt)* } $($rest:tt)*) => {
        message!(@message $name $key ($versions));
        impl $crate::message::Request for $name {
            type Response = $response;
        }
        message!(@struct [$(#[$meta])*] $name { $($fields)* });
        message!($($rest)*);
    };

    ($(#[$meta:meta])* response $name:ident: $key:ident $versions:expr => { $($fields:tt)* } $($rest:tt)*) => {
        message!(@message $name $key ($versions));
        message!(@struct [$(#[$meta])*] $name { $($fields)* });
        message!($($rest)*);
    };

    ($(#[$meta:meta])* versioned $name:ident: $versions:expr, flexible $flexible:expr => { $($fields:tt)* } $($rest:tt)*) => {
        impl $crate::message::Versioned for $name {
            const VERSIONS: std::ops::RangeInclusive<i16> = $versions;
            const FLEXIBLE_FROM: i16 = $flexible;

            fn decode(r: &mut $crate::primitives::Reader) -> Result<Self, $crate::error::WireError> {
                $crate::message::declare::decode_versioned(r, stringify!($name))
            }

            fn encode(
                &self,
                w: &mut $crate::primitives::Writer,
                version: i16,
            ) -> Result<(), $crate::error::WireError> {
                $crate::message::declare::encode_versioned(self, w, version, stringify!($name))
            }
        }
        message!(@struct [$(#[$meta])*] $name { $($fields)* });
        message!($($rest)*);
    };

    ($(#[$meta:meta])* part $name:ident { $($fields:tt)* } $($rest:tt)*) => {
        message!(@struct [$(#[$meta])*] $name { $($fields)* });
        message!($($rest)*);
    };

    (@message $name:ident $key:ident ($versions:expr)) => {
        impl $crate::message::Message for $name {
            const KEY: $crate::api_key::ApiKey = $crate::api_key::ApiKey::$key;
            const VERSIONS: std::ops::RangeInclusive<i16> = $versions;

            fn decode(
                r: &mut $crate::primitives::Reader,
                version: i16,
            ) -> Result<Self, $crate::error::WireError> {
                $crate::message::declare::decode(r, version, stringify!($name))
            }

            fn encode(
                &self,
                w: &mut $crate::primitives::Writer,
                version: i16,
            ) -> Result<(), $crate::error::WireError> {
                $crate::message::declare::encode(self, w, version, stringify!($name))
            }

            fn error_codes(&self, show: &mut dyn FnMut(i16)) {
                $crate::message::field::Field::error_codes(self, show);
            }
        }
    };

    (@struct [$($meta:tt)*] $name:ident { $(
        $field:ident: $type:ty, $versions:expr
        $(, most $most:expr)? $(, null $null:expr)? $(, tag $tag:literal)? $(, default $default:expr)?; $doc:literal
    )* }) => {
        $($meta)*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = $doc] pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: message!(@default $($default)?),)* }
            }
        }

        impl $crate::message::field::Part for $name {}

        impl $crate::message::field::Field for $name {
            fn bytes_min(at: $crate::message::field::At) -> usize {
                let mut sum = usize::from(at.flexible); // the count of tagged fields
                $(if message!(@tag $($tag)?).is_none() && ($versions).contains(&at.version) {
                    sum += <$type as $crate::message::field::Field>::bytes_min(at);
                })*
                sum
            }

            #[allow(unused_variables, reason = "a struct without fields has none")]
            fn error_codes(&self, show: &mut dyn FnMut(i16)) {
                $(match stringify!($field) {
                    "error_code" => $crate::message::field::Field::code(&self.$field).into_iter().for_each(&mut *show),
                    _ => $crate::message::field::Field::error_codes(&self.$field, show),
                })*
            }

            fn read(
                r: &mut $crate::primitives::Reader,
                at: $crate::message::field::At,
                _: bool,
            ) -> Result<Self, $crate::error::WireError> {
                let mut out = Self::default();
                $(if message!(@tag $($tag)?).is_none() && ($versions).contains(&at.version) {
                    out.$field = $crate::message::field::Field::read(r, message!(@most at $($most)?), message!(@null at $($null)?))
                        .map_err(|e| e.within(stringify!($field)))?;
                })*
                if !at.flexible {
                    return Ok(out);
                }
                for _ in 0..r.tag_count().map_err(|e| e.within("tagged fields"))? {
                    #[allow(unused_variables, unused_mut, reason = "a struct without tagged fields skips them all")]
                    let (tag, mut r) = r.tagged().map_err(|e| e.within("tagged fields"))?;
                    $(if message!(@tag $($tag)?) == Some(tag) && ($versions).contains(&at.version) {
                        let at = $crate::message::field::At { tagged: true, ..message!(@most at $($most)?) };
                        out.$field = $crate::message::field::Field::read(&mut r, at, message!(@null at $($null)?))
                            .and_then(|value| r.finish().map(|()| value))
                            .map_err(|e| e.within(stringify!($field)))?;
                    })*
                }
                Ok(out)
            }

            fn write(
                &self,
                w: &mut $crate::primitives::Writer,
                at: $crate::message::field::At,
                _: bool,
            ) -> Result<(), $crate::error::WireError> {
                $(if message!(@tag $($tag)?).is_none() && ($versions).contains(&at.version) {
                    $crate::message::field::Field::write(&self.$field, w, message!(@most at $($most)?), message!(@null at $($null)?))
                        .map_err(|e| e.within(stringify!($field)))?;
                })*
                if !at.flexible {
                    return Ok(());
                }
                #[allow(unused_mut, reason = "a struct without tagged fields has none to write")]
                let mut tagged = $crate::message::declare::Tagged::default();
                $(if let Some(tag) = message!(@tag $($tag)?)
                    && ($versions).contains(&at.version)
                    && self.$field != message!(@default_of $type $(, $default)?)
                {
                    tagged.add(tag, &self.$field, at, message!(@null at $($null)?))
                        .map_err(|e| e.within(stringify!($field)))?;
                })*
                tagged.write(w)
            }

            #[cfg(test)]
            fn sample(
                from: &mut $crate::message::tests::Entropy,
                at: $crate::message::field::At,
                _: bool,
            ) -> Self {
                let mut out = Self::default();
                $(if ($versions).contains(&at.version) {
                    out.$field = $crate::message::field::Field::sample(from, message!(@most at $($most)?), message!(@null at $($null)?));
                })*
                out
            }

            #[cfg(test)]
            fn survey(seen: &mut $crate::message::tests::Survey, at: $crate::message::field::At) {
                $(if ($versions).contains(&at.version) {
                    seen.within(stringify!($field), |seen| {
                        seen.null(<$type as $crate::message::field::Field>::NULLABLE, message!(@null at $($null)?));
                        <$type as $crate::message::field::Field>::survey(seen, message!(@most at $($most)?));
                    });
                })*
            }
        }
    };

    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
    (@default_of $type:ty) => { <$type>::default() };
    (@default_of $type:ty, $default:expr) => { $default };
    (@tag) => { None::<u32> };
    (@tag $tag:literal) => { Some::<u32>($tag) };
    (@most $at:ident) => { $crate::message::field::At { most: usize::MAX, tagged: false, ..$at } };
    (@most $at:ident $most:expr) => { $crate::message::field::At { most: $most, tagged: false, ..$at } };
    (@null $at:ident) => { false };
    (@null $at:ident $null:expr) => { ($null).contains(&$at.version) };
}

use std::ops::RangeInclusive;

pub(crate) use message;

use super::{
    Message, Versioned,
    field::{At, Field},
};
use crate::{
    error::{Fault, WireError},
    primitives::{Reader, Writer},
};

fn at(version: i16, known: &RangeInclusive<i16>, flexible_from: i16) -> Result<At, WireError> {
    if !known.contains(&version) {
        return Err(Fault::Version {
            version,
            min: *known.start(),
            max: *known.end(),
        }
        .into());
    }
    Ok(At {
        version,
        flexible: version >= flexible_from,
        most: usize::MAX,
        tagged: false,
    })
}

pub(crate) fn decode<M: Message + Field>(r: &mut Reader, version: i16, name: &str) -> Result<M, WireError> {
    at(version, &M::VERSIONS, M::FLEXIBLE_FROM)
        .and_then(|at| whole(r, at))
        .map_err(|e| e.of(name, version))
}

pub(crate) fn encode<M: Message + Field>(
    message: &M,
    w: &mut Writer,
    version: i16,
    name: &str,
) -> Result<(), WireError> {
    at(version, &M::VERSIONS, M::FLEXIBLE_FROM)
        .and_then(|at| message.write(w, at, false))
        .map_err(|e| e.of(name, version))
}

pub(crate) fn decode_versioned<V: Versioned + Field>(r: &mut Reader, name: &str) -> Result<V, WireError> {
    let version = r.i16().map_err(|e| e.within("version").within(name))?;
    at(version, &V::VERSIONS, V::FLEXIBLE_FROM)
        .and_then(|at| whole(r, at))
        .map_err(|e| e.of(name, version))
}

pub(crate) fn encode_versioned<V: Versioned + Field>(
    value: &V,
    w: &mut Writer,
    version: i16,
    name: &str,
) -> Result<(), WireError> {
    at(version, &V::VERSIONS, V::FLEXIBLE_FROM)
        .and_then(|at| {
            w.i16(version);
            value.write(w, at, false)
        })
        .map_err(|e| e.of(name, version))
}

/// Reads a value that is all of what is left.
fn whole<F: Field>(r: &mut Reader, at: At) -> Result<F, WireError> {
    let value = F::read(r, at, false)?;
    r.finish()?;
    Ok(value)
}

/// The tagged fields of one struct while it is being written: their number stands before them.
#[derive(Debug, Default)]
pub(crate) struct Tagged {
    count: u32,
    fields: Writer,
}

impl Tagged {
    /// Adds a field; fields are declared, and so added, in order of their tags.
    pub(crate) fn add(&mut self, tag: u32, value: &impl Field, at: At, null: bool) -> Result<(), WireError> {
        let mut w = Writer::new();
        value.write(&mut w, At { tagged: true, ..at }, null)?;
        let bytes = w.into_bytes();
        let size = u32::try_from(bytes.len()).map_err(|_| Fault::TooLong {
            len: bytes.len(),
            max: u32::MAX as usize,
        })?;
        self.count += 1;
        self.fields.uvarint(tag);
        self.fields.uvarint(size);
        self.fields.put(&bytes);
        Ok(())
    }

    pub(crate) fn write(self, w: &mut Writer) -> Result<(), WireError> {
        w.uvarint(self.count);
        w.put(&self.fields.into_bytes());
        Ok(())
    }
}
