//! Random messages and random bytes against the reflection crate's own decoder.

use std::sync::Arc;

use annals_schema_model::{
    Value,
    proto::{Reading, Schema, Walk},
};
use proptest::{collection::vec, option, prelude::*};
use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage,
    Value as Other, prost::Message,
};

use super::{rich, schema};

fn scalar(kind: &Kind, depth: u32) -> BoxedStrategy<Other> {
    match kind {
        Kind::Double => any::<f64>().prop_map(Other::F64).boxed(),
        Kind::Float => any::<f32>().prop_map(Other::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Other::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Other::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Other::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Other::U64).boxed(),
        Kind::Bool => any::<bool>().prop_map(Other::Bool).boxed(),
        Kind::String => "\\PC{0,6}".prop_map(Other::String).boxed(),
        Kind::Bytes => vec(any::<u8>(), 0..6)
            .prop_map(|bytes| Other::Bytes(bytes.into()))
            .boxed(),
        Kind::Enum(_) => (-2..8).prop_map(Other::EnumNumber).boxed(),
        Kind::Message(message) => dynamic(message.clone(), depth + 1)
            .prop_map(Other::Message)
            .boxed(),
    }
}

fn map_key(value: Other) -> MapKey {
    value.into_map_key().expect("a key type")
}

fn field(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Other> {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let key = scalar(&entry.map_entry_key_field().kind(), depth);
        let value = scalar(&entry.map_entry_value_field().kind(), depth);
        return vec((key.prop_map(map_key), value), 0..3)
            .prop_map(|entries| Other::Map(entries.into_iter().collect()))
            .boxed();
    }
    match field.cardinality() {
        Cardinality::Repeated => vec(scalar(&field.kind(), depth), 0..3)
            .prop_map(Other::List)
            .boxed(),
        _ => scalar(&field.kind(), depth),
    }
}

/// A random message: required fields always, others now and then, messages two levels down at most.
fn dynamic(message: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let fields: Vec<FieldDescriptor> = message.fields().collect();
    let values: Vec<BoxedStrategy<Option<Other>>> = fields
        .iter()
        .map(|descriptor| match descriptor.kind() {
            Kind::Message(_) if depth > 1 && !descriptor.is_required() => Just(None).boxed(),
            _ if descriptor.is_required() => field(descriptor, depth).prop_map(Some).boxed(),
            _ => option::weighted(0.3, field(descriptor, depth)).boxed(),
        })
        .collect();
    values
        .prop_map(move |values| {
            let mut out = DynamicMessage::new(message.clone());
            for (field, value) in fields.iter().zip(values) {
                if let Some(value) = value {
                    out.set_field(field, value);
                }
            }
            out
        })
        .boxed()
}

fn expected_scalar(value: &Other, kind: &Kind) -> Value {
    match value {
        Other::Bool(value) => Value::Bool(*value),
        Other::I32(value) => Value::Int((*value).into()),
        Other::I64(value) => Value::Int(*value),
        Other::U32(value) => Value::UInt((*value).into()),
        Other::U64(value) => Value::UInt(*value),
        Other::F32(value) => Value::Float((*value).into()),
        Other::F64(value) => Value::Float(*value),
        Other::String(value) => Value::String(value.clone()),
        Other::Bytes(value) => Value::Bytes(value.to_vec()),
        Other::EnumNumber(number) => match kind.as_enum().expect("an enum").get_value(*number) {
            Some(value) => Value::Enum(value.name().to_owned()),
            None => Value::Int((*number).into()),
        },
        Other::Message(message) => expected(message),
        Other::List(items) => Value::Array(items.iter().map(|item| expected_scalar(item, kind)).collect()),
        Other::Map(entries) => {
            let kind = kind
                .as_message()
                .expect("an entry")
                .map_entry_value_field()
                .kind();
            let entry = |(key, value): (&MapKey, &Other)| {
                let key = match expected_scalar(&key.clone().into(), &Kind::Bool) {
                    Value::String(key) => key,
                    other => other.to_json().to_string(),
                };
                (Arc::<str>::from(key), expected_scalar(value, &kind))
            };
            let mut entries: Vec<_> = entries.iter().map(entry).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Map(entries)
        }
    }
}

/// What the reading must give for a message; all types of the rich schemas declare their fields by number.
fn expected(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let fields = descriptor
        .fields()
        .filter(|field| !field.supports_presence() || message.has_field(field))
        .map(|field| {
            (
                field.name().into(),
                expected_scalar(&message.get_field(&field), &field.kind()),
            )
        })
        .collect();
    Value::Record {
        name: descriptor.full_name().into(),
        fields,
    }
}

