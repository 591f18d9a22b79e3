//! Topics whose schema is no record at its top: a union, each of whose branches is an event, or a type without a name.

use std::collections::BTreeMap;

use annals_schema_model::avro::wire::Writer;
use annals_schema_model::{EventSet, Reading, Schema, SchemaId, SchemaType, Seen, Walk};

use crate::foreign_writers::read;
use crate::one::One;
use crate::sets::generated::lab::Sample;
use crate::sets::generated::sales::{Alarm, Carrier, Paid, PaidRef, Placed, Shipped, v1};
use crate::sets::generated::{
    HappenedEvent, HappenedValueAmount, HappenedValueArray, HappenedValueArrayItem, HappenedValueLong,
    HappenedValueMap, HappenedValueNull, HappenedValueString, ReferringEvent, SCHEMAS, SamplesEvent,
    SamplesValue, SamplesValueRef, TurnedEvent, geo,
};

/// Older totals were in whole euros.
impl From<v1::Placed> for Placed {
    fn from(old: v1::Placed) -> Placed {
        Placed {
            total: i64::from(old.total) * 100,
            note: Some("was in euros".to_owned()),
        }
    }
}

fn seen(text: &str, body: &[u8]) -> Result<Seen<HappenedEvent>, String> {
    read(SchemaType::Avro, text, 1, body).map_err(|error| error.to_string())
}

fn known(event: impl Into<HappenedEvent>) -> Result<Seen<HappenedEvent>, String> {
    Ok(Seen::Known(event.into()))
}

fn paid() -> Paid {
    Paid { by: "Ada".to_owned() }
}

/// One of each branch, in the order of the schema.
fn all() -> [HappenedEvent; 10] {
    let items = [
        None,
        Some(HappenedValueArrayItem::Int(-1)),
        Some(HappenedValueArrayItem::String("x".to_owned())),
    ];
    let inner = Shipped {
        with: Carrier::Road,
        then: None,
    };
    [
        HappenedValueNull::default().into(),
        Placed { total: 7, note: None }.into(),
        paid().into(),
        Shipped {
            with: Carrier::Rail,
            then: Some(Box::new(inner)),
        }
        .into(),
        Alarm::Water.into(),
        HappenedValueAmount {
            value: "-12.50".parse().unwrap(),
        }
        .into(),
        HappenedValueLong { value: -1 }.into(),
        HappenedValueString {
            value: "s".to_owned(),
        }
        .into(),
        HappenedValueArray { value: items.into() }.into(),
        HappenedValueMap {
            value: BTreeMap::from([("k".to_owned(), paid())]),
        }
        .into(),
    ]
}

#[test]
fn every_branch_is_an_event_behind_its_index() {
    let text = all()[0].schema().text;
    let schema = Schema::parse(SchemaType::Avro, text, &[]).unwrap();
    let (id, registry) = (SchemaId::new(1).unwrap(), One::new(schema.clone()));
    for (index, event) in all().into_iter().enumerate() {
        let (name, body) = event.encode().unwrap();
        assert_eq!(name, HappenedEvent::READER[index].0);
        assert_eq!((event.subject(), event.version()), ("happened-value", 2));
        assert_eq!(body[0], u8::try_from(2 * index).unwrap());
        Walk::new(&schema).check(&body).unwrap();
        Reading::of(&schema).read(&body).unwrap();
        let record = event.to_record(&id).unwrap();
        assert_eq!(
            HappenedEvent::from_record(&record, &registry),
            Ok(Seen::Known(event))
        );
    }
    let fingerprints: Vec<_> = HappenedEvent::READER.iter().map(|(_, of)| *of).collect();
    assert_eq!(fingerprints, [schema.fingerprint(); 10]);
}

#[test]
fn a_branch_alone_is_a_payload_as_well() {
    let mut body = vec![9];
    paid().encode_into(&mut body);
    assert_eq!(body, [&[9, 4][..], &[6], b"Ada"].concat());
    assert_eq!(Paid::decode(&body[1..]), Ok(paid()));
    let lent = PaidRef::decode(&body[1..]).unwrap();
    assert_eq!((lent.by, lent.to_owned()), ("Ada", paid()));
    let refused = |body: &[u8]| Paid::decode(body).unwrap_err().to_string();
    assert_eq!(
        refused(&[2, 0]),
        "the payload is of branch 1 of the union, not of branch 2"
    );
    assert_eq!(
        refused(&[4, 6, b'A']),
        PaidRef::decode(&[4, 6, b'A']).unwrap_err().to_string()
    );
    assert!(
        refused(&[4, 6, b'A']).starts_with("by: "),
        "{}",
        refused(&[4, 6, b'A'])
    );
    assert!(refused(&[]).starts_with("a long is cut off"), "{}", refused(&[]));
}

