//! Random schemas to the `apache-avro` crate and back: the same schema comes back, but for what the crate drops. A row that it
//! does not drop any more fails the test. Which schemas it does not take is a table beside that of their values.

use annals_schema_model::avro::{Schema, interop};
use serde_json::Value as Json;

use crate::generate::{Random, Types, write};

const SCHEMAS: usize = 10_000;

/// What does not come back: how it shows, and why.
const DROPPED: [(&str, &str); 2] = [
    (
        "another name",
        "a type without a namespace within one is printed without `\"namespace\":\"\"`, and so gets that of its surroundings",
    ),
    (
        "a property",
        "types without parts keep none but those of the logical types that it knows",
    ),
];

#[test]
fn random_schemas_go_both_ways() {
    let mut random = Random::new(3);
    let mut dropped = [0; DROPPED.len()];
    let (mut taken, mut whole) = (0, 0);
    for _ in 0..SCHEMAS {
        let depth = 1 + random.below(3);
        let kind = Types::new(&mut random).any(depth);
        let Ok(schema) = Schema::parse(&write(&kind, &mut random), &[]) else {
            continue;
        };
        let Ok(there) = interop::schema_to_apache(&schema) else {
            continue;
        };
        taken += 1;
        let shown = match interop::schema_from_apache(&there) {
            // Where it is used again it is not found.
            Err(_) => "another name",
            Ok(back) if back.canonical_form() != schema.canonical_form() => "another name",
            Ok(back) => {
                assert_eq!(told(&back), told(&schema), "{}", schema.stored_text());
                if back.same_as(&schema) {
                    whole += 1;
                    continue;
                }
                let [left, right] = [&back, &schema].map(bare);
                assert!(
                    left.same_as(&right),
                    "{}\n{}",
                    left.stored_text(),
                    right.stored_text()
                );
                "a property"
            }
        };
        let row = DROPPED.iter().position(|(known, _)| *known == shown);
        dropped[row.unwrap()] += 1;
    }
    println!("{taken} schemas taken, {whole} whole again, dropped {dropped:?}");
    assert!(dropped.iter().all(|count| *count > 0), "{dropped:?}");
    assert!(taken * 10 > SCHEMAS * 9 && whole * 10 > taken * 9);
}

fn json(schema: &Schema) -> Json {
    serde_json::from_str(&schema.stored_text()).unwrap()
}

/// What Java's `equals` leaves out: docs, aliases, and logical types, in the order of the text.
fn told(schema: &Schema) -> Vec<String> {
    fn walk(json: &Json, told: &mut Vec<String>) {
        told.extend(
            ["doc", "aliases"]
                .iter()
                .filter_map(|key| json.get(key))
                .map(Json::to_string),
        );
        if json.get("logicalType").is_some() {
            let alone = Schema::parse(&json.to_string(), &[]).unwrap();
            let logical = alone.node(alone.root()).logical;
            told.extend(logical.map(|logical| format!("{logical:?}")));
        }
        match json {
            Json::Array(items) => items.iter().for_each(|item| walk(item, told)),
            Json::Object(entries) => entries.values().for_each(|value| walk(value, told)),
            _ => {}
        }
    }
    let mut told = Vec::new();
    walk(&json(schema), &mut told);
    told.sort();
    told
}

/// The schema with no properties on types that have no parts.
fn bare(schema: &Schema) -> Schema {
    fn strip(json: &mut Json) {
        let is_word = json.get("name").is_none() && json.get("items").or(json.get("values")).is_none();
        if is_word && json.get("type").is_some() {
            *json = json["type"].take();
        }
        match json {
            Json::Array(items) => items.iter_mut().for_each(strip),
            Json::Object(entries) => {
                ["logicalType", "precision", "scale"]
                    .iter()
                    .for_each(|key| drop(entries.remove(*key)));
                entries.values_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let mut json = json(schema);
    strip(&mut json);
    Schema::parse(&json.to_string(), &[]).unwrap()
}
