//! Every primitive reads back what it wrote, and refuses what no bytes can justify.

use bytes::Bytes;
use proptest::prelude::*;

use super::{Reader, STRING_BYTES_MAX, Writer};
use crate::error::WireError;

/// Writes with one closure, reads with the other, and wants every byte used.
fn check<T>(
    write: impl Fn(&mut Writer) -> Result<(), WireError>,
    read: fn(&mut Reader) -> Result<T, WireError>,
) -> T {
    let mut writer = Writer::new();
    write(&mut writer).unwrap();
    let mut reader = Reader::new(writer.into_bytes());
    let value = read(&mut reader).unwrap();
    reader.finish().unwrap();
    value
}

fn refused<T: std::fmt::Debug>(bytes: &[u8], read: fn(&mut Reader) -> Result<T, WireError>) -> String {
    read(&mut Reader::new(Bytes::copy_from_slice(bytes)))
        .unwrap_err()
        .to_string()
}

proptest! {
    #[test]
    fn numbers_read_back(a: i8, b: i16, c: i32, d: i64, e: u32, f: bool, id: [u8; 16]) {
        prop_assert_eq!(check(|w| { w.i8(a); Ok(()) }, Reader::i8), a);
        prop_assert_eq!(check(|w| { w.i16(b); Ok(()) }, Reader::i16), b);
        prop_assert_eq!(check(|w| { w.u16(b as u16); Ok(()) }, Reader::u16), b as u16);
        prop_assert_eq!(check(|w| { w.i32(c); Ok(()) }, Reader::i32), c);
        prop_assert_eq!(check(|w| { w.u32(e); Ok(()) }, Reader::u32), e);
        prop_assert_eq!(check(|w| { w.i64(d); Ok(()) }, Reader::i64), d);
        prop_assert_eq!(check(|w| { w.bool(f); Ok(()) }, Reader::bool), f);
        prop_assert_eq!(check(|w| { w.put(&id); Ok(()) }, Reader::uuid), id);
        prop_assert_eq!(check(|w| { w.uvarint(e); Ok(()) }, Reader::uvarint), e);
        prop_assert_eq!(check(|w| { w.varint(c); Ok(()) }, Reader::varint), c);
        prop_assert_eq!(check(|w| { w.varlong(d); Ok(()) }, Reader::varlong), d);
    }

    #[test]
    fn texts_and_bytes_read_back(text: Option<String>, bytes: Option<Vec<u8>>) {
        prop_assert_eq!(check(|w| w.string(text.as_deref()), Reader::string), text.clone());
        prop_assert_eq!(check(|w| w.compact_string(text.as_deref()), Reader::compact_string), text.clone());
        prop_assert_eq!(check(|w| w.bytes(bytes.as_deref()), Reader::bytes).map(Vec::from), bytes.clone());
        prop_assert_eq!(check(|w| w.compact_bytes(bytes.as_deref()), Reader::compact_bytes).map(Vec::from), bytes);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let reader = Reader::new(bytes.into());
        let _ = reader.clone().varlong();
        let _ = reader.clone().varint();
        let _ = reader.clone().string();
        let _ = reader.clone().compact_string();
        let _ = reader.clone().bytes();
        let _ = reader.clone().compact_bytes();
        let _ = reader.clone().count(1);
        let _ = reader.clone().compact_count(1);
        let _ = reader.clone().skip_tags();
    }
}

#[test]
fn extremes_of_variable_lengths() {
    for value in [i64::MIN, i64::MAX, -1, 0, 1, 63, 64, -64, -65] {
        assert_eq!(
            check(
                |w| {
                    w.varlong(value);
                    Ok(())
                },
                Reader::varlong
            ),
            value
        );
    }
    for value in [i32::MIN, i32::MAX] {
        assert_eq!(
            check(
                |w| {
                    w.varint(value);
                    Ok(())
                },
                Reader::varint
            ),
            value
        );
    }
}

#[test]
fn forged_lengths_are_refused_before_anything_is_reserved() {
    assert!(refused(&[0x7f, 0xff, 0xff, 0xff], |r| r.count(1)).contains("2147483647 elements"));
    assert!(refused(&[0xff, 0xff, 0xff, 0xff, 0x0f], |r| r.compact_count(1)).contains("elements"));
    assert!(refused(&[0, 0, 0, 3, 1, 2, 3, 4, 5], |r| r.count(2)).contains("3 elements"));
    assert!(refused(&[0x80, 0, 0, 0], |r| r.count(1)).contains("-2147483648"));
    assert!(refused(&[0x7f, 0xff, 0xff, 0xff], Reader::bytes).contains("2147483647"));
    assert!(refused(&[0xff, 0xfe], Reader::string).contains("-2"));
    assert!(refused(&[0xff, 0xff, 0xff, 0xff, 0x0f], Reader::tag_count).contains("elements"));
    assert!(refused(&[0xff; 11], Reader::varlong).contains("variable-length"));
    assert!(refused(&[0xff; 6], Reader::uvarint).contains("variable-length"));
    assert!(refused(&[0xff, 0xff, 0xff, 0xff, 0x1f], Reader::uvarint).contains("variable-length"));
    assert!(refused(&[0x80], Reader::uvarint).contains("end early"));
    assert!(refused(&[2, 0xff], Reader::compact_string).contains("UTF-8"));
}

#[test]
fn a_string_past_the_limit_is_refused_both_ways() {
    let long = "x".repeat(STRING_BYTES_MAX + 1);
    assert!(Writer::new().string(Some(&long)).is_err());
    assert!(Writer::new().compact_string(Some(&long)).is_err());
    let mut writer = Writer::new();
    writer.compact_bytes(Some(long.as_bytes())).unwrap();
    assert!(Reader::new(writer.into_bytes()).compact_string().is_err());
}
