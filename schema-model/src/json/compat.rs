//! JSON Schema compatibility.

use super::Schema;
use crate::{Direction, Finding, Form, Rule, Standard};

/// Versions differ.
pub const NOT_COMPARED: Rule = Rule::new(
    "NOT_COMPARED",
    Form::Plain,
    "Two JSON Schemas are compatible when their normal forms are equal.",
);

/// What keeps `reader` from reading data of `writer`; empty when nothing does.
#[must_use]
pub fn check(_: Standard, reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    if reader.normalized() == writer.normalized() {
        return Vec::new();
    }
    let description = "JSON Schemas that differ are not compared yet; set the level to NONE to register";
    vec![Finding::new(NOT_COMPARED, "#/", description, direction)]
}
