//! Schemas and values to the `apache-avro` crate and back; that crate reads and writes the same bytes.
#![cfg(feature = "apache-avro")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "avro_java/change.rs"]
mod change;
#[path = "interop/container.rs"]
mod container;
#[path = "avro_java/generate.rs"]
mod generate;
#[path = "avro_java/payload.rs"]
mod payload;
#[path = "interop/resolution.rs"]
mod resolution;
#[path = "interop/schemas.rs"]
mod schemas;
#[path = "interop/values.rs"]
mod values;

use annals_schema_model::avro::{Reading, Schema, interop};

const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
    {"name":"event","type":{"type":"string","logicalType":"uuid"}},
    {"name":"channel","type":{"type":"enum","name":"Channel","symbols":["WEB","APP"]}},
    {"name":"coupon","type":["null","string"]},
    {"name":"tags","type":{"type":"array","items":"string"}},
    {"name":"extra","type":{"type":"map","values":["double","boolean"]}}
]}"#;

fn body() -> Vec<u8> {
    let mut writer = annals_schema_model::avro::wire::Writer::new();
    writer.long(990_001);
    writer.long(1_558_336_067_000);
    writer.int(18_036);
    writer.bytes(&[0x00, 0xcd, 0x10]);
    writer.string("01234567-89ab-cdef-0123-456789abcdef");
    writer.enum_index(1);
    writer.branch(1);
    writer.string("SPRING");
    writer.array(&["a", "b"], |writer, tag| writer.string(tag));
    writer.long(1);
    writer.string("rate");
    writer.branch(0);
    writer.double(0.5);
    writer.long(0);
    writer.into_bytes()
}

#[test]
fn values_go_both_ways() {
    let schema = Schema::parse(ORDER, &[]).unwrap();
    let apache = interop::schema_to_apache(&schema).unwrap();
    let value = Reading::of(&schema).read(&body()).unwrap();
    let there = interop::value_to_apache(&schema, &value).unwrap();
    assert!(there.validate(&apache), "{there:?}");
    assert_eq!(interop::value_from_apache(&schema, &there).unwrap(), value);
    assert!(interop::value_to_apache(&schema, &annals_schema_model::Value::Null).is_err());
    assert!(interop::value_from_apache(&schema, &apache_avro::types::Value::Null).is_err());
}

#[test]
fn schemas_go_both_ways() {
    let schema = Schema::parse(ORDER, &[]).unwrap();
    let apache = interop::schema_to_apache(&schema).unwrap();
    let back = interop::schema_from_apache(&apache).unwrap();
    assert_eq!(back.canonical_form(), schema.canonical_form());
    let unicode = Schema::parse(r#"{"type":"record","name":"größe","fields":[]}"#, &[]).unwrap();
    assert!(interop::schema_to_apache(&unicode).is_err());
}
