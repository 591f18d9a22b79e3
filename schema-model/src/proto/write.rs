//! JSON as a body, by Protobuf's own JSON mapping: the first message of the schema.

use prost_reflect::{DynamicMessage, prost::Message as _};
use serde_json::Value as Json;

use super::Schema;
use crate::{ReadError, envelope};

/// Writes a value of the schema's first message, its indexes before it.
pub(crate) fn write(schema: &Schema, json: Json) -> Result<Vec<u8>, ReadError> {
    let wrong = |message: String| ReadError::new(message);
    const FIRST: [i32; 1] = [0];
    let message = schema.message(&FIRST);
    let message = message.ok_or_else(|| wrong("the schema has no message".to_owned()))?;
    let message = DynamicMessage::deserialize(message, json).map_err(|error| wrong(error.to_string()))?;
    let mut body = Vec::with_capacity(1 + message.encoded_len());
    envelope::write_message_indexes(&FIRST, &mut body);
    body.extend(message.encode_to_vec());
    Ok(body)
}
