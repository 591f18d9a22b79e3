//! What no input may break: the parsers and the compatibility check, as functions of bytes.
//!
//! Used by the fuzz targets and, on a stable compiler, by the test beside this file.

use annals_schema_model::{
    CompatibilityPolicy, Level, Policy, ReadError, Schema, SchemaType, Standard, Version, Walk, avro, compat,
};

/// Inputs beyond this only cost time.
const BYTES_MAX: usize = 64 * 1024;
/// Parts an input into what is to be read one after the other.
const SEPARATOR: &str = "\n---\n";

pub(crate) fn avro(data: &[u8]) {
    alone(SchemaType::Avro, data);
}

pub(crate) fn proto(data: &[u8]) {
    alone(SchemaType::Protobuf, data);
}

pub(crate) fn json(data: &[u8]) {
    alone(SchemaType::Json, data);
}

/// Two schemas of the type the first byte names, parted by a line of three hyphens.
pub(crate) fn compat(data: &[u8]) {
    let Some((kind, texts)) = data
        .split_first()
        .and_then(|(kind, rest)| Some((kind, text(rest)?)))
    else {
        return;
    };
    let kind = match kind {
        b'P' => SchemaType::Protobuf,
        b'J' => SchemaType::Json,
        _ => SchemaType::Avro,
    };
    let Some((old, new)) = texts.split_once(SEPARATOR) else {
        return;
    };
    let (Ok(old), Ok(new)) = (Schema::parse(kind, old, &[]), Schema::parse(kind, new, &[])) else {
        return;
    };
    for standard in standards() {
        let findings = compat::check(standard, &new, &[(Version(1), &old)]);
        for finding in &findings {
            assert!(!finding.rule.code().is_empty() && !finding.message().is_empty());
            let (Some(span), Some(line), Some(column)) = (finding.span, finding.line, finding.column) else {
                continue;
            };
            assert!(
                span.start <= new.text().len() && line >= 1 && column >= 1,
                "{finding:?}"
            );
        }
    }
}

/// A schema that parses can be printed and read again, says the same in its normal form, may follow itself, and judges
/// any payload.
fn alone(kind: SchemaType, data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (text, payload) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    let schema = match Schema::parse(kind, text, &[]) {
        Ok(schema) => schema,
        Err(error) => {
            assert!(
                !error.message.is_empty() && error.line >= 1 && error.column >= 1,
                "{error:?}"
            );
            return;
        }
    };
    let again = |text: &str| match Schema::parse(kind, text, &[]) {
        Ok(schema) => schema,
        Err(error) => panic!("what was printed is not read again: {error}\n{text}"),
    };
    let stored = again(&schema.stored_text());
    let normal = again(&schema.normalized());
    assert_eq!(
        stored.normalized(),
        schema.normalized(),
        "the stored form means the same"
    );
    assert_eq!(
        normal.normalized(),
        schema.normalized(),
        "the normal form is its own"
    );
    let _ = (schema.fingerprint(), schema.record_name());
    let itself = compat::check(Level::Full, &schema, &[(Version(1), &stored)]);
    assert_eq!(itself, [], "a schema may follow itself");
    let _ = Walk::new(&schema).check(payload.as_bytes());
}

/// A writer's schema, a reader's, and a body, parted by lines of three hyphens: whoever reads the body says the same of it.
pub(crate) fn payload(data: &[u8]) {
    let separator = SEPARATOR.as_bytes();
    let cut = |data: &[u8]| {
        let at = data
            .windows(separator.len())
            .position(|window| window == separator)?;
        let schema = avro::Schema::parse(text(&data[..at])?, &[]).ok()?;
        Some((schema, data[at + separator.len()..].to_vec()))
    };
    let Some((writer, rest)) = cut(&data[..data.len().min(BYTES_MAX)]) else {
        return;
    };
    let Some((reader, body)) = cut(&rest) else {
        return;
    };
    let walked = avro::Walk::new(&writer).check(&body);
    let read = avro::Reading::of(&writer).read(&body);
    assert_eq!(
        walked.err().map(|error| (error.path, error.message)),
        read.as_ref()
            .err()
            .map(|error| (error.path.clone(), error.message.clone())),
        "what passes is read, and nothing else"
    );
    let mut translated = Vec::new();
    let plan = avro::Plan::lenient(&writer, &reader);
    let translation = plan.translate(&body, &mut translated);
    if let (Ok(()), Err(error)) = (&translation, &read) {
        // A plan passes over such decimals, and counts apart what it passes ahead of its turn.
        let passed = ["the decimal has", "a big-decimal", "take no bytes"];
        assert!(
            passed.iter().any(|passed| error.message.contains(passed)),
            "a plan reads what its writer could not write: {error:?}"
        );
    }
    if let Ok(reading) = avro::Reading::new(&writer, &reader)
        && translation.is_ok()
        && let Ok(value) = reading.read(&body)
    {
        let again = avro::Reading::of(&reader).read(&translated);
        assert_eq!(format!("{:?}", Ok::<_, ReadError>(value)), format!("{again:?}"));
    }
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data.get(..data.len().min(BYTES_MAX))?).ok()
}

fn standards() -> impl Iterator<Item = Standard> {
    Policy::ALL.into_iter().flat_map(|policy| {
        CompatibilityPolicy::ALL
            .into_iter()
            .map(move |compatibility_policy| Standard {
                level: Level::Full,
                policy,
                compatibility_policy,
            })
    })
}
