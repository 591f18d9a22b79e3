//! Values that nobody set, and symbols that the schema has not.

// One of the types is not to be used any more.
#![allow(deprecated)]

use std::collections::BTreeMap;

use annals_schema_model::avro::{self, Datum as _};
use annals_schema_model::{EventSet as _, SchemaId, SchemaType, Seen, Timestamp, uuid};
use jiff::civil::date;

use crate::foreign_writers::read;
use crate::sets::generated::d::{Color, Defaults, DefaultsEither, DefaultsOne, DefaultsOther, Hash, Inner};
use crate::sets::generated::{Closed, DefaultsEvent, Open, Painted, SymbolsEvent};

#[test]
fn a_record_begins_with_the_defaults_of_its_schema() {
    let inner = Inner {
        a: "a".to_owned(),
        b: 0,
    };
    let expected = Defaults {
        none: String::new(),
        yes: true,
        no: false,
        least: i64::MIN,
        int: -7,
        half: -0.5,
        large: 1e300,
        whole: 2.0,
        text: "say \"hi\"\n".to_owned(),
        raw: vec![0, 255],
        list: vec![1, -2],
        table: BTreeMap::from([("a".to_owned(), None)]),
        maybe: Some("first".to_owned()),
        nothing: None,
        one: Some(DefaultsOne::String("second".to_owned())),
        other: DefaultsOther::Color(Color::Unknown),
        color: Color::Unknown,
        hash: Hash(*b"ab"),
        price: "2.56".parse().unwrap(),
        id: "6f4b3bb2-6b5c-4a43-9d6c-1c1f3a8a1d11".parse().unwrap(),
        no_id: uuid::Uuid::nil(),
        day: date(1970, 1, 2),
        epoch: date(1970, 1, 1),
        at: Timestamp::from_millis(1),
        inner: inner.clone(),
        given: Inner {
            b: 2,
            ..inner.clone()
        },
        either: DefaultsEither::Inner(inner),
        wrong_symbol: Color::Red,
    };
    assert_eq!(Defaults::default(), expected);
    let some = Defaults {
        none: "n".to_owned(),
        ..Default::default()
    };
    assert_eq!(Defaults::decode(&some.encode().unwrap()), Ok(some));

    // What is read over has none of them.
    let blank = Defaults::blank();
    assert_eq!((blank.text.as_str(), blank.maybe, blank.yes), ("", None, false));
    assert_eq!(blank.either, DefaultsEither::Inner(Inner::blank()));
    assert_eq!(blank.epoch, date(1970, 1, 1));
}

#[test]
fn defaults_of_a_schema_are_what_resolution_gives() {
    // A writer of none of the fields that have a default which resolves.
    let text = r#"{"type": "record", "name": "Defaults", "fields": [{"name": "none", "type": "string"},
        {"name": "no_id", "type": "string"}, {"name": "epoch", "type": "int"}, {"name": "wrong_symbol",
        "type": {"type": "enum", "name": "Color", "symbols": ["RED"]}},
        {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "b", "type": "int"}]}},
        {"name": "either", "type": "Inner"}]}"#;
    let mut to = avro::wire::Writer::new();
    to.string("");
    to.string("00000000-0000-0000-0000-000000000000");
    (0..4).for_each(|_| to.int(0));
    let seen = read::<DefaultsEvent>(SchemaType::Avro, text, 1, &to.into_bytes());
    assert_eq!(seen, Ok(Seen::Known(DefaultsEvent::Defaults(Default::default()))));
}

/// Writers add symbols: `BLUE` to both enums.
fn painted(symbol: u8) -> Result<Painted, String> {
    let text = Painted::SCHEMA.replace("\"RED\",", "\"BLUE\", \"RED\",");
    let bytes = [symbol, symbol, 2, 2, symbol, 0];
    match read::<SymbolsEvent>(SchemaType::Avro, &text, 1, &bytes) {
        Ok(Seen::Known(SymbolsEvent::Painted(painted))) => Ok(painted),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_symbol_that_only_the_writer_knows_is_kept_where_no_default_stands_for_it() {
    let blue = painted(0).unwrap();
    let unknown = Open::Unknown("BLUE");
    assert_eq!((blue.open, blue.closed), (unknown, Closed::Other));
    assert_eq!(blue.more, [Some(unknown)]);
    assert_eq!(
        (unknown.as_str(), unknown.to_string()),
        ("BLUE", "BLUE".to_owned())
    );
    let expected = "\"BLUE\" is no symbol of Open: another writer's is read, not written";
    assert_eq!(blue.encode().unwrap_err().to_string(), expected);
    assert_eq!(
        SymbolsEvent::from(blue.clone()).encode().unwrap_err().to_string(),
        expected
    );

    let mut out = vec![9];
    assert!(blue.encode_into(&mut out).is_err());
    assert_eq!(out, [9], "nothing is left of what is refused");

    let red = painted(2).unwrap();
    red.encode_into(&mut out).unwrap();
    assert_eq!(out, [&[9][..], &red.encode().unwrap()].concat());
    let id = SchemaId::new(258).unwrap();
    let record = SymbolsEvent::from(red.clone()).to_record(&id).unwrap();
    assert_eq!(record, [&[0, 0, 0, 1, 2][..], &out[1..]].concat());
    assert_eq!((red.open, red.closed), (Open::Red, Closed::Red));
    assert_eq!(Painted::decode(&red.encode().unwrap()), Ok(red));
    let error = painted(8).unwrap_err();
    assert!(
        error.contains("open: symbol 4 does not exist, the schema has 3"),
        "{error}"
    );
}

#[test]
fn symbols_are_texts() {
    for value in Open::ALL {
        assert_eq!(value.as_str().parse(), Ok(value));
    }
    assert_eq!("light_green".parse(), Ok(Open::LightGreen));
    assert_eq!(format!("{:>5}", Closed::Red), "  RED");
    let error = "BLUE".parse::<Open>().unwrap_err();
    assert_eq!(error.to_string(), "\"BLUE\" is no symbol of Open");
}
