//! Compiled files in place of text: base64 of a `FileDescriptorProto`, as serializers of client libraries send it.
//!
//! A compiled file has no layout, so its text is what it declares, printed in its order; that text is then compiled like
//! any other, and nothing else of the compiled file is kept. No text in the language is taken for a compiled file: one
//! that declares anything has a space, a brace or a semicolon, which base64 has not.

use base64::{Engine, prelude::BASE64_STANDARD};
use prost_reflect::{
    prost::Message,
    prost_types::{FieldDescriptorProto, FileDescriptorProto, field_descriptor_proto::Label},
};

use super::{
    parse::{self, Parsed},
    print,
    scan::TEXT_BYTES_MAX,
    undefined::Undefined,
    wire::Reader,
};
use crate::{ParseError, Resolved};

/// Fields of `google.protobuf.FileDescriptorProto`.
const NAME: u32 = 1;
const SOURCE_CODE_INFO: u32 = 9;
const EDITION: u32 = 14;

/// Whether a text is a compiled file.
///
/// ```
/// use annals_schema_model::proto::is_compiled;
///
/// assert!(is_compiled("CgFhYgZwcm90bzM="));
/// assert!(!is_compiled("syntax = \"proto3\";"));
/// ```
#[must_use]
pub fn is_compiled(text: &str) -> bool {
    decode(text).is_some()
}

/// The text of a compiled file, and that text compiled; `None` when it is none.
pub(super) fn read(compiled: &str, resolved: &[Resolved]) -> Option<Result<Read, ParseError>> {
    let (bytes, file) = decode(compiled)?;
    // The printer trusts what the compiler let pass, and the compiler trusts compilers.
    let text = parse::caught(|| through_text(&bytes, file, resolved)).unwrap_or_else(Err);
    Some(text.map_err(|message| ParseError::at(compiled, 0, format!("in the compiled file: {message}"))))
}

type Read = (String, Parsed);

fn through_text(bytes: &[u8], file: FileDescriptorProto, resolved: &[Resolved]) -> Result<Read, String> {
    known_syntax(bytes, &file)?;
    whole(&file)?;
    let none = Undefined::default();
    let text = print::as_declared(&parse::compiled(&file, &renamed(bytes), resolved)?, &none);
    let no_text = |why: &str| format!("what it declares has no text in the language: {why}");
    let parsed = parse::parse(&text, resolved).map_err(|error| no_text(&error.message))?;
    if print::as_declared(&parsed.file, &parsed.undefined) != text {
        return Err(no_text("read again, it says something else"));
    }
    Ok((text, parsed))
}

/// The bytes of a compiled file, and what they say.
fn decode(text: &str) -> Option<(Vec<u8>, FileDescriptorProto)> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !text.bytes().all(in_alphabet) {
        return None;
    }
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let file = FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    Some((bytes, file))
}

/// The same file under the name schemas compile under and without source positions, which mean nothing here. Bytes are
/// copied field by field, because custom options are unknown fields until their extensions are found.
fn renamed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = Reader::new(bytes);
    loop {
        let start = bytes.len() - rest.remaining();
        let Ok(Some((number, wire))) = rest.tag() else {
            break;
        };
        if rest.skip(number, wire, 0).is_err() {
            break;
        }
        let end = bytes.len() - rest.remaining();
        if number != SOURCE_CODE_INFO && number != NAME {
            out.extend_from_slice(bytes.get(start..end).unwrap_or_default());
        }
    }
    let name = FileDescriptorProto {
        name: Some(parse::MAIN.to_owned()),
        ..FileDescriptorProto::default()
    };
    out.extend(name.encode_to_vec());
    out
}

/// Editions are told by a field older descriptors do not know.
fn known_syntax(bytes: &[u8], file: &FileDescriptorProto) -> Result<(), String> {
    match file.syntax() {
        "" | "proto2" | "proto3" => {}
        "editions" => return Err(parse::EDITIONS.to_owned()),
        other => {
            return Err(format!(
                "syntax \"{other}\" is not known; use \"proto3\" or \"proto2\""
            ));
        }
    }
    let mut rest = Reader::new(bytes);
    while let Ok(Some((number, wire))) = rest.tag() {
        if number == EDITION {
            return Err(parse::EDITIONS.to_owned());
        }
        if rest.skip(number, wire, 0).is_err() {
            break;
        }
    }
    Ok(())
}

/// Descriptors made by hand may leave out what the text cannot, and what compilers are sure of.
fn whole(file: &FileDescriptorProto) -> Result<(), String> {
    let mut open: Vec<_> = file.message_type.iter().collect();
    while let Some(message) = open.pop() {
        for field in &message.field {
            let label = field.label.and_then(|label| Label::try_from(label).ok());
            if label.is_none() || field.name().is_empty() {
                return Err(format!(
                    "a field of message \"{}\" has no name or no label",
                    message.name()
                ));
            }
        }
        let numbers = || message.field.iter().map(FieldDescriptorProto::number);
        let is_entry = message
            .options
            .as_ref()
            .is_some_and(|options| options.map_entry());
        if is_entry && !numbers().eq([1, 2]) {
            return Err(format!(
                "the map entry \"{}\" is not a key and a value",
                message.name()
            ));
        }
        open.extend(&message.nested_type);
    }
    Ok(())
}
