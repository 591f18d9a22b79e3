//! A parsed Avro schema as the definitions that code is generated from.
//!
//! Invariant: every logical type of the specification that fits its type becomes a type of Rust; every other is its
//! underlying type, as readers that do not know it are told to treat it.

mod top;
mod wide;

use std::path::Path;

use annals_schema_model::avro::wire::{Blank, Reader, Result as Read, Source as _};
use annals_schema_model::avro::{self, Json, JsonKind, Kind, Logical, Node, NodeId, Schema};
use annals_schema_model::{Decimal, Span};

use crate::diagnostic::Diagnostic;
use crate::input::VersionText;
use crate::model::{self, Body, Definition, Definitions, Field, Type, Value};
pub(crate) use top::Top;

/// The file that a type is defined in: its own, or one it refers to.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    label: &'a str,
    text: &'a str,
}

impl<'a> Place<'a> {
    fn of(own: &'a VersionText, node: &Node) -> Place<'a> {
        let referred = (node.source as usize).checked_sub(1);
        match referred.and_then(|place| own.references.get(place)) {
            Some(referred) => Place {
                path: &referred.path,
                label: &referred.label,
                text: &referred.text,
            },
            None => Place {
                path: &own.path,
                label: &own.label,
                text: &own.text,
            },
        }
    }

    fn line_column(self, span: Span) -> (u32, u32) {
        Span::line_column(self.text, span.start)
    }
}

/// Every named type of a schema, those it refers to as well, and what is at its top: one type, or the branches of a union. What
/// has no name there is called by the subject.
pub(crate) fn definitions(
    text: &VersionText,
    schema: &Schema,
    subject: &str,
    wrong: &mut Vec<Diagnostic>,
) -> Option<(Definitions, Vec<Top>)> {
    let mut definitions = Definitions::new();
    let mut complaints = Vec::new();
    for node in schema.nodes() {
        let Some(name) = node.kind.type_name() else {
            continue;
        };
        let place = Place::of(text, node);
        let Some(body) = body(schema, node, place, &mut complaints) else {
            continue;
        };
        let definition = Definition {
            name: name.full().to_owned(),
            doc: node.kind.doc().map(str::to_owned),
            deprecated: deprecated(&node.props, node.kind.doc()),
            path: place.path.to_owned(),
            label: place.label.to_owned(),
            line: place.line_column(node.span).0,
            body,
        };
        definitions.insert(definition.name.clone(), definition);
    }
    let tops = top::tops(text, schema, subject, &mut definitions, &mut complaints);
    if complaints.is_empty() {
        let ranks = model::ranks(&definitions);
        let valueless = definitions
            .values()
            .filter(|definition| !ranks.contains_key(&definition.name));
        complaints.extend(valueless.map(|definition| {
            let message = format!(
                "`{}` holds itself without an end, so it has no values",
                definition.name
            );
            Diagnostic::at(&definition.path, definition.line, 0, message)
        }));
        complaints.extend(wide::too_large(&definitions));
    }
    let sound = complaints.is_empty();
    wrong.extend(complaints);
    sound.then_some((definitions, tops))
}

/// What a named type is; nothing for a fixed that its logical type replaces.
fn body(schema: &Schema, node: &Node, place: Place<'_>, complaints: &mut Vec<Diagnostic>) -> Option<Body> {
    match &node.kind {
        Kind::Record(record) => {
            let fields = record.fields.iter().map(|field| {
                let (line, column) = place.line_column(field.span);
                let kind = kind(schema, field.node);
                if let Some(problem) = problem(&kind) {
                    let message = format!("field `{}` is {problem}", field.name);
                    complaints.push(Diagnostic::at(place.path, line, column, message));
                }
                Field {
                    name: field.name.to_string(),
                    doc: field.doc.clone(),
                    deprecated: deprecated(&field.props, field.doc.as_deref()),
                    line,
                    kind,
                    default: default(schema, field),
                }
            });
            Some(Body::Record(fields.collect()))
        }
        Kind::Enum(symbols) => {
            if symbols.symbols.is_empty() {
                let (line, column) = place.line_column(node.span);
                let message = format!(
                    "enum `{}` has no symbols, so it has no values",
                    symbols.name.full()
                );
                complaints.push(Diagnostic::at(place.path, line, column, message));
            }
            let default = symbols.default.as_ref();
            let place =
                default.and_then(|default| symbols.symbols.iter().position(|symbol| symbol == default));
            Some(Body::Enum(symbols.symbols.clone(), place))
        }
        Kind::Fixed(fixed) if fixed_with_meaning(node.logical).is_none() => Some(Body::Fixed(fixed.size)),
        _ => None,
    }
}

/// The logical types a fixed disappears behind.
fn fixed_with_meaning(logical: Option<Logical>) -> Option<Logical> {
    logical.filter(|logical| {
        matches!(
            logical,
            Logical::Decimal { .. } | Logical::Uuid | Logical::Duration
        )
    })
}

/// What no value can be had of.
fn problem(kind: &Type) -> Option<String> {
    match kind {
        Type::Array(inner) | Type::Map(inner) => problem(inner),
        Type::Union(branches) if branches.is_empty() => {
            Some("a union without branches, which no value fits".to_owned())
        }
        Type::Union(branches) => branches.iter().find_map(problem),
        Type::Decimal { scale, .. } if *scale > Decimal::SCALE_MAX => Some(format!(
            "a decimal of {scale} fraction digits, and those that are read have {} at most",
            Decimal::SCALE_MAX
        )),
        _ => None,
    }
}

/// The logical types that are neither decimals nor big-decimals.
fn typed(kind: &Kind, logical: Logical) -> model::Logical {
    match logical {
        Logical::Uuid if matches!(kind, Kind::Fixed(_)) => model::Logical::UuidFixed,
        Logical::Uuid => model::Logical::Uuid,
        Logical::Date => model::Logical::Date,
        Logical::TimeMillis => model::Logical::TimeMillis,
        Logical::TimeMicros => model::Logical::TimeMicros,
        Logical::TimestampMillis => model::Logical::TimestampMillis,
        Logical::TimestampMicros => model::Logical::TimestampMicros,
        Logical::TimestampNanos => model::Logical::TimestampNanos,
        Logical::LocalTimestampMillis => model::Logical::LocalTimestampMillis,
        Logical::LocalTimestampMicros => model::Logical::LocalTimestampMicros,
        Logical::LocalTimestampNanos => model::Logical::LocalTimestampNanos,
        Logical::Duration | Logical::Decimal { .. } | Logical::BigDecimal => model::Logical::Duration,
    }
}

/// The type of a node. Named types end the walk, and parsing bounded the depth of what lies between them.
fn kind(schema: &Schema, id: NodeId) -> Type {
    let node = schema.node(id);
    let decimal = |precision: u32, scale: u32, fixed| Type::Decimal {
        precision,
        scale,
        fixed,
    };
    match (&node.kind, node.logical) {
        (Kind::Bytes, Some(Logical::Decimal { precision, scale })) => decimal(precision, scale, None),
        (Kind::Fixed(fixed), Some(Logical::Decimal { precision, scale })) => {
            decimal(precision, scale, Some(fixed.size))
        }
        (Kind::Bytes, Some(Logical::BigDecimal)) => Type::BigDecimal,
        (kind, Some(logical)) => Type::Logical(typed(kind, logical)),
        (Kind::Null, _) => Type::Null,
        (Kind::Boolean, _) => Type::Boolean,
        (Kind::Int, _) => Type::Int,
        (Kind::Long, _) => Type::Long,
        (Kind::Float, _) => Type::Float,
        (Kind::Double, _) => Type::Double,
        (Kind::Bytes, _) => Type::Bytes,
        (Kind::String, _) => Type::String,
        (Kind::Array(item), _) => Type::Array(Box::new(kind(schema, *item))),
        (Kind::Map(value), _) => Type::Map(Box::new(kind(schema, *value))),
        (Kind::Union(branches), _) => {
            Type::Union(branches.iter().map(|branch| kind(schema, *branch)).collect())
        }
        (named, _) => Type::Named(
            named
                .type_name()
                .map_or_else(String::new, |name| name.full().to_owned()),
        ),
    }
}

impl Blank for Value {
    fn blank() -> Value {
        Value::Null
    }
}

/// Why a declaration is not to be used any more: a property `deprecated`, which is true or a text, or `@deprecated` and a text
/// in its doc. The text may be empty.
fn deprecated(props: &[(String, Json)], doc: Option<&str>) -> Option<String> {
    let prop = props.iter().find(|(name, _)| name == "deprecated");
    match prop.map(|(_, value)| &value.kind) {
        Some(JsonKind::Bool(true)) => Some(String::new()),
        Some(JsonKind::String(why)) => Some(why.to_string()),
        Some(_) => None,
        None => {
            let (_, why) = doc?.split_once("@deprecated")?;
            // As Javadoc has it: up to the next tag.
            let why = why.split("\n@").next().unwrap_or_default();
            Some(why.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}

/// The default of a field, as resolution has it; nothing where it fails there.
fn default(schema: &Schema, field: &avro::Field) -> Option<Value> {
    let bytes = schema.default_bytes(field.node, field.default.as_ref()?).ok()?;
    value(schema, field.node, &mut Reader::new(&bytes), &bytes).ok()
}

/// Reads a value; `all` are the bytes that the reader reads. A default was as deep as schemas may be.
fn value(schema: &Schema, id: NodeId, from: &mut Reader<'_>, all: &[u8]) -> Read<Value> {
    Ok(match &schema.node(id).kind {
        Kind::Null => Value::Null,
        Kind::Boolean => Value::Boolean(from.bool()?),
        Kind::Int => Value::Long(from.int()?.into()),
        Kind::Long => Value::Long(from.long()?),
        Kind::Float => Value::Double(from.float()?.into()),
        Kind::Double => Value::Double(from.double()?),
        Kind::Bytes => Value::Bytes(from.bytes()?),
        Kind::Fixed(fixed) => Value::Bytes(from.fixed_slice(fixed.size)?.to_vec()),
        Kind::String => Value::String(from.string()?),
        Kind::Enum(kind) => Value::Symbol(from.enum_index(kind.symbols.len())?),
        Kind::Array(item) => Value::Array(from.array(|from| value(schema, *item, from, all))?),
        Kind::Map(item) => Value::Map(from.entries(|from, into| {
            *into = value(schema, *item, from, all)?;
            Ok(())
        })?),
        Kind::Union(branches) => {
            let index = from.branch(branches.len())?;
            Value::Branch(index, Box::new(value(schema, branches[index], from, all)?))
        }
        Kind::Record(record) => {
            let start = from.position();
            let fields = record
                .fields
                .iter()
                .map(|field| Ok((field.name.to_string(), value(schema, field.node, from, all)?)))
                .collect::<Read<_>>()?;
            let bytes = all.get(start..from.position()).unwrap_or_default();
            Value::Record(fields, bytes.to_vec())
        }
    })
}
