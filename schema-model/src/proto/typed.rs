//! Generated types: how events are written, and which message a writer wrote.
//!
//! Invariant: the message is told by the writer's schema and the indexes in the body, never by the reader's; a writer's
//! file may have its messages in another order. Its fields are read by their numbers, as they are.

use prost_reflect::{MessageDescriptor, prost::Message};

use crate::{DecodeError, EncodeError, Raw, Resolve, Schema, SchemaId, envelope};

/// The body of a message: which one it is of its file, and itself.
///
/// ```
/// use annals_schema_model::proto;
///
/// assert_eq!(proto::body(&[0], &7u32), [0, 8, 7]);
/// assert_eq!(proto::body(&[2, 1], &7u32), [4, 4, 2, 8, 7]);
/// ```
#[must_use]
pub fn body<M: Message>(indexes: &[i32], message: &M) -> Vec<u8> {
    // Indexes are a byte each, but for files of more than 63 messages.
    let mut body = Vec::with_capacity(1 + indexes.len() + message.encoded_len());
    envelope::write_message_indexes(indexes, &mut body);
    message.encode_raw(&mut body);
    body
}

/// A body, if it can be read: a message that can hold itself may do so more often than readers follow it.
///
/// # Errors
/// When nobody would read it.
pub fn readable<M: Message + Default>(body: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
    let message = envelope::read_message_indexes(&body).map(|(_, message)| message);
    // Only how deep it is can be wrong with what was written just now.
    match M::decode(message.unwrap_or_default()) {
        Ok(_) => Ok(body),
        Err(error) => Err(EncodeError::Payload(format!(
            "the event could not be read: {error}"
        ))),
    }
}

/// A message as somebody wrote it.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    id: SchemaId,
    message: MessageDescriptor,
    bytes: &'a [u8],
}

impl<'a> Written<'a> {
    /// Finds out which message an event is; nothing when its schema has none there, or is no Protobuf.
    ///
    /// # Errors
    /// When nobody knows the schema, or the message indexes are malformed.
    pub fn of(raw: &Raw<'a>, resolve: &dyn Resolve) -> Result<Option<Written<'a>>, DecodeError> {
        let (id, writer) = (raw.schema, raw.writer(resolve)?);
        // A build may know Protobuf alone.
        #[allow(irrefutable_let_patterns)]
        let Schema::Proto(schema) = &writer.schema else {
            return Ok(None);
        };
        let (indexes, bytes) = envelope::read_message_indexes(raw.body)
            .map_err(|error| DecodeError::Payload(format!("schema id {id}: {error}")))?;
        let message = schema.message(&indexes);
        Ok(message.map(|message| Written { id, message, bytes }))
    }

    /// The message's full name in the writer's schema.
    #[must_use]
    pub fn name(&self) -> &str {
        self.message.full_name()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn read<M: Message + Default>(&self) -> Result<M, DecodeError> {
        M::decode(self.bytes).map_err(|error| {
            DecodeError::Payload(format!("{} (schema id {}): {error}", self.name(), self.id))
        })
    }
}
