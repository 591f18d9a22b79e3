//! Compiled files in base64 instead of text, as serializers of client libraries send them.

use annals_schema_model::proto::{Schema, is_compiled};
use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use prost_reflect::{
    prost::Message,
    prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, SourceCodeInfo,
        field_descriptor_proto::{Label, Type},
        source_code_info::Location,
    },
};

use super::{normal::EVERYTHING, resolved, rich, schema, schema_with};

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A text's compiled file.
fn compiled(schema: &Schema) -> String {
    base64(&schema.file().encode_to_vec())
}

#[test]
fn a_text_and_its_compiled_file_are_one_schema() {
    let uses = "syntax = 'proto3'; import 'b.proto'; message A { p.B b = 1; }";
    let b = [("b.proto", "syntax = 'proto3'; package p; message B {}")];
    let check = |text: &str, references: &[(&str, &str)]| {
        let from_text = schema_with(text, references);
        let sent = compiled(&from_text);
        assert!(is_compiled(&sent) && !is_compiled(text));
        let again = schema_with(&sent, references);
        assert_eq!(again.text(), from_text.printed());
        assert_eq!(again.stored_text(), again.text());
        assert_eq!(again.printed(), again.text());
        assert_eq!(again.normalized(), from_text.normalized());
        assert_eq!(again.fingerprint(), from_text.fingerprint());
        assert_eq!(again.record_name(), from_text.record_name());
        assert_eq!(
            schema_with(&format!(" {sent}\n"), references).text(),
            again.text()
        );
    };
    check(rich::PROTO3, &[]);
    check(rich::PROTO2, &[]);
    // With custom options, which are unknown fields to whoever decodes the file.
    check(EVERYTHING, &[]);
    check(uses, &b);
}

fn file() -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some("shop/order.proto".to_owned()),
        package: Some("shop".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![DescriptorProto {
            name: Some("Order".to_owned()),
            field: vec![FieldDescriptorProto {
                name: Some("id".to_owned()),
                number: Some(1),
                label: Some(Label::Optional.into()),
                r#type: Some(Type::Int64.into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn name_and_positions_are_dropped() {
    let wanted = "syntax = \"proto3\";\npackage shop;\nmessage Order {\n  int64 id = 1;\n}\n";
    assert_eq!(schema(&base64(&file().encode_to_vec())).text(), wanted);
    let mut positions = file();
    positions.source_code_info = Some(SourceCodeInfo {
        location: vec![Location {
            path: vec![4, 0],
            span: vec![0, 1, 2],
            leading_comments: Some("not kept".to_owned()),
            ..Default::default()
        }],
    });
    assert_eq!(schema(&base64(&positions.encode_to_vec())).text(), wanted);
}

#[test]
fn broken_files_say_what_is_wrong() {
    let check = |change: &dyn Fn(&mut FileDescriptorProto), words: &str| {
        let mut file = file();
        change(&mut file);
        let error = Schema::parse(&base64(&file.encode_to_vec()), &resolved(&[])).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(error.message.starts_with("in the compiled file: "), "{error}");
        assert_eq!((error.line, error.column), (1, 1));
    };
    check(&|file| file.dependency.push("b.proto".to_owned()), "\"b.proto\"");
    check(
        &|file| {
            let field = &mut file.message_type[0].field[0];
            (field.r#type, field.type_name) = (None, Some(".Gone".to_owned()));
        },
        "Gone",
    );
    check(&|file| file.message_type[0].field[0].label = None, "no label");
    check(&|file| file.message_type[0].field[0].number = Some(0), "0");
    check(
        &|file| file.syntax = Some("editions".to_owned()),
        "editions are not supported",
    );
    check(&|file| file.syntax = Some("proto9".to_owned()), "proto9");
    check(
        &|file| file.message_type.push(file.message_type[0].clone()),
        "Order",
    );
    check(
        &|file| {
            for _ in 0..70 {
                file.message_type = vec![DescriptorProto {
                    name: Some("N".to_owned()),
                    nested_type: std::mem::take(&mut file.message_type),
                    ..Default::default()
                }];
            }
        },
        "nests deeper",
    );
    // Names of the language are words.
    check(
        &|file| file.message_type[0].name = Some("A {} message B".to_owned()),
        "no text",
    );
}

#[test]
fn what_is_no_compiled_file_is_read_as_text() {
    for text in ["", "oops", "//ab", "AAAA", "message", "CgFhYgZwcm90bzM", "////"] {
        assert!(!is_compiled(text), "{text}");
    }
    // An empty line comment is a schema without declarations, and in base64's alphabet.
    schema("//ab");
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        which in 0usize..3,
    ) {
        let text = [rich::PROTO3, rich::PROTO2, EVERYTHING][which];
        let mut bytes = schema(text).file().encode_to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = Schema::parse(&base64(&bytes), &[]) {
            prop_assert_eq!(read.printed(), read.text());
        }
    }
}
