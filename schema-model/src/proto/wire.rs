//! The Protobuf wire format over a slice: tags, varints, fixed widths, lengths, groups.
//!
//! Invariant: a reader only ever moves forward, and never past the end of its slice; every length is checked against
//! the bytes that are there. What a field means is for the callers; an unknown field is skipped here.

use crate::DEPTH_MAX;

/// What is wrong with a body, and at which field; the path grows from the inside out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Fault {
        Fault {
            path: String::new(),
            message: message.into(),
        }
    }

    /// The same fault, seen from the message around the field.
    pub(super) fn inside(mut self, field: &str, index: Option<usize>) -> Fault {
        let index = index.map_or_else(String::new, |index| format!("[{index}]"));
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{field}{index}{dot}{}", self.path);
        self
    }
}

/// How a value is laid out, from the lowest three bits of its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Length,
    GroupStart,
    GroupEnd,
    Fixed32,
}

impl Wire {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Wire::Varint => "varint",
            Wire::Fixed64 => "64-bit",
            Wire::Length => "length-delimited",
            Wire::GroupStart => "start of a group",
            Wire::GroupEnd => "end of a group",
            Wire::Fixed32 => "32-bit",
        }
    }
}

/// The rest of a slice.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next field's number and layout; `None` at the end.
    pub(super) fn tag(&mut self) -> Result<Option<(u32, Wire)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let tag = u32::try_from(tag).map_err(|_| Fault::new("a tag does not fit 32 bits"))?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Fault::new("a tag has the field number 0"));
        }
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Length,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            other => {
                return Err(Fault::new(format!(
                    "field number {number} has the wire type {other}"
                )));
            }
        };
        Ok(Some((number, wire)))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            if index == 9 && *byte > 1 {
                return Err(Fault::new("a varint does not fit 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Fault::new("the bytes end inside a varint"))
    }

    pub(super) fn fixed32(&mut self) -> Result<[u8; 4], Fault> {
        self.array("the bytes end inside a 32-bit value")
    }

    pub(super) fn fixed64(&mut self) -> Result<[u8; 8], Fault> {
        self.array("the bytes end inside a 64-bit value")
    }

    fn array<const N: usize>(&mut self, message: &str) -> Result<[u8; N], Fault> {
        let (array, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| Fault::new(message))?;
        self.rest = rest;
        Ok(*array)
    }

    pub(super) fn length_delimited(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        match usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.rest.len())
        {
            Some(length) => {
                let (bytes, rest) = self.rest.split_at(length);
                self.rest = rest;
                Ok(bytes)
            }
            None => {
                let remaining = self.rest.len();
                Err(Fault::new(format!(
                    "a length of {length} bytes where {remaining} are left"
                )))
            }
        }
    }

    /// Skips a value whose tag was just read.
    pub(super) fn skip(&mut self, number: u32, wire: Wire, depth: usize) -> Result<(), Fault> {
        match wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.fixed64().map(drop),
            Wire::Fixed32 => self.fixed32().map(drop),
            Wire::Length => self.length_delimited().map(drop),
            Wire::GroupEnd => Err(stray_end(number)),
            Wire::GroupStart => self.skip_group(number, depth),
        }
    }

    fn skip_group(&mut self, number: u32, depth: usize) -> Result<(), Fault> {
        let mut open = vec![number];
        while let Some(inner) = open.last().copied() {
            match self.tag()? {
                None => return Err(unfinished_group(inner)),
                Some((number, Wire::GroupEnd)) if number == inner => drop(open.pop()),
                Some((number, Wire::GroupStart)) => {
                    open.push(number);
                    if depth + open.len() > DEPTH_MAX {
                        return Err(too_deep());
                    }
                }
                Some((number, wire)) => self.skip(number, wire, depth)?,
            }
        }
        Ok(())
    }
}

pub(super) fn stray_end(number: u32) -> Fault {
    Fault::new(format!("the end of group {number}, which is not open"))
}

pub(super) fn unfinished_group(number: u32) -> Fault {
    Fault::new(format!("the bytes end inside group {number}"))
}

pub(super) fn too_deep() -> Fault {
    Fault::new(format!("nests deeper than {DEPTH_MAX} messages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints() {
        let check = |bytes: &[u8], wanted: Option<u64>| {
            assert_eq!(Reader::new(bytes).varint().ok(), wanted, "{bytes:?}");
        };
        check(&[0], Some(0));
        check(&[0x96, 0x01], Some(150));
        check(
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            Some(u64::MAX),
        );
        check(&[0x80, 0], Some(0));
        check(&[], None);
        check(&[0x80], None);
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], None);
    }

    #[test]
    fn unknown_fields() {
        let check = |bytes: &[u8], wanted: Result<usize, &str>| {
            let mut reader = Reader::new(bytes);
            let result = reader.tag().and_then(|tag| {
                let (number, wire) = tag.ok_or_else(|| Fault::new("no tag"))?;
                reader.skip(number, wire, 0)
            });
            match (result, wanted) {
                (Ok(()), Ok(left)) => assert_eq!(reader.remaining(), left, "{bytes:?}"),
                (Err(fault), Err(part)) => {
                    assert!(fault.message.contains(part), "{bytes:?}: {}", fault.message)
                }
                (result, _) => panic!("{bytes:?}: {result:?}"),
            }
        };
        check(&[0x08, 1, 9], Ok(1));
        check(&[0x0a, 1, 9], Ok(0));
        check(&[0x0a, 2, 9], Err("2 bytes where 1 are left"));
        check(&[0x0d, 1, 2, 3], Err("32-bit"));
        check(&[0x09, 1, 2, 3], Err("64-bit"));
        check(&[0x0b, 0x10, 5, 0x13, 0x14, 0x0c, 7], Ok(1));
        check(&[0x0b, 0x10, 5], Err("inside group 1"));
        check(&[0x0b, 0x14], Err("group 2"));
        check(&[0x0c], Err("not open"));
        check(&[0x0e], Err("wire type 6"));
        check(&[0x00], Err("number 0"));
        check(&[0x0b; 200], Err("deeper"));
    }
}
