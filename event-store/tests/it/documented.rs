//! The examples in the description of the language load, against the schemas of the example company.

use annals_event_store::{AnyFold, declarative};
use annals_schema_model::SchemaType;

use crate::support::Table;

const LANGUAGE: &str = include_str!("../../src/declarative/mod.rs");

/// Every version of every subject in `schemas/`, oldest first.
fn company() -> Table {
    let mut table = Table::default();
    let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let mut files: Vec<_> = std::fs::read_dir(schemas)
        .unwrap()
        .filter_map(|subject| std::fs::read_dir(subject.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("avsc") => table.register(SchemaType::Avro, "orders", &text),
            _ => table.register(SchemaType::Protobuf, "packages", &text),
        };
    }
    table
}

#[test]
fn the_documented_folds_load() {
    let table = company();
    let lines = LANGUAGE.lines().map(|line| line.trim_start_matches("//!"));
    let text: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = text.join("\n");
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let names: Vec<String> = examples
        .iter()
        .map(|example| {
            declarative::load(example, &table).unwrap_or_else(|error| panic!("{error}\n{example}"))
        })
        .map(|fold| fold.id().name.clone())
        .collect();
    assert_eq!(names, ["order", "package"]);
}
