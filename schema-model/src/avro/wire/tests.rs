//! What the wire's reader accepts and refuses.

use super::*;
use crate::{Decimal, ReadError};
use proptest::prelude::*;

fn refuse<T: std::fmt::Debug>(
    bytes: &[u8],
    read: impl Fn(&mut Reader<'_>) -> Result<T, ReadError>,
    wanted: &str,
) {
    let mut reader = Reader::new(bytes);
    let error = read(&mut reader).and_then(|_| reader.finish()).unwrap_err();
    assert_eq!(error.to_string(), wanted, "{bytes:?}");
}

#[test]
fn malformed_bytes() {
    refuse(
        &[],
        |r| r.bool(),
        "a boolean is cut off: the payload ends at byte 0",
    );
    refuse(
        &[2],
        |r| r.bool(),
        "a boolean is the byte 2, it can only be 0 or 1",
    );
    refuse(
        &[0x80],
        |r| r.long(),
        "a long is cut off: the payload ends at byte 1",
    );
    refuse(&[0xff; 10], |r| r.long(), "a long does not fit 64 bits");
    refuse(
        &[0x80, 0x80, 0x80, 0x80, 0x10],
        |r| r.int(),
        "an int holds 2147483648, which does not fit 32 bits",
    );
    refuse(
        &[1],
        |r| r.bytes().map(<[u8]>::len),
        "bytes of length -1: a length cannot be negative",
    );
    refuse(
        &[4, 0],
        |r| r.bytes().map(<[u8]>::len),
        "bytes of length 2: the payload has only 1 bytes left",
    );
    refuse(
        &[4, b'a', 0xff],
        |r| r.string().map(str::len),
        "a string is not UTF-8: byte 1 of its 2",
    );
    refuse(
        &[4],
        |r| r.enum_index(2),
        "symbol 2 does not exist, the schema has 2",
    );
    refuse(
        &[1],
        |r| r.branch(2),
        "union branch -1 does not exist, the schema has 2",
    );
    refuse(
        &[0, 0],
        |r| r.decimal_bytes(2),
        "a decimal needs at least one byte",
    );
}

#[test]
fn malformed_ends_and_blocks() {
    refuse(
        &[0, 9],
        |r| r.bool(),
        "1 bytes are left over after the value's end at byte 1",
    );
    refuse(
        &[4, 0, 2],
        |r| r.array(|r| r.bool()),
        "[1]: a boolean is the byte 2, it can only be 0 or 1",
    );
    refuse(
        &[2, 2, b'k', 2],
        |r| r.map(|r| r.bool()),
        "[\"k\"]: a boolean is the byte 2, it can only be 0 or 1",
    );
    refuse(
        &[3, 9],
        |r| r.array(|r| r.bool()),
        "a block of -5 bytes: the payload has 0 bytes left",
    );
    refuse(
        &[3, 4, 0, 0, 0],
        |r| r.array(|r| r.float().map(|_| 0)),
        "[0]: a float is cut off: the payload ends at byte 5",
    );
    refuse(
        &[1, 4, 1, 1, 0],
        |r| r.array(|r| r.bool()),
        "a block tells it ends at byte 4, but its items end at 3",
    );
}

#[test]
fn items_without_bytes_are_counted_over_the_payload() {
    let mut writer = Writer::new();
    writer.long(65_536);
    writer.long(0);
    let bytes = writer.into_bytes();
    assert_eq!(
        Reader::new(&bytes).array(|_| Ok(())).map(|items| items.len()),
        Ok(65_536)
    );
    refuse(
        &[0xfe, 0xff, 0xff, 0x0f, 0],
        |r| r.array(|_| Ok(())),
        "more than 65536 items that take no bytes",
    );
}

#[test]
fn depth_is_bounded() {
    fn list(reader: &mut Reader<'_>) -> Result<usize, ReadError> {
        reader.record(|reader| {
            if reader.branch(2)? == 0 {
                Ok(1)
            } else {
                Ok(1 + list(reader)?)
            }
        })
    }
    let chain = |links: usize| [vec![2; links - 1], vec![0]].concat();
    assert_eq!(list(&mut Reader::new(&chain(64))), Ok(64));
    refuse(&chain(65), list, "the payload nests deeper than 64 levels");
}

#[test]
fn decimals() {
    let mut writer = Writer::new();
    writer.decimal_bytes(Decimal::new(15, 1), 2).unwrap();
    writer.decimal_fixed(Decimal::new(-1, 0), 4, 0).unwrap();
    assert!(writer.decimal_bytes(Decimal::new(155, 2), 1).is_err());
    assert!(writer.decimal_fixed(Decimal::new(256, 0), 1, 0).is_err());
    let bytes = writer.into_bytes();
    assert_eq!(bytes, [4, 0, 150, 255, 255, 255, 255]);
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.decimal_bytes(2).unwrap().to_string(), "1.50");
    assert_eq!(reader.decimal_fixed(4, 0).unwrap().to_string(), "-1");
    reader.finish().unwrap();
}

proptest! {
    #[test]
    fn round_trip(
        int: i32, long: i64, float: f32, double: f64, text: String, bytes: Vec<u8>, fixed: [u8; 3], flag: bool,
        map: std::collections::BTreeMap<String, i32>,
    ) {
        let mut writer = Writer::new();
        writer.int(int);
        writer.long(long);
        writer.float(float);
        writer.double(double);
        writer.string(&text);
        writer.bytes(&bytes);
        writer.fixed(&fixed);
        writer.bool(flag);
        writer.map(&map, |writer, value| writer.int(*value));
        let written = writer.into_bytes();
        let mut reader = Reader::new(&written);
        prop_assert_eq!(reader.int()?, int);
        prop_assert_eq!(reader.long()?, long);
        prop_assert_eq!(reader.float()?.to_bits(), float.to_bits());
        prop_assert_eq!(reader.double()?.to_bits(), double.to_bits());
        prop_assert_eq!(reader.string()?, text);
        prop_assert_eq!(reader.bytes()?, bytes);
        prop_assert_eq!(reader.fixed::<3>()?, fixed);
        prop_assert_eq!(reader.bool()?, flag);
        prop_assert_eq!(reader.map(|reader| reader.int())?, map.into_iter().collect::<Vec<_>>());
        reader.finish()?;
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>) {
        let _ = Reader::new(&bytes).int();
        let _ = Reader::new(&bytes).string();
        let _ = Reader::new(&bytes).array(|reader| reader.map(|reader| reader.bytes().map(<[u8]>::len)));
    }
}
