//! Events read from writers of every kind: the same schema, an older one, one nobody here has seen, none at all.

use annals_schema_model::avro::wire;
use annals_schema_model::envelope::SchemaKey;
use annals_schema_model::{
    DecodeError, EventSet, Exact, Raw, Schema, SchemaId, SchemaType, Seen, Unresolved,
};
use prost::Message;

use crate::events::park::notes::{Note, note};
use crate::events::park::zoo::{Closed, Everything, EverythingChoice, Food, v1};
use crate::events::{NotesEvent, SCHEMAS, ZooEvent};
use crate::one::One;
use crate::round_trip::everything;

pub(crate) fn read<E: EventSet>(
    kind: SchemaType,
    text: &str,
    id: u32,
    body: &[u8],
) -> Result<Seen<E>, DecodeError> {
    let raw = Raw {
        schema: SchemaId::new(id).unwrap(),
        body,
    };
    E::decode(&raw, &One::new(Schema::parse(kind, text, &[]).unwrap()))
}

fn zoo(text: &str, body: &[u8]) -> Result<Seen<ZooEvent>, DecodeError> {
    read(SchemaType::Avro, text, 1, body)
}

#[test]
fn the_same_schema_however_it_is_laid_out() {
    let minified = Schema::parse(SchemaType::Avro, Everything::SCHEMA, &[])
        .unwrap()
        .stored_text();
    for text in [Everything::SCHEMA, &minified] {
        let seen = zoo(text, &everything().encode().unwrap());
        assert_eq!(seen, Ok(Seen::Known(ZooEvent::Everything(everything()))));
    }
}

#[test]
fn an_older_version_is_filled_with_defaults() {
    let old = v1::Everything {
        count: 7,
        price: Exact::new("12.34".parse().unwrap()).unwrap(),
        dropped: "gone".to_owned(),
    };
    let Ok(Seen::Known(ZooEvent::Everything(read))) = zoo(v1::Everything::SCHEMA, &old.encode()) else {
        panic!("version 1 is readable");
    };
    assert_eq!((read.count, read.price.to_string()), (7, "12.34".to_owned()));
    assert_eq!((read.yes, read.raw, read.md5.0), (true, vec![255], *b"abc"));
    assert_eq!((read.maybe, read.maybe_last), (None, Some("first".to_owned())));
    assert_eq!(read.choice, Some(EverythingChoice::String("bread".to_owned())));
    assert_eq!(read.weight.to_string(), "0.001");
    assert_eq!(read.day.to_string(), "1969-12-31");
}

