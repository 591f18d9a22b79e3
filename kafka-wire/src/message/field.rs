//! How each type of field stands on the wire, in old and in flexible versions.
//!
//! Invariant: what is reserved for an array is never more than the bytes in hand until as many elements have been read
//! as fit in that, whatever its count says: the count must be no more than its field declares, and fit by the least
//! size of an element; what the elements take in memory comes off the reader's allowance before any of them is read.

use bytes::Bytes;

#[cfg(test)]
use super::tests::{Entropy, Survey};
use crate::{
    error::{Fault, WireError},
    primitives::{Float64, Reader, Writer},
};

/// Where a field is being read or written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    /// The version of the message.
    pub(crate) version: i16,
    /// Whether lengths are compact and structs end with tagged fields.
    pub(crate) flexible: bool,
    /// The most elements this field may have, if it is an array.
    pub(crate) most: usize,
    /// Whether this field is a tagged one.
    pub(crate) tagged: bool,
}

/// A type that can be a field. `null` says whether this field may be null in this version.
pub(crate) trait Field: Sized {
    /// The least bytes a value takes.
    fn bytes_min(at: At) -> usize;
    fn read(r: &mut Reader, at: At, null: bool) -> Result<Self, WireError>;
    fn write(&self, w: &mut Writer, at: At, null: bool) -> Result<(), WireError>;
    /// The number, of a field that is one and fits an error code.
    fn code(&self) -> Option<i16> {
        None
    }
    /// Shows every error code within.
    fn error_codes(&self, _: &mut dyn FnMut(i16)) {}
    /// Any value that can be written at this version.
    #[cfg(test)]
    fn sample(from: &mut Entropy, at: At, null: bool) -> Self;
    /// Whether there is a value that stands for null.
    #[cfg(test)]
    const NULLABLE: bool = false;
    /// Shows what its fields declare.
    #[cfg(test)]
    fn survey(_: &mut Survey, _: At) {}
}

/// A struct made of fields. Where one may be null a byte stands before it: 1 when it follows, and for null -1, or 0 in
/// a tagged field.
pub(crate) trait Part: Field {}

impl<T: Part> Field for Option<T> {
    fn bytes_min(_: At) -> usize {
        1
    }

    fn read(r: &mut Reader, at: At, null: bool) -> Result<Self, WireError> {
        let there = if at.tagged {
            r.uvarint()? != 0
        } else {
            r.i8()? >= 0
        };
        allowed(there.then(|| T::read(r, at, false)).transpose()?, null)
    }

    fn write(&self, w: &mut Writer, at: At, null: bool) -> Result<(), WireError> {
        match allowed(self.as_ref(), null)? {
            Some(value) => {
                w.i8(1);
                value.write(w, at, false)
            }
            None => {
                w.i8(if at.tagged { 0 } else { -1 });
                Ok(())
            }
        }
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, at: At, null: bool) -> Self {
        (!null || from.bool()).then(|| T::sample(from, at, false))
    }

    #[cfg(test)]
    const NULLABLE: bool = true;

    #[cfg(test)]
    fn survey(seen: &mut Survey, at: At) {
        T::survey(seen, at);
    }
}

/// A number: always the same bytes.
macro_rules! numbers {
    ($($type:ty: $name:ident$(, $code:ident)?;)*) => {$(
        impl Field for $type {
            fn bytes_min(_: At) -> usize {
                size_of::<Self>()
            }

            fn read(r: &mut Reader, _: At, _: bool) -> Result<Self, WireError> {
                r.$name()
            }

            fn write(&self, w: &mut Writer, _: At, _: bool) -> Result<(), WireError> {
                w.$name(*self);
                Ok(())
            }

            $(fn $code(&self) -> Option<i16> {
                Some(*self)
            })?

            #[cfg(test)]
            fn sample(from: &mut Entropy, _: At, _: bool) -> Self {
                from.$name()
            }
        }
    )*};
}

numbers! {
    bool: bool;
    i8: i8;
    i16: i16, code;
    u16: u16;
    i32: i32;
    i64: i64;
    Float64: f64;
}

/// An identifier such as a topic id.
impl Field for [u8; 16] {
    fn bytes_min(_: At) -> usize {
        size_of::<Self>()
    }

    fn read(r: &mut Reader, _: At, _: bool) -> Result<Self, WireError> {
        r.uuid()
    }

    fn write(&self, w: &mut Writer, _: At, _: bool) -> Result<(), WireError> {
        w.put(self);
        Ok(())
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, _: At, _: bool) -> Self {
        std::array::from_fn(|_| from.i8() as u8)
    }
}

impl Field for Option<String> {
    fn bytes_min(at: At) -> usize {
        if at.flexible { 1 } else { 2 }
    }

    fn read(r: &mut Reader, at: At, null: bool) -> Result<Self, WireError> {
        let text = if at.flexible {
            r.compact_string()?
        } else {
            r.string()?
        };
        allowed(text, null)
    }

    fn write(&self, w: &mut Writer, at: At, null: bool) -> Result<(), WireError> {
        let text = allowed(self.as_deref(), null)?;
        if at.flexible {
            w.compact_string(text)
        } else {
            w.string(text)
        }
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, at: At, null: bool) -> Self {
        (!null || from.bool()).then(|| String::sample(from, at, false))
    }

    #[cfg(test)]
    const NULLABLE: bool = true;
}

impl Field for String {
    fn bytes_min(at: At) -> usize {
        Option::<String>::bytes_min(at)
    }