fn body(message: &[u8]) -> Vec<u8> {
    [&[0][..], message].concat()
}

fn first(schema: &Schema) -> MessageDescriptor {
    schema.message(&[0]).expect("a message")
}

/// Whether a refusal of ours is one the other decoder lets pass: it does not ask for required fields, and it takes whatever
/// stands behind the tag of a map field for an entry, be the tag's wire type what it may. A guard refuses both.
fn only_ours(schema: &Schema, refusal: &str) -> bool {
    let all = schema.file().parent_pool().all_messages();
    let mut maps = all.flat_map(|message| message.fields().collect::<Vec<_>>());
    refusal.contains("required")
        || maps.any(|field| {
            let number = field.number();
            field.is_map()
                && (refusal.starts_with(&format!("field number {number} is written as "))
                    || refusal == format!("the end of group {number}, which is not open"))
        })
}

/// Both decoders on the same bytes; compared as text because NaN is not itself.
fn compare(schema: &Schema, bytes: &[u8]) -> Result<(), TestCaseError> {
    let walked = Walk::new(schema).check(&body(bytes));
    let read = Reading::of(schema).read(&body(bytes));
    prop_assert_eq!(walked.is_ok(), read.is_ok(), "{:?} {:?}", walked, read);
    let other = DynamicMessage::decode(first(schema), bytes);
    match (&read, &other) {
        (Ok(value), Ok(other)) => prop_assert_eq!(format!("{value:?}"), format!("{:?}", expected(other))),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => prop_assert!(
            only_ours(schema, &error.message),
            "only we refuse {:?}: {}",
            bytes,
            error
        ),
        (Ok(_), Err(error)) => prop_assert!(false, "only we accept {:?}: {}", bytes, error),
    }
    Ok(())
}

/// Messages as bytes: a failing test prints these, and not the descriptors a message hangs on, whose `Debug` has no end.
fn encoded(text: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    dynamic(first(&schema(text)), 0).prop_map(|message| message.encode_to_vec())
}

fn damaged(text: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 1..3);
    let cut = option::of(any::<prop::sample::Index>());
    (encoded(text), damage, cut).prop_map(|(mut bytes, damage, cut)| {
        if !bytes.is_empty() {
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        }
        bytes
    })
}

#[test]
fn what_the_two_differ_in() {
    let maps = schema(
        "syntax = 'proto3'; message A { map<bool, int32> m = 42; map<int32, A> n = 41; int32 a = 1; }",
    );
    let check = |bytes: &[u8], wanted: &str| {
        let error = Reading::of(&maps).read(&body(bytes)).unwrap_err();
        assert!(error.to_string().contains(wanted), "{bytes:?}: {error}");
        assert!(DynamicMessage::decode(first(&maps), bytes).is_ok(), "{bytes:?}");
        compare(&maps, bytes).unwrap();
    };
    // The tag of field 42 says 64-bit, that of field 41 the end of a group; an entry follows each.
    check(
        &[0xd1, 2, 2, 8, 1, 0xd2, 2, 2, 0x10, 2],
        "m: field number 42 is written as 64-bit",
    );
    check(&[0xcc, 2, 2, 8, 1], "the end of group 41, which is not open");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn proto3_messages_read_as_written(bytes in encoded(rich::PROTO3)) {
        compare(&schema(rich::PROTO3), &bytes)?;
    }

    #[test]
    fn proto2_messages_read_as_written(bytes in encoded(rich::PROTO2)) {
        prop_assert!(Walk::new(&schema(rich::PROTO2)).check(&body(&bytes)).is_ok());
        compare(&schema(rich::PROTO2), &bytes)?;
    }

    #[test]
    fn damaged_messages_are_judged_alike(bytes in damaged(rich::PROTO3)) {
        compare(&schema(rich::PROTO3), &bytes)?;
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..64), indexes in vec(0u8..6, 0..4)) {
        for text in [rich::PROTO3, rich::PROTO2] {
            let schema = schema(text);
            let body = [&indexes[..], &bytes].concat();
            let walked = Walk::new(&schema).check(&body);
            let read = Reading::of(&schema).read(&body);
            prop_assert_eq!(walked.is_ok(), read.is_ok());
            compare(&schema_free_of_required(), &bytes)?;
        }
    }
}

fn schema_free_of_required() -> Schema {
    schema(
        "syntax = 'proto3'; message A { int32 a = 1; repeated sint64 b = 2; string c = 3; A d = 4; map<bool, fixed32> e = 5; oneof f { bytes g = 6; A h = 7; } }",
    )
}
