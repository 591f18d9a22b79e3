//! Tags written into texts, taken out of them, and found.

use super::*;

fn tags(path: &str, entity_type: EntityType, tags: &[&str]) -> EntityTags {
    EntityTags {
        schema_entity: SchemaEntity {
            entity_path: path.to_owned(),
            entity_type,
        },
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

#[test]
fn tags_are_written_and_taken_out() {
    let check = |schema_type, text: &str, entity: EntityTags, tagged: &str| {
        let now = edited(schema_type, text, std::slice::from_ref(&entity), &[]).unwrap();
        assert_eq!(now, tagged);
        assert_eq!(found(schema_type, &now), std::slice::from_ref(&entity));
        let again = edited(schema_type, &now, &[], &[entity]).unwrap();
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&again), read(text), "{again}");
    };
    let (avro, json) = (SchemaType::Avro, SchemaType::Json);
    check(
        avro,
        r#"{"type":"record","name":"a.R","fields":[{"name":"x","type":"int"}]}"#,
        tags("a.R.x", EntityType::SrField, &["P", "Q"]),
        r#"{"type":"record","name":"a.R","fields":[{"confluent:tags":["P","Q"],"name":"x","type":"int"}]}"#,
    );
    check(
        avro,
        r#"[ "null", {"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"array","items":{"type":"record","name":"S","fields":[]}}}]}]"#,
        tags("a.S", EntityType::SrRecord, &["P"]),
        r#"[ "null", {"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"array","items":{"confluent:tags":["P"],"type":"record","name":"S","fields":[]}}}]}]"#,
    );
    check(
        json,
        r#"{"properties": {"a": {}, "b": {"type": "object", "properties": {"c": true}}}}"#,
        tags("object.a", EntityType::SrField, &["P"]),
        r#"{"properties": {"a": {"confluent:tags":["P"]}, "b": {"type": "object", "properties": {"c": true}}}}"#,
    );
    check(
        json,
        r#"{"properties": {"b": {"type": "object", "properties": {"c": {"type": "array", "items": {"properties": {}}}}}}}"#,
        tags("object.b.object.c.array.object", EntityType::SrRecord, &["P"]),
        r#"{"properties": {"b": {"type": "object", "properties": {"c": {"type": "array", "items": {"confluent:tags":["P"],"properties": {}}}}}}}"#,
    );
}

#[test]
fn a_last_tag_goes_with_its_property() {
    let check = |text: &str, wanted: &str| {
        let entity = tags("object", EntityType::SrRecord, &["P"]);
        assert_eq!(edited(SchemaType::Json, text, &[], &[entity]).unwrap(), wanted);
    };
    check(
        r#"{"type":"object", "confluent:tags" : ["P"] }"#,
        r#"{"type":"object" }"#,
    );
    check(
        r#"{ "confluent:tags":["P"], "type":"object"}"#,
        r#"{ "type":"object"}"#,
    );
    check(
        r#"{"confluent:tags":["P","Q"],"type":"object"}"#,
        r#"{"confluent:tags":["Q"],"type":"object"}"#,
    );
    check(
        r#"{"confluent\u003atags":["P"],"type":"object"}"#,
        r#"{"confluent\u003atags":[],"type":"object"}"#,
    );
}

#[test]
fn what_cannot_be_tagged() {
    let check = |schema_type, text: &str, words: &str| {
        let entity = tags("a.R", EntityType::SrRecord, &["P"]);
        let error = edited(schema_type, text, &[entity], &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    check(SchemaType::Avro, "\"int\"", "no record at \"a.R\"");
    check(SchemaType::Avro, "{", "Invalid schema");
    check(
        SchemaType::Protobuf,
        "syntax = \"proto3\";",
        "options within its text",
    );
}
