//! JSON as a body, by Protobuf's own JSON mapping.

use prost_reflect::{DynamicMessage, prost::Message as _};
use serde_json::Value as Json;

use super::Schema;
use crate::{ReadError, envelope};

/// The indexes of a file's first message.
pub(crate) const FIRST: [i32; 1] = [0];

/// Writes a value of the message of these indexes, they before it.
pub(crate) fn write(schema: &Schema, indexes: &[i32], json: Json) -> Result<Vec<u8>, ReadError> {
    let wrong = |message: String| ReadError::new(message);
    let message = schema.message(indexes);
    let message = message.ok_or_else(|| wrong("the schema has no message".to_owned()))?;
    let message = DynamicMessage::deserialize(message, json).map_err(|error| wrong(error.to_string()))?;
    let mut body = Vec::with_capacity(1 + message.encoded_len());
    envelope::write_message_indexes(indexes, &mut body);
    body.extend(message.encode_to_vec());
    Ok(body)
}
