//! Problems put into words and placed in the new schema's text.
//!
//! The descriptions are those of the Confluent registry's Avro messages, which clients print and some match on.

use super::{Kind, Problem, Schema, rules, type_word};
use crate::{Direction, Finding, Span, avro::NodeId, finding::snippet};

pub(super) fn finding(reader: &Schema, writer: &Schema, problem: &Problem, direction: Direction) -> Finding {
    let path = format!(
        "/{}",
        problem
            .path
            .iter()
            .map(|token| escape(token))
            .collect::<Vec<_>>()
            .join("/")
    );
    let description = describe(writer, problem, &path, direction);
    let mut finding = Finding::new(problem.rule, path, description, direction);
    if problem.rule.form() == crate::Form::Avro {
        finding.additional_info.clone_from(&problem.detail);
    }
    let reader_side = side(reader, problem.reader, problem.field);
    let writer_side = side(writer, problem.writer, None);
    let (new_schema, new, old) = match direction {
        Direction::Backward => (reader, reader_side, writer_side),
        Direction::Forward => (writer, writer_side, reader_side),
    };
    finding.new = new.1;
    finding.old = old.1;
    match new.0 {
        Some(span) => finding.at(new_schema.text(), span),
        None => finding,
    }
}

fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// The place and text of a problem on one side: the field it is about, or the type.
fn side(schema: &Schema, id: NodeId, field: Option<usize>) -> (Option<Span>, String) {
    let node = schema.node(id);
    let span = match (&node.kind, field) {
        (Kind::Record(record), Some(index)) => record.fields.get(index).map_or(node.span, |field| field.span),
        _ => node.span,
    };
    if schema.span(id).is_none() {
        return (None, schema.type_label(id).to_owned());
    }
    (Some(span), snippet(span.of(schema.text())))
}

fn describe(writer: &Schema, problem: &Problem, path: &str, direction: Direction) -> String {
    let (reading, writing) = direction.words();
    let detail = &problem.detail;
    match problem.rule.code() {
        "FIXED_SIZE_MISMATCH" => format!(
            "The size of FIXED type field at path '{path}' in the {reading} schema does not match with the {writing} schema"
        ),
        "TYPE_MISMATCH" => format!(
            "The type (path '{path}') of a field in the {reading} schema does not match with the {writing} schema"
        ),
        "NAME_MISMATCH" => format!("The name of the schema has changed (path '{path}')"),
        "MISSING_ENUM_SYMBOLS" => {
            format!(
                "The {reading} schema is missing enum symbols '{detail}' at path '{path}' in the {writing} schema"
            )
        }
        "MISSING_UNION_BRANCH" => format!(
            "The {reading} schema is missing a type inside a union field at path '{path}' in the {writing} schema"
        ),
        "READER_FIELD_MISSING_DEFAULT_VALUE" => format!(
            "The field '{detail}' at path '{path}' in the {reading} schema has no default value and is missing in the {writing} schema"
        ),
        code if code == rules::AMBIGUOUS_FIELD_ALIAS.code() => format!(
            "Unexpected exception during compatibility check: Reader record field {detail} matches multiple fields in writer record schema {}",
            writer_label(writer, problem.writer)
        ),
        _ => format!("Unexpected exception during compatibility check: {detail}"),
    }
}

fn writer_label(writer: &Schema, id: NodeId) -> String {
    let label = writer.type_label(id);
    if label.is_empty() {
        type_word(writer, id)
    } else {
        label.to_owned()
    }
}
