//! What needs to see inside: the files built in, and the shape of messages.

use super::*;
use builtin::TEXTS;

#[test]
fn every_file_built_in_compiles_and_can_be_imported() {
    let check = |name: &str| {
        let text = format!("syntax = 'proto3'; import '{name}'; message A {{}}");
        let schema = Schema::parse(&text, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(schema.file().dependencies().count(), 1, "{name}");
    };
    TEXTS.iter().for_each(|(name, _)| check(name));
    for name in [
        "any",
        "api",
        "descriptor",
        "duration",
        "empty",
        "field_mask",
        "source_context",
        "struct",
        "timestamp",
        "type",
        "wrappers",
    ] {
        check(&format!("google/protobuf/{name}.proto"));
    }
}

#[test]
fn a_pool_holds_what_is_imported_and_no_more() {
    let check = |text: &str, files: usize| {
        let schema = Schema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(schema.file().parent_pool().files().len(), files, "{text}");
    };
    check("syntax = 'proto3'; message A {}", 1);
    check(
        "syntax = 'proto3'; import 'google/protobuf/any.proto'; message A {}",
        2,
    );
    check(
        "syntax = 'proto3'; import 'confluent/meta.proto'; message A {}",
        3,
    );
}

#[test]
fn shapes_know_what_holds_required_fields() {
    let text = "syntax = 'proto2'; message Top { repeated Mid m = 1; } message Mid { optional Low l = 1; optional Mid m = 2; }
        message Low { required int32 n = 1; } message Free { optional Free f = 1; }";
    let schema = Schema::parse(text, &[]).unwrap();
    let shape = schema.shape();
    let required: Vec<&str> = shape
        .messages
        .iter()
        .filter(|message| message.required)
        .map(|message| &*message.name)
        .collect();
    assert_eq!(required.len(), 3);
    assert!(!required.contains(&"Free"));
}
