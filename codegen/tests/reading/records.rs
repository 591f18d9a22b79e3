//! Events to records and back: what a producer and a consumer call.

use std::sync::Arc;

use annals_schema_model::envelope::{self, EnvelopeError, SchemaKey};
use annals_schema_model::{
    DecodeError, EncodeError, EventSet, Identify, Resolve, Schema, SchemaId, SchemaVersion, Seen, Unresolved,
    Writer,
};

use crate::events::park::notes::{Note, note};
use crate::events::park::zoo::Closed;
use crate::events::{NotesEvent, SCHEMAS, ZooEvent};
use crate::round_trip::everything;

/// Every schema there is, by its place: ids from 1, guids of one byte repeated.
struct All;

impl Resolve for All {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let listed = SCHEMAS
            .get(id.get() as usize - 1)
            .ok_or(Unresolved::Unregistered)?;
        let schema = Schema::parse(listed.schema_type, listed.text, &[]).unwrap();
        Ok(Arc::new(Writer::new(id, schema)))
    }

    fn id_of(&self, guid: [u8; 16]) -> Result<SchemaId, Unresolved> {
        SchemaId::new(guid[0].into()).ok_or(Unresolved::Unregistered)
    }
}

impl Identify for All {
    fn id(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        let place = SCHEMAS.iter().position(|listed| listed == schema);
        let id = u32::try_from(place.unwrap() + 1).unwrap();
        Ok(SchemaId::new(id).unwrap())
    }
}

/// Nobody is there.
struct Down;

impl Identify for Down {
    fn id(&self, _: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        Err(Unresolved::Unanswered("it is down".to_owned()))
    }
}

fn alarm() -> NotesEvent {
    let alarm = note::Alarm {
        level: note::Level::High.into(),
        cage: Some("7".to_owned()),
    };
    NotesEvent::new(note::Content::Alarm(alarm), Note::default())
}

#[test]
fn what_is_written_is_read() {
    for event in [ZooEvent::from(everything()), Closed {}.into()] {
        let record = event.to_record(&All).unwrap();
        assert_eq!(ZooEvent::from_record(&record, &All), Ok(Seen::Known(event)));
    }
    let record = alarm().to_record(&All).unwrap();
    assert_eq!(record[..6], [0, 0, 0, 0, 1, 0]);
    assert_eq!(NotesEvent::from_record(&record, &All), Ok(Seen::Known(alarm())));
    assert_eq!(ZooEvent::from_record(&record, &All), Ok(Seen::UnknownKind));
    assert_eq!(
        NotesEvent::from_record(&record, &All).unwrap().known(),
        Some(alarm())
    );
}

#[test]
fn a_header_names_the_schema_before_the_value_does() {
    let (_, body) = ZooEvent::from(everything()).encode().unwrap();
    let guid = [&[1][..], &[4; 16]].concat();
    let read = ZooEvent::from_headed(Some(&guid), &body, &All);
    assert_eq!(read, Ok(Seen::Known(everything().into())));
    // Protobuf's message indexes stand in the header as well.
    let (_, body) = alarm().encode().unwrap();
    let guid = [&[1][..], &[1; 16], &[0]].concat();
    let read = NotesEvent::from_headed(Some(&guid), &body[1..], &All);
    assert_eq!(read, Ok(Seen::Known(alarm())));
    let value = alarm().to_record(&All).unwrap();
    assert_eq!(
        NotesEvent::from_headed(None, &value, &All),
        Ok(Seen::Known(alarm()))
    );
    let unknown = ZooEvent::from_headed(Some(&[&[1][..], &[9; 16]].concat()), &body, &All);
    assert_eq!(
        unknown.unwrap_err().to_string(),
        format!("schema guid {} is not registered", "09".repeat(16))
    );
}

#[test]
fn what_went_wrong_can_be_told_apart() {
    let read = |value: &[u8]| ZooEvent::from_record(value, &All).unwrap_err();
    assert_eq!(read(b"{}"), DecodeError::Envelope(EnvelopeError::Magic(b'{')));
    let mut value = Vec::new();
    envelope::write(SchemaId::new(9).unwrap(), &mut value);
    let unregistered = DecodeError::Schema {
        schema: SchemaKey::Id(SchemaId::new(9).unwrap()),
        why: Unresolved::Unregistered,
    };
    assert_eq!(read(&value), unregistered);
    assert!(matches!(read(&[0, 0, 0, 0, 3]), DecodeError::Payload(_)));
    let unwritten = ZooEvent::from(Closed {}).to_record(&Down).unwrap_err();
    let why = Unresolved::Unanswered("it is down".to_owned());
    let subject = "zoo-park.zoo.Closed";
    assert_eq!(
        unwritten,
        EncodeError::Schema {
            subject,
            version: 1,
            why
        }
    );
    assert_eq!(
        unwritten.to_string(),
        "version 1 of subject zoo-park.zoo.Closed cannot be asked for: it is down"
    );
}
