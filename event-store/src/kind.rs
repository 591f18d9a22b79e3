//! The name of an event: an Avro record's full name (or what else the type is called that was written, of a union the
//! branch), a JSON Schema's title, or the set member of a Protobuf message's first oneof.

use annals_schema_model::{Schema, Writer, avro, envelope, proto};
use prost_reflect::{DynamicMessage, MessageDescriptor, OneofDescriptor};

/// The event's name. A body that does not read still has the name of its schema.
pub(crate) fn event_name(writer: &Writer, body: &[u8]) -> String {
    let record_name = || {
        let name = writer.schema.record_name();
        name.unwrap_or_else(|| format!("schema id {}", writer.id))
    };
    match &writer.schema {
        Schema::Avro(_) => avro::written_name(writer, body).map_or_else(|_| record_name(), str::to_owned),
        Schema::Json(_) => record_name(),
        Schema::Proto(schema) => member_set(schema, body).unwrap_or_else(record_name),
    }
}

fn member_set(schema: &proto::Schema, body: &[u8]) -> Option<String> {
    let (indexes, body) = envelope::read_message_indexes(body).ok()?;
    let descriptor = schema.message(&indexes)?;
    let Some(oneof) = kind_oneof(&descriptor) else {
        return Some(descriptor.full_name().to_owned());
    };
    let message = DynamicMessage::decode(descriptor.clone(), body).ok()?;
    let member = oneof.fields().find(|field| message.has_field(field));
    Some(member.map_or_else(
        || descriptor.full_name().to_owned(),
        |field| field.name().to_owned(),
    ))
}

/// The oneof that tells a message's events apart: its first that is not there for a proto3 `optional`.
pub(crate) fn kind_oneof(message: &MessageDescriptor) -> Option<OneofDescriptor> {
    message.oneofs().find(|oneof| !oneof.is_synthetic())
}
