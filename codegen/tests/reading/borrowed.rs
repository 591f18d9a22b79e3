//! What borrows reads and refuses what its owned type does, whoever wrote it, and holds the same.

// A field of one of the types is not to be used any more.
#![allow(deprecated)]

use annals_schema_model::avro::{Datum, DecodeError, ReadError, ReaderSchema, Schema};
use annals_schema_model::{SchemaId, Writer};

use crate::events::park::zoo::{Everything, EverythingRef, v1};
use crate::generate::Random;
use crate::payload::data;
use crate::round_trip::everything;
use crate::sets::generated::d::{Defaults, DefaultsRef};
use crate::sets::generated::k::{Kinds, KindsRef};
use crate::sets::generated::l::{R, RRef};

fn writer(text: &str) -> Writer {
    let schema = annals_schema_model::Schema::Avro(Schema::parse(text, &[]).unwrap());
    Writer::new(SchemaId::new(1).unwrap(), schema)
}

/// A body, and the same cut off or with a byte changed somewhere.
fn damaged(body: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let mut bodies = vec![body.to_vec()];
    if !body.is_empty() {
        bodies.push(body[..random.below(body.len())].to_vec());
        let mut changed = body.to_vec();
        let at = random.below(body.len());
        changed[at] = random.below(256) as u8;
        bodies.push(changed);
    }
    bodies
}

/// Reads random bodies of a writer's schema, good and bad, both ways; how many of them were read.
fn agree<T: Datum + std::fmt::Debug>(
    text: &str,
    reader: &'static ReaderSchema,
    own: impl for<'a> Fn(&'a [u8]) -> Result<T, ReadError>,
    planned: impl for<'a> Fn(&Writer, &'a [u8]) -> Result<T, DecodeError>,
) -> usize {
    let (writer, mut random, mut read) = (writer(text), Random::new(1), 0);
    let annals_schema_model::Schema::Avro(schema) = &writer.schema else {
        unreachable!("it is Avro");
    };
    for _ in 0..400 {
        let Some(body) = data(schema, &mut random, true) else {
            continue;
        };
        for body in damaged(&body, &mut random) {
            // As text: no number that is none is equal to itself.
            let text = |read: Result<T, ReadError>| format!("{read:?}");
            assert_eq!(text(own(&body)), text(reader.decode(&body)), "{body:?}");
            let wanted = reader.decode_from::<T>(&writer, &body);
            read += usize::from(wanted.is_ok());
            assert_eq!(
                format!("{:?}", planned(&writer, &body)),
                format!("{wanted:?}"),
                "{body:?}"
            );
        }
    }
    read
}

/// What is asked of a type and of the form of it that borrows.
macro_rules! agree {
    ($text:expr, $owned:ident, $borrowed:ident) => {
        agree::<$owned>(
            $text,
            $owned::reader(),
            |body| $borrowed::decode(body).map(|value| value.to_owned()),
            |writer, body| $borrowed::decode_from(writer, body).map($owned::from),
        )
    };
}

#[test]
fn what_borrows_is_what_is_owned() {
    let read = [
        agree!(Everything::SCHEMA, Everything, EverythingRef),
        agree!(Kinds::SCHEMA, Kinds, KindsRef),
        agree!(R::SCHEMA, R, RRef),
        agree!(Defaults::SCHEMA, Defaults, DefaultsRef),
    ];
    assert!(read.iter().all(|read| *read > 10), "{read:?}");
}

#[test]
fn what_borrows_from_other_writers_is_what_is_owned() {
    // What has no default, and the two whose defaults do not read.
    let few = r#"{"type": "record", "name": "Defaults", "namespace": "d", "fields": [
        {"name": "no_id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "none", "type": "string"},
        {"name": "epoch", "type": "int"},
        {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "b", "type": "int"}]}},
        {"name": "either", "type": "Inner"},
        {"name": "wrong_symbol", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "UNKNOWN"]}}
    ]}"#;
    let other_order = r#"{"type": "record", "name": "R", "namespace": "l", "fields": [
        {"name": "next", "type": ["R", "null"]}, {"name": "new", "type": "string"}, {"name": "v", "type": "int"}
    ]}"#;
    let read = [
        agree!(v1::Everything::SCHEMA, Everything, EverythingRef),
        agree!(few, Defaults, DefaultsRef),
        agree!(other_order, R, RRef),
    ];
    assert!(read[..2].iter().all(|read| *read > 100), "{read:?}");
}

#[test]
fn texts_and_bytes_are_those_of_the_payload() {
    let body = everything().encode().unwrap();
    let all = EverythingRef::decode(&body).unwrap();
    let range = body.as_ptr_range();
    assert!(range.contains(&all.keeper_id.as_ptr()) && range.contains(&all.raw.as_ptr()));
    assert_eq!(all.to_owned(), everything());
}

#[test]
fn a_list_that_is_too_long_is_refused_alike() {
    for links in [255, 256, 257, 5_000] {
        let body = [2].repeat(links);
        let borrowed = RRef::decode(&body).map(|list| list.to_owned());
        assert_eq!(borrowed, R::decode(&body), "{links}");
    }
}
