//! Which event a message is: where a topic's events are the members of one message, its first oneof tells them apart.

use prost_reflect::{DynamicMessage, MessageDescriptor, OneofDescriptor};

use super::Schema;
use crate::envelope;

impl Schema {
    /// The name of the event that a payload is: the set member of the message's first oneof; the message's own where
    /// it has none, or none is set. Nothing where the payload is of no message of the file.
    pub(crate) fn event_name(&self, body: &[u8]) -> Option<String> {
        let (indexes, body) = envelope::read_message_indexes(body).ok()?;
        let descriptor = self.message(&indexes)?;
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
}

/// The oneof that tells a message's events apart: its first that is not there for a proto3 `optional`.
#[must_use]
pub fn kind_oneof(message: &MessageDescriptor) -> Option<OneofDescriptor> {
    message.oneofs().find(|oneof| !oneof.is_synthetic())
}
