//! What the wire's reader accepts and refuses.

use super::*;
use crate::avro::Datum;
use crate::{Decimal, DecimalError};
use proptest::prelude::*;

/// The fault, and the byte it begins at.
fn refuse_at<T: std::fmt::Debug>(
    byte: usize,
    bytes: &[u8],
    read: impl Fn(&mut Reader<'_>) -> Result<T>,
    wanted: &str,
) {
    let mut reader = Reader::new(bytes);
    let fault = read(&mut reader).and_then(|_| reader.finish()).unwrap_err();
    assert_eq!((fault.message(), fault.position()), (wanted, byte), "{bytes:?}");
}

fn refuse<T: std::fmt::Debug>(bytes: &[u8], read: impl Fn(&mut Reader<'_>) -> Result<T>, wanted: &str) {
    refuse_at(0, bytes, read, wanted);
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
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0],
        |r| r.int(),
        "an int takes more than 5 bytes",
    );
    refuse(
        &[1],
        |r| r.bytes(),
        "bytes of length -1: a length cannot be negative",
    );
    refuse(
        &[4, 0],
        |r| r.bytes(),
        "bytes of length 2: the payload has only 1 bytes left",
    );
    refuse(
        &[4, b'a', 0xff],
        |r| r.string(),
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
}

#[test]
fn malformed_ends_and_blocks() {
    refuse_at(
        1,
        &[0, 9],
        |r| r.bool(),
        "1 bytes are left over after the value's end at byte 1",
    );
    refuse_at(
        2,
        &[4, 0, 2],
        |r| r.array(Source::bool),
        "a boolean is the byte 2, it can only be 0 or 1",
    );
    refuse_at(
        3,
        &[2, 2, b'k', 2],
        |r| r.map(Source::bool),
        "a boolean is the byte 2, it can only be 0 or 1",
    );
    refuse_at(
        1,
        &[3, 9],
        |r| r.array(Source::bool),
        "a block of -5 bytes: the payload has 0 bytes left",
    );
    refuse_at(
        2,
        &[3, 4, 0, 0, 0],
        |r| r.array(Source::float),
        "a float is cut off: the payload ends at byte 5",
    );
    refuse_at(
        3,
        &[1, 4, 1, 1, 0],
        |r| r.array(Source::bool),
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
        Reader::new(&bytes).array(Source::null).map(|items| items.len()),
        Ok(65_536)
    );
    refuse_at(
        4,
        &[0xfe, 0xff, 0xff, 0x0f, 0],
        |r| r.array(Source::null),
        "more than 65536 items that take no bytes, and 4 for each of the payload's",
    );
}

#[test]
fn room_is_made_for_what_the_bytes_justify_and_once() {
    // Sixteen bytes of memory for each byte, in all of the blocks that a payload begins.
    let mut reader = Reader::new(&[0; 100]);
    let rooms = [10, 1 << 40, 1, 1 << 40].map(|count| reader.room_for::<u64>(count));
    assert_eq!(rooms, [10, 190, 0, 0]);
    assert_eq!(Reader::new(&[0; 100]).room_for::<()>(7), 7, "nulls take none");
}

#[test]
fn a_writer_counts_what_it_wrote() {
    let mut writer = Writer::append_to(vec![9; 3]);
    assert!(writer.is_empty());
    writer.bool(true);
    writer.bool(false);
    writer.truncate(1);
    assert_eq!((writer.len(), writer.into_bytes()), (1, vec![9, 9, 9, 1]));
}

/// A list whose every link takes this much of the stack, and more.
#[derive(Clone, Debug, Default, PartialEq)]
struct Link<const ROOM: usize> {
    next: Option<Box<Link<ROOM>>>,
}

impl<const ROOM: usize> Datum for Link<ROOM> {
    fn write(&self, to: &mut Writer) {
        if to.descend() {
            match &self.next {
                Some(next) => {
                    to.branch(1);
                    next.write(to);
                }
                None => to.branch(0),
            }
            to.ascend();
        }
    }

    fn read<'a, S: Source<'a>>(&mut self, from: &mut S) -> Result<()> {
        let room = [0u8; ROOM];
        from.descend()?;
        let outer = from.begin()?;
        self.next = from.field()?.option(1, S::datum)?;
        from.end(outer)?;
        from.ascend();
        assert_eq!(std::hint::black_box(room), [0; ROOM]);
        Ok(())
    }
}

#[test]
fn what_is_written_is_read_however_deep_it_is() {
    let chain = |links: usize| [vec![2; links - 1], vec![0]].concat();
    let mut list = Link::<1>::default();
    for _ in 1..RECURSION_MAX {
        list = Link {
            next: Some(Box::new(list)),
        };
    }
    let bytes = crate::avro::encode_checked(&list).unwrap();
    assert_eq!(bytes, chain(RECURSION_MAX));
    assert_eq!(Reader::new(&bytes).datum::<Link<1>>(), Ok(list.clone()));

    let longer = Link {
        next: Some(Box::new(list)),
    };
    let error = crate::avro::encode_checked(&longer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value holds itself more than 256 times inside each other"
    );
    let error = Reader::new(&chain(RECURSION_MAX + 1))
        .datum::<Link<1>>()
        .unwrap_err();
    assert_eq!(
        (error.message(), error.position()),
        ("the payload nests deeper than 256 levels", RECURSION_MAX)
    );
}

#[test]
fn the_stack_is_not_used_up() {
    // A record of a hundred strings takes some 30 kB a level in a debug build; threads have 2 MiB.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let read = || {
        Reader::new(&[2; 500])
            .datum::<Link<30_000>>()
            .map(drop)
            .unwrap_err()
    };
    let error = thread.spawn(read).unwrap().join().unwrap();
    assert!(error.message().contains("of the stack"), "{error}");
    // By a plan too.
    let link = |more: &str| {
        let fields = format!(r#"[{{"name":"next","type":["null","L"]}}{more}]"#);
        crate::avro::Schema::parse(
            &format!(r#"{{"type":"record","name":"L","fields":{fields}}}"#),
            &[],
        )
        .unwrap()
    };
    let plan = crate::avro::Plan::lenient(&link(r#",{"name":"more","type":"int"}"#), &link(""));
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let read = move || {
        let read = plan.read(Reader::new(&[2; 500]), |planned| planned.datum::<Link<30_000>>());
        read.map(drop).unwrap_err()
    };
    let error = thread.spawn(read).unwrap().join().unwrap();
    assert!(error.message.contains("of the stack"), "{error}");
}

#[test]
fn a_plan_that_is_not_the_types_is_an_error() {
    let parse = |text: &str| crate::avro::Schema::parse(text, &[]).unwrap();
    let plan = crate::avro::Plan::lenient(&parse("\"int\""), &parse("\"double\""));
    let read = plan.read(Reader::new(&[2]), |planned| planned.string());
    assert!(read.unwrap_err().message.contains("not of the schema"));
}

#[test]
fn decimals() {
    let mut writer = Writer::new();
    writer.decimal_bytes(Decimal::new(15, 1), 2).unwrap();
    writer.decimal_fixed(Decimal::new(-1, 0), 4, 0).unwrap();
    let refused = |written: std::result::Result<(), DecimalError>| written.unwrap_err().to_string();
    assert_eq!(
        refused(writer.decimal_bytes(Decimal::new(155, 2), 1)),
        "the decimal has more than 1 fraction digits"
    );
    assert_eq!(
        refused(writer.decimal_fixed(Decimal::new(256, 0), 1, 0)),
        "the decimal has more than 8 bits"
    );
    let bytes = writer.into_bytes();
    assert_eq!(bytes, [4, 0, 150, 255, 255, 255, 255]);
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.decimal_bytes(2).unwrap().to_string(), "1.50");
    assert_eq!(reader.decimal_fixed(4, 0).unwrap().to_string(), "-1");
    assert_eq!(
        Reader::new(&[0]).decimal_bytes(2),
        Ok(Decimal::new(0, 2)),
        "no bytes are zero"
    );
    reader.finish().unwrap();
}

#[test]
fn decimals_of_every_length() {
    for bits in 0..127u32 {
        for value in [1i128 << bits, (1 << bits) - 1, -(1 << bits), -(1 << bits) - 1] {
            let mut writer = Writer::new();
            writer.decimal(&Decimal::new(value, 3));
            let bytes = writer.into_bytes();
            assert_eq!(bytes[1..], Decimal::new(value, 3).to_be_bytes(), "{value}");
            assert_eq!(Reader::new(&bytes).decimal_bytes(3), Ok(Decimal::new(value, 3)));
            let mut writer = Writer::new();
            writer.decimal_padded(&Decimal::new(value, 3), 20);
            let padded = writer.into_bytes();
            assert_eq!(padded.len(), 20);
            assert_eq!(
                Reader::new(&padded).decimal_fixed(20, 3),
                Ok(Decimal::new(value, 3))
            );
        }
    }
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
        prop_assert_eq!(reader.map(Source::int)?, map);
        reader.finish()?;
    }

    #[test]
    fn numbers_of_every_length(shift in 0u32..64, bits: i64, behind: Vec<u8>) {
        let value = bits >> shift;
        let mut writer = Writer::new();
        writer.long(value);
        let length = writer.len();
        let mut plain = Vec::new();
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            plain.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        plain.push(rest as u8);
        prop_assert_eq!(writer.clone().into_bytes(), plain);
        let bytes = [writer.into_bytes(), behind].concat();
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.long()?, value);
        prop_assert_eq!(reader.position(), length);
        for end in 0..length {
            prop_assert!(Reader::new(&bytes[..end]).long().is_err());
        }
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>) {
        let _ = Reader::new(&bytes).int();
        let _ = Reader::new(&bytes).string();
        let _ = Reader::new(&bytes).array(|reader| reader.map(Source::bytes));
    }

    #[test]
    fn a_string_is_passed_over_or_refused_as_it_is_read(bytes in strings()) {
        let mut writer = Writer::new();
        writer.bytes(&bytes);
        let body = writer.into_bytes();
        let wanted = Reader::new(&body).str().map(str::to_owned);
        let (mut reader, mut passing) = (Reader::new(&body), Reader::new(&body));
        prop_assert_eq!(reader.string(), wanted.clone());
        prop_assert_eq!(passing.pass_str(), wanted.map(drop));
        prop_assert_eq!(reader.position(), passing.position());
    }

    #[test]
    fn short_decimals_are_what_long_ones_are(bytes in prop::collection::vec(any::<u8>(), 0..10)) {
        let mut writer = Writer::new();
        writer.bytes(&bytes);
        let body = writer.into_bytes();
        let mut reader = Reader::new(&body);
        prop_assert_eq!(
            reader.decimal::<18, 2>().map_err(|fault| fault.message().to_owned()),
            crate::Exact::from_be_bytes(&bytes)
        );
        prop_assert_eq!(reader.finish(), Ok(()));
        prop_assert_eq!(
            Reader::new(&body).decimal::<40, 2>().map_err(|fault| fault.message().to_owned()),
            crate::Exact::from_be_bytes(&bytes)
        );
        let is_cut_off = |end| Reader::new(&body[..end]).decimal::<18, 2>().is_err();
        prop_assert!((0..body.len()).all(is_cut_off));
    }
}

/// Bytes that are text, and bytes that nearly are.
fn strings() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof!["[a-z ]{0,40}", any::<String>()];
    let spoilt = (text, any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    spoilt.prop_map(|(text, at, byte, is_spoilt)| {
        let mut bytes = text.into_bytes();
        if is_spoilt && !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

#[cfg(feature = "uuid")]
proptest! {
    #[test]
    fn uuids_are_the_uuid_crates(number: u128, at in 0usize..36, letter in "[0-9a-gA-G:/`{-]") {
        let uuid = uuid::Uuid::from_u128(number);
        let mut writer = Writer::new();
        writer.uuid(uuid);
        let mut body = writer.into_bytes();
        prop_assert_eq!(String::from_utf8_lossy(&body[1..]), uuid.to_string());
        prop_assert_eq!(Reader::new(&body).uuid(), Ok(uuid));
        body[1 + at] = letter.as_bytes()[0];
        let text = std::str::from_utf8(&body[1..]).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(Reader::new(&body).uuid().ok(), uuid::Uuid::try_parse(text).ok());
    }
}