#[test]
fn what_other_writers_wrote_is_told_by_the_name_of_its_branch() {
    let record =
        |name: &str, fields: &str| format!(r#"{{"type": "record", "name": "{name}", "fields": [{fields}]}}"#);
    let by = r#"{"name": "by", "type": "string"}"#;
    let total = r#"{"name": "total", "type": "int"}"#;
    // Branches in another order, one that is gone, and one of the form of another under a name of its own.
    let text = format!(
        r#"[{}, "int", {}, "bytes", {}, {}]"#,
        record("sales.Refunded", by),
        record(
            "sales.Paid",
            &format!(r#"{{"name": "at", "type": "long"}}, {by}"#)
        ),
        record("moved.Placed", total),
        r#"{"type": "enum", "name": "sales.Alarm", "symbols": ["SMOKE", "FIRE"]}"#,
    );
    let check = |body: &[u8], expected: Result<Seen<HappenedEvent>, String>| {
        assert_eq!(seen(&text, body), expected, "{body:?}");
    };
    check(&[0, 2, b'x'], Ok(Seen::UnknownKind));
    check(&[2, 5], known(HappenedValueLong { value: -3 }));
    check(&[4, 9, 6, b'A', b'd', b'a'], known(paid()));
    check(
        &[6, 2, b'b'],
        known(HappenedValueString {
            value: "b".to_owned(),
        }),
    );
    // It is no version that is upcast, only alike.
    check(&[8, 4], known(Placed { total: 2, note: None }));
    check(&[10, 2], known(Alarm::Fire));
    check(&[10, 0], known(Alarm::Unknown("SMOKE")));

    // Two branches of one writer that are one here: each is read as what it is.
    let numbers = r#"["int", "long"]"#;
    assert_eq!(seen(numbers, &[0, 5]), known(HappenedValueLong { value: -3 }));
    let far = [&[2], &[0xfe; 9][..], &[1]].concat();
    assert_eq!(seen(numbers, &far).map(|seen| seen.known().is_some()), Ok(true));
    assert!(seen(numbers, &[&[0], &far[1..]].concat()).is_err());

    // One type that became a branch.
    assert_eq!(
        seen(&record("sales.Paid", by), &[6, b'A', b'd', b'a']),
        known(paid())
    );
    assert_eq!(seen("\"int\"", &[5]), known(HappenedValueLong { value: -3 }));
    assert_eq!(seen("\"double\"", &[0; 8]), Ok(Seen::UnknownKind));
}

#[test]
fn a_branch_of_a_known_version_is_what_a_field_would_take_it_for() {
    let mut texts = SCHEMAS.iter().filter(|listed| listed.subject == "turned-value");
    let (old, new) = (texts.next().unwrap().text, texts.next().unwrap().text);
    let parsed = |text: &str| annals_schema_model::avro::Schema::parse(text, &[]).unwrap();
    let plan = annals_schema_model::avro::Plan::resolve(&parsed(old), &parsed(new)).unwrap();
    for body in [&[0, 2, b'x'][..], &[2, 5]] {
        let Ok(Seen::Known(event)) = read::<TurnedEvent>(SchemaType::Avro, old, 1, body) else {
            panic!("{body:?}");
        };
        let mut field = Vec::new();
        plan.translate(body, &mut field).unwrap();
        assert_eq!(event.body(), field, "{body:?}");
    }
    // Nobody knows who this is.
    let stranger = old.replace("turn.m", "turn.z");
    let seen = read::<TurnedEvent>(SchemaType::Avro, &stranger, 1, &[0, 2, b'x']);
    assert_eq!(seen, Ok(Seen::UnknownKind));
}

#[test]
fn a_branch_that_became_the_only_type_is_read() {
    let text = r#"["null", {"type": "array", "items": "lab.Sample"}, {"type": "record", "name": "lab.Sample", "fields": []}]"#;
    let text = text.replace("\"lab.Sample\"}, ", "\"string\"}, ");
    let check = |body: &[u8], expected: Seen<SamplesEvent>| {
        assert_eq!(read(SchemaType::Avro, &text, 1, body), Ok(expected), "{body:?}");
    };
    check(&[0], Seen::UnknownKind);
    check(&[2, 0], Seen::Known(SamplesValue::default().into()));
    check(&[4], Seen::UnknownKind);
}

#[test]
fn a_branch_of_an_old_version_is_upcast_where_it_changed() {
    let old = SCHEMAS
        .iter()
        .find(|listed| listed.subject == "happened-value")
        .unwrap();
    let placed = v1::Placed { total: 3 };
    let was = Some("was in euros".to_owned());
    assert_eq!(placed.encode(), [0, 6]);
    assert_eq!(
        seen(old.text, &placed.encode()),
        known(Placed {
            total: 300,
            note: was
        })
    );
    assert_eq!(seen(old.text, &[2, 6, b'A', b'd', b'a']), known(paid()));
}

#[test]
fn what_does_not_read_is_said_with_its_branch_and_its_byte() {
    let text = all()[0].schema().text;
    let refused = |text: &str, body: &[u8]| seen(text, body).unwrap_err();
    let check = |text: &str, body: &[u8], expected: &str| assert_eq!(refused(text, body), expected);
    check(
        text,
        &[20],
        "schema id 1: union branch 10 does not exist, the schema has 10 (byte 0)",
    );
    check(
        text,
        &[1],
        "schema id 1: union branch -1 does not exist, the schema has 10 (byte 0)",
    );
    check(
        text,
        &[],
        "schema id 1: union branch is cut off: the payload ends at byte 0 (byte 0)",
    );
    check(
        text,
        &[2, 0, 4],
        "sales.Placed (schema id 1): note: union branch 2 does not exist, the schema has 2 (byte 2)",
    );
    let other = r#"["int", {"type": "record", "name": "sales.Placed", "fields": [{"name": "total", "type": "string"}]}]"#;
    check(
        other,
        &[2, 0],
        "sales.Placed (schema id 1): total: found string, the reader expects long (byte 1)",
    );
    check(
        text,
        &[0, 0],
        "schema id 1: 1 bytes are left over after the value's end at byte 1 (byte 1)",
    );
    // Deeper than its own reader follows, from whomever.
    let mut deep = vec![6];
    (0..300).for_each(|_| deep.extend([0, 2]));
    assert!(refused(text, &deep).contains("deep"), "{}", refused(text, &deep));
    let endless = (0..300).fold(None, |then, _| {
        Some(Box::new(Shipped {
            with: Carrier::Rail,
            then,
        }))
    });
    assert!(HappenedEvent::from(*endless.unwrap()).encode().is_err());
    assert!(HappenedEvent::from(Alarm::Unknown("SMOKE")).encode().is_err());
}

#[test]
fn a_type_without_a_name_is_the_event_of_its_topic() {
    let samples = SamplesValue {
        value: vec![Sample {
            at: 0.5,
            label: "s".to_owned(),
        }],
    };
    let event = SamplesEvent::from(samples.clone());
    let (name, body) = event.encode().unwrap();
    let mut written = Writer::new();
    written.array(&samples.value, |to, sample| {
        to.double(sample.at);
        to.string(&sample.label);
    });
    assert_eq!((name, &body), ("array", &written.into_bytes()));
    assert_eq!(SamplesValueRef::decode(&body).unwrap().to_owned(), samples);
    let seen = read(SchemaType::Avro, SamplesValue::SCHEMA, 1, &body);
    assert_eq!(seen, Ok(Seen::Known(event)));
    let wrong = SamplesValue::decode(&[2, 0]).unwrap_err();
    assert_eq!(wrong.path, "[0].at", "{wrong}");
}

#[test]
fn branches_of_other_files_are_their_types() {
    let point = geo::Point { lat: 1.5, lon: -2.0 };
    let event = ReferringEvent::from(point);
    assert_eq!(event.body()[0], 0);
    let references: Vec<&str> = event.schema().references.iter().map(|(name, ..)| *name).collect();
    assert_eq!(references, ["geo.Area", "geo.Point"]);
    let area = geo::Area::default();
    assert_eq!(area.encode()[0], 2);
    assert_eq!(geo::Area::decode(&area.encode()), Ok(area));
}
