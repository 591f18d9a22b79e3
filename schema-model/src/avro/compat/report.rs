//! Problems put into words and placed in the new schema's text.
//!
//! The descriptions of Avro's own rules are those of the Confluent registry's messages, which clients print and some
//! match on; the rules of our own are worded alike.

use super::{
    FINDINGS_MAX, Kind, Problem, Schema,
    hint::Hints,
    place::{Places, Side, Token},
    rules, type_word,
};
use crate::{Direction, Finding, Span, avro::NodeId, finding::snippet, lines::Lines};

/// The first problems as findings.
pub(super) fn findings<'p>(
    reader: &Schema,
    writer: &Schema,
    places: &Places,
    problems: impl IntoIterator<Item = &'p Problem>,
    direction: Direction,
) -> Vec<Finding> {
    let mut problems = problems.into_iter().take(FINDINGS_MAX).peekable();
    if problems.peek().is_none() {
        return Vec::new();
    }
    let new = match direction {
        Direction::Backward => reader,
        Direction::Forward => writer,
    };
    let lines = Lines::of(new.text());
    let hints = Hints::new(reader, writer, places, direction);
    problems
        .map(|problem| finding(reader, writer, places, problem, &hints, &lines))
        .collect()
}

fn finding(
    reader: &Schema,
    writer: &Schema,
    places: &Places,
    problem: &Problem,
    hints: &Hints<'_>,
    lines: &Lines<'_>,
) -> Finding {
    let direction = hints.direction;
    let path = places.path(problem.place, problem.token);
    let description = describe(writer, places, problem, &path, direction);
    let mut finding = Finding::new(problem.rule, path, description, direction);
    if problem.rule.form() == crate::Form::Avro {
        finding.additional_info.clone_from(&problem.detail);
    }
    if let Some(hint) = hints.hint(problem) {
        finding.hint = hint;
    }
    let (reader_node, writer_node) = places.nodes(problem.place);
    let field = match problem.token {
        Token::Field(index) => Some(index),
        _ => None,
    };
    let (reader_span, reader_text) = side(reader, reader_node, field);
    let (writer_span, writer_text) = side(writer, writer_node, None);
    let (new_schema, span, near, new, old) = match direction {
        Direction::Backward => (reader, reader_span, Side::Reader, reader_text, writer_text),
        Direction::Forward => (writer, writer_span, Side::Writer, writer_text, reader_text),
    };
    finding.new = new;
    finding.old = old;
    match span.or_else(|| places.span(new_schema, problem.place, near)) {
        Some(span) => finding.at(lines, span),
        None => finding,
    }
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

fn describe(writer: &Schema, places: &Places, problem: &Problem, path: &str, direction: Direction) -> String {
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
        "AMBIGUOUS_FIELD_ALIAS" => format!(
            "Unexpected exception during compatibility check: Reader record field {detail} matches multiple fields in writer record schema {}",
            writer_label(writer, places.nodes(problem.place).1)
        ),
        _ => own_words(problem, path, (reading, writing)),
    }
}

/// The descriptions of the rules that are not Avro's.
fn own_words(problem: &Problem, path: &str, (reading, writing): (&str, &str)) -> String {
    let what = match problem.rule.code() {
        "DECIMAL_SCALE_CHANGED" => "scale of the decimal",
        "DECIMAL_PRECISION_NARROWED" => "precision of the decimal",
        "LOGICAL_TYPE_CHANGED" | "LOGICAL_TYPE_ADDED" | "LOGICAL_TYPE_REMOVED" => "logical type",
        "NAMESPACE_CHANGED" => "namespace of the type",
        "ENUM_SYMBOL_REMOVED" => {
            return format!(
                "The {reading} schema reads the enum symbols '{}' at path '{path}' of the {writing} schema as its default symbol",
                problem.detail
            );
        }
        "LOSSY_PROMOTION" => {
            return format!(
                "The {reading} schema reads the type at path '{path}' of the {writing} schema into one that cannot hold all its values"
            );
        }
        code if code == rules::COMPARISON_TOO_LARGE.code() => {
            return format!(
                "The {reading} schema was not compared with the {writing} schema to the end: {} at path '{path}'",
                problem.detail
            );
        }
        _ => "type",
    };
    format!("The {what} at path '{path}' in the {reading} schema is not that of the {writing} schema")
}

fn writer_label(writer: &Schema, id: NodeId) -> String {
    let label = writer.type_label(id);
    if label.is_empty() {
        type_word(writer, id)
    } else {
        label.to_owned()
    }
}