#[test]
fn a_writer_nobody_has_seen_before() {
    let text = r#"{"type": "record", "name": "Everything", "namespace": "park.zoo", "fields": [
        {"name": "news", "type": {"type": "array", "items": "string"}},
        {"name": "foods", "type": {"type": "array", "items":
            {"type": "enum", "name": "Food", "symbols": ["moss", "fish"]}}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "count", "type": "int"}
    ]}"#;
    let mut writer = wire::Writer::new();
    writer.array(&["unheard of"], |writer, text| writer.string(text));
    writer.array(&[0, 1], |writer, index| writer.enum_index(*index));
    writer.bytes(&[1, 0]);
    writer.int(-3);
    let Ok(Seen::Known(ZooEvent::Everything(read))) = zoo(text, &writer.into_bytes()) else {
        panic!("it is readable");
    };
    assert_eq!((read.count, read.price.to_string()), (-3, "2.56".to_owned()));
    // The reader's default stands in for a symbol it does not know.
    assert_eq!(read.foods, [Food::Hay, Food::Fish]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let check = |text: &str, body: &[u8], expected: &str| {
        let error = zoo(text, body).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    let other = |fields: &str| {
        format!(r#"{{"type": "record", "name": "park.zoo.Everything", "fields": [{fields}]}}"#)
    };
    check(
        &other(r#"{"name": "price", "type": "double"}, {"name": "count", "type": "string"}"#),
        &[0, 0, 0, 0, 0, 0, 0, 0, 2, b'x'],
        "park.zoo.Everything (schema id 1): count: found string, the reader expects long (byte 8)",
    );
    check(
        &v1::Everything::SCHEMA.replace("\"scale\": 2", "\"scale\": 4"),
        &[2, 0, 0],
        "park.zoo.Everything (schema id 1): price: the writer's decimal has the scale 4, the reader's has 2 (byte 1)",
    );
    check(
        Closed::SCHEMA,
        &[1],
        "park.zoo.Closed (schema id 1): 1 bytes are left over after the value's end at byte 0 (byte 0)",
    );
    check(
        v1::Everything::SCHEMA,
        &[2],
        "park.zoo.Everything (schema id 1): price: a length is cut off: the payload ends at byte 1 (byte 1)",
    );
    check(
        "{\"type\": \"record\", \"name\": \"park.zoo.Closed\", \"fields\": [{\"name\": \"a\", \"type\": \"int\"}]}",
        &[],
        "park.zoo.Closed (schema id 1): a: an int is cut off: the payload ends at byte 0 (byte 0)",
    );
    let unregistered = read::<ZooEvent>(SchemaType::Avro, Closed::SCHEMA, 2, &[]);
    assert_eq!(
        unregistered,
        Err(DecodeError::Schema {
            schema: SchemaKey::Id(SchemaId::new(2).unwrap()),
            why: Unresolved::Unregistered,
        })
    );
    assert_eq!(
        unregistered.unwrap_err().to_string(),
        "schema id 2 is not registered"
    );
}

#[test]
fn kinds_are_told_by_name_and_alias() {
    let record = |name: &str| format!(r#"{{"type": "record", "name": "{name}", "fields": []}}"#);
    assert_eq!(
        zoo(&record("park.zoo.Shut"), &[]),
        Ok(Seen::Known(ZooEvent::Closed(Closed {})))
    );
    assert_eq!(zoo(&record("park.zoo.Opened"), &[]), Ok(Seen::UnknownKind));
    assert_eq!(zoo("\"string\"", &[0]), Ok(Seen::UnknownKind));
}

#[test]
fn protobuf_events() {
    let notes = |text: &str, body: &[u8]| read::<NotesEvent>(SchemaType::Protobuf, text, 1, body);
    let alarm = note::Alarm {
        level: note::Level::High.into(),
        cage: Some("7".to_owned()),
    };
    let event = NotesEvent::new(
        note::Content::Alarm(alarm),
        Note {
            keeper: "k".to_owned(),
            ..Note::default()
        },
    );
    let body = event.body();
    assert_eq!(notes(NotesEvent::SCHEMA, &body), Ok(Seen::Known(event)));

    let newer = NotesEvent::SCHEMA.replace("Alarm alarm = 5;", "Alarm alarm = 5; string drawing = 9;");
    let drawing = [0, 9 << 3 | 2, 1, b'd'];
    assert_eq!(notes(&newer, &drawing), Ok(Seen::UnknownKind));
    assert_eq!(
        notes(NotesEvent::SCHEMA, &[4, 0, 0]),
        Ok(Seen::UnknownKind),
        "a nested message is another kind"
    );
    assert_eq!(
        notes(NotesEvent::SCHEMA, &[2, 16]),
        Ok(Seen::UnknownKind),
        "there is no such message"
    );
    assert!(
        notes(NotesEvent::SCHEMA, &[0, 255])
            .unwrap_err()
            .to_string()
            .starts_with("park.notes.Note (schema id 1): ")
    );
    assert!(Note::decode(&body[1..]).is_ok());
}

#[test]
fn every_schema_is_listed_with_older_versions_first() {
    let listed: Vec<_> = SCHEMAS
        .iter()
        .map(|listed| (listed.subject, listed.version, listed.schema_type.name()))
        .collect();
    assert_eq!(
        listed,
        [
            ("notes-value", 1, "PROTOBUF"),
            ("zoo-park.zoo.Closed", 1, "AVRO"),
            ("zoo-park.zoo.Everything", 1, "AVRO"),
            ("zoo-park.zoo.Everything", 2, "AVRO"),
        ]
    );
    assert_eq!(SCHEMAS[3].text, Everything::SCHEMA);
}