    fn read(r: &mut Reader, at: At, _: bool) -> Result<Self, WireError> {
        // Null is refused inside, so there is a text.
        Ok(Option::<String>::read(r, at, false)?.unwrap_or_default())
    }

    fn write(&self, w: &mut Writer, at: At, _: bool) -> Result<(), WireError> {
        if at.flexible {
            w.compact_string(Some(self))
        } else {
            w.string(Some(self))
        }
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, _: At, _: bool) -> Self {
        from.text()
    }
}

/// Bytes that are never null.
impl Field for Bytes {
    fn bytes_min(at: At) -> usize {
        Option::<Bytes>::bytes_min(at)
    }

    fn read(r: &mut Reader, at: At, _: bool) -> Result<Self, WireError> {
        // Null is refused inside, so there are bytes.
        Ok(Option::<Bytes>::read(r, at, false)?.unwrap_or_default())
    }

    fn write(&self, w: &mut Writer, at: At, _: bool) -> Result<(), WireError> {
        if at.flexible {
            w.compact_bytes(Some(self))
        } else {
            w.bytes(Some(self))
        }
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, _: At, _: bool) -> Self {
        from.text().into()
    }
}

/// Records, mostly: they are written without a copy.
impl Field for Option<Bytes> {
    fn bytes_min(at: At) -> usize {
        if at.flexible { 1 } else { 4 }
    }

    fn read(r: &mut Reader, at: At, null: bool) -> Result<Self, WireError> {
        let bytes = if at.flexible {
            r.compact_bytes()?
        } else {
            r.bytes()?
        };
        allowed(bytes, null)
    }

    fn write(&self, w: &mut Writer, at: At, null: bool) -> Result<(), WireError> {
        let bytes = allowed(self.as_ref(), null)?;
        if at.flexible {
            w.compact_shared_bytes(bytes)
        } else {
            w.shared_bytes(bytes)
        }
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, _: At, null: bool) -> Self {
        (!null || from.bool()).then(|| from.text().into())
    }

    #[cfg(test)]
    const NULLABLE: bool = true;
}

impl<T: Field> Field for Option<Vec<T>> {
    fn bytes_min(at: At) -> usize {
        if at.flexible { 1 } else { 4 }
    }

    fn read(r: &mut Reader, at: At, null: bool) -> Result<Self, WireError> {
        let element_bytes_min = T::bytes_min(at);
        let count = if at.flexible {
            r.compact_count(element_bytes_min)?
        } else {
            r.count(element_bytes_min)?
        };
        let Some(count) = allowed(count, null)? else {
            return Ok(None);
        };
        if count > at.most {
            let most = at.most;
            return Err(Fault::TooMany { count, most }.into());
        }
        let first = count.min((r.remaining() / size_of::<T>().max(1)).max(1));
        // One that grows is there twice for a moment, as it was and as it will be.
        let grows_from = if first < count { first } else { 0 };
        r.spend(count.saturating_add(grows_from).saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(first);
        for index in 0..count {
            if elements.len() == elements.capacity() {
                elements.reserve_exact(count - index);
            }
            elements.push(T::read(r, at, false).map_err(|e| e.within(&index.to_string()))?);
        }
        Ok(Some(elements))
    }

    fn write(&self, w: &mut Writer, at: At, null: bool) -> Result<(), WireError> {
        allowed(self.as_ref(), null)?;
        write_all(self.as_deref(), w, at)
    }

    fn error_codes(&self, show: &mut dyn FnMut(i16)) {
        self.iter()
            .flatten()
            .for_each(|element| element.error_codes(show));
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, at: At, null: bool) -> Self {
        (!null || from.bool()).then(|| Vec::sample(from, at, false))
    }

    #[cfg(test)]
    const NULLABLE: bool = true;

    #[cfg(test)]
    fn survey(seen: &mut Survey, at: At) {
        Vec::<T>::survey(seen, at);
    }
}

impl<T: Field> Field for Vec<T> {
    fn bytes_min(at: At) -> usize {
        Option::<Vec<T>>::bytes_min(at)
    }

    fn read(r: &mut Reader, at: At, _: bool) -> Result<Self, WireError> {
        // Null is refused inside, so there is an array.
        Ok(Option::<Vec<T>>::read(r, at, false)?.unwrap_or_default())
    }

    fn write(&self, w: &mut Writer, at: At, _: bool) -> Result<(), WireError> {
        write_all(Some(self), w, at)
    }

    fn error_codes(&self, show: &mut dyn FnMut(i16)) {
        self.iter().for_each(|element| element.error_codes(show));
    }

    #[cfg(test)]
    fn sample(from: &mut Entropy, at: At, _: bool) -> Self {
        let count = from.count().min(at.most);
        (0..count).map(|_| T::sample(from, at, false)).collect()
    }

    #[cfg(test)]
    fn survey(seen: &mut Survey, at: At) {
        if at.most == usize::MAX {
            seen.unbounded(at.version);
        }
        T::survey(seen, at);
    }
}

fn write_all<T: Field>(elements: Option<&[T]>, w: &mut Writer, at: At) -> Result<(), WireError> {
    let count = elements.map(<[T]>::len);
    if at.flexible {
        w.compact_count(count)?
    } else {
        w.count(count)?
    }
    for element in elements.unwrap_or_default() {
        element.write(w, at, false)?;
    }
    Ok(())
}

/// Null only where the version has it.
fn allowed<T>(value: Option<T>, null: bool) -> Result<Option<T>, WireError> {
    if value.is_none() && !null {
        return Err(Fault::Null.into());
    }
    Ok(value)
}
