//! Does a body validate? It must be one JSON text in UTF-8, nest at most 64 levels, and agree with its schema.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::{
    Schema,
    validator::{self, Failure},
};
use crate::{DEPTH_MAX, WalkError};

/// A compiled validator of one JSON Schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Walk(Arc<Result<Validator, String>>);

impl Walk {
    /// Compiles the validator. Should that fail, the walk refuses every body and says why.
    #[must_use]
    pub fn new(schema: &Schema) -> Walk {
        Walk(Arc::new(validator::build(schema)))
    }

    /// Checks a body to its last byte.
    ///
    /// # Errors
    /// [`WalkError`] names the place in the value and the keyword that refuses it.
    pub fn check(&self, body: &[u8]) -> Result<(), WalkError> {
        self.read(body).map(drop)
    }

    /// Checks a body and gives its value, and which branch at the top it is where these are events.
    pub(super) fn read(&self, body: &[u8]) -> Result<(Value, Option<usize>), WalkError> {
        let whole = |message: String| WalkError {
            path: String::new(),
            message,
        };
        let validator = self
            .0
            .as_ref()
            .as_ref()
            .map_err(|why| whole(format!("the schema does not compile: {why}")))?;
        let value = json(body).map_err(whole)?;
        let judged = validator::check(validator, &value, body.len());
        let branch = judged.map_err(|failure| match failure {
            Failure::Invalid { pointer, message } => WalkError {
                path: dotted(&pointer, &value),
                message,
            },
            Failure::TooLong(steps) => whole(format!(
                "the value takes more than {steps} steps to judge; simplify the schema's oneOf and anyOf"
            )),
        })?;
        Ok((value, branch))
    }
}

pub(super) fn json(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("the body is not UTF-8: {error}"))?;
    check_depth(text)?;
    serde_json::from_str(text).map_err(|error| format!("the body is not JSON: {error}"))
}

/// Counts brackets outside strings, before anything recurses.
pub(super) fn check_depth(text: &str) -> Result<(), String> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("the payload nests deeper than {DEPTH_MAX} levels"));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// A JSON pointer in the way paths are written here: `items[2].price`.
pub(super) fn dotted(pointer: &str, value: &Value) -> String {
    let (mut out, mut value) = (String::new(), Some(value));
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match value {
            Some(Value::Array(items)) => {
                out.push_str(&format!("[{token}]"));
                value = token.parse::<usize>().ok().and_then(|index| items.get(index));
            }
            other => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&token);
                value = other.and_then(|object| object.get(&token));
            }
        }
    }
    out
}
