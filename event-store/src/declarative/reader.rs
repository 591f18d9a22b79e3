//! The shapes of registered schemas, as their payloads read.

use annals_schema_model::avro::{Kind, Logical, NodeId};
use annals_schema_model::cel::Shape;
use annals_schema_model::{Schema, avro, proto};
use prost_reflect::{EnumValueDescriptor, Kind as Field, MessageDescriptor};

/// How deep a recursive schema is followed; below that any value may stand.
const DEPTH_MAX: usize = 12;

/// The shape of an event of a schema: of a record of Avro, alone or in a union, of a message, of an object of JSON Schema. Nothing
/// where it is no such thing.
pub(crate) fn event_shape(schema: &Schema, event: &str) -> Option<Shape> {
    match schema {
        Schema::Avro(schema) => {
            let shape = avro_shape(&schema.named(event)?);
            matches!(shape, Shape::Record { .. }).then_some(shape)
        }
        Schema::Proto(schema) => {
            let pool = schema.file().parent_pool();
            Some(message_shape(&pool.get_message_by_name(event)?))
        }
        #[cfg(feature = "json")]
        Schema::Json(schema) => {
            let shape = schema.shape(event)?.present().clone();
            matches!(shape, Shape::Record { .. } | Shape::Map(_) | Shape::Any).then_some(shape)
        }
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

/// The shapes of the other events of a schema; none in Protobuf, where they are members of one message.
pub(crate) fn other_shapes(schema: &Schema, event: &str) -> Vec<Shape> {
    let names: Vec<String> = match schema {
        #[cfg(feature = "json")]
        Schema::Json(schema) => schema.event_names(),
        _ => {
            let branches = schema.branches();
            branches.iter().filter_map(Schema::record_name).collect()
        }
    };
    let others = names.iter().filter(|name| **name != *event);
    others.filter_map(|name| event_shape(schema, name)).collect()
}

/// The shape of an Avro schema's values.
pub(crate) fn avro_shape(schema: &avro::Schema) -> Shape {
    avro_node(schema, schema.root(), 0)
}

fn avro_node(schema: &avro::Schema, id: NodeId, depth: usize) -> Shape {
    if depth > DEPTH_MAX {
        return Shape::Any;
    }
    let node = schema.node(id);
    if let Some(logical) = node.logical {
        return logical_shape(logical);
    }
    match &node.kind {
        Kind::Null => Shape::Null,
        Kind::Boolean => Shape::Bool,
        Kind::Int | Kind::Long => Shape::Int,
        Kind::Float | Kind::Double => Shape::Float,
        Kind::Bytes | Kind::Fixed(_) => Shape::Bytes,
        Kind::String => Shape::Text,
        Kind::Enum(kind) => Shape::one_of(kind.symbols.iter().map(String::as_str)),
        Kind::Array(item) => Shape::list(avro_node(schema, *item, depth + 1)),
        Kind::Map(value) => Shape::Map(Box::new(avro_node(schema, *value, depth + 1))),
        Kind::Union(branches) => branches
            .iter()
            .map(|branch| avro_node(schema, *branch, depth + 1))
            .reduce(union)
            .unwrap_or(Shape::Any),
        Kind::Record(record) => Shape::Record {
            name: record.name.full().to_owned(),
            fields: record
                .fields
                .iter()
                .map(|field| (field.name.to_string(), avro_node(schema, field.node, depth + 1)))
                .collect(),
        },
    }
}

/// One branch or another: null makes it optional, two types make it anything.
fn union(a: Shape, b: Shape) -> Shape {
    match (a, b) {
        (Shape::Null, shape) | (shape, Shape::Null) => Shape::optional(shape),
        _ => Shape::Any,
    }
}

fn logical_shape(logical: Logical) -> Shape {
    match logical {
        Logical::Decimal { .. } => Shape::Decimal,
        Logical::Uuid => Shape::Uuid,
        Logical::Date => Shape::Date,
        Logical::TimeMillis | Logical::TimeMicros => Shape::TimeOfDay,
        Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos => Shape::Timestamp,
        _ => Shape::Any,
    }
}

/// The shape of a Protobuf message's values.
pub(crate) fn message_shape(message: &MessageDescriptor) -> Shape {
    message_at(message, 0)
}

fn message_at(message: &MessageDescriptor, depth: usize) -> Shape {
    match message.full_name() {
        "google.protobuf.Timestamp" => return Shape::Timestamp,
        // A span of time wherever one may stand, and a message with fields all the same.
        "google.protobuf.Duration" => {}
        name if name.starts_with("google.protobuf.") => return Shape::Any,
        _ if depth > DEPTH_MAX => return Shape::Any,
        _ => {}
    }
    let fields = message.fields().map(|field| {
        let shape = kind_shape(&field.kind(), depth);
        let shape = if field.is_map() {
            match field.kind() {
                Field::Message(entry) => entry.get_field_by_name("value").map_or(Shape::Any, |value| {
                    Shape::Map(Box::new(kind_shape(&value.kind(), depth)))
                }),
                _ => Shape::Any,
            }
        } else if field.is_list() {
            Shape::list(shape)
        } else if field.supports_presence() {
            Shape::optional(shape)
        } else {
            shape
        };
        (field.name().to_owned(), shape)
    });
    Shape::Record {
        name: message.full_name().to_owned(),
        fields: fields.collect(),
    }
}

fn kind_shape(kind: &Field, depth: usize) -> Shape {
    match kind {
        Field::Double | Field::Float => Shape::Float,
        Field::Bool => Shape::Bool,
        Field::String => Shape::Text,
        Field::Enum(kind) => Shape::one_of(
            kind.values()
                .collect::<Vec<_>>()
                .iter()
                .map(EnumValueDescriptor::name),
        ),
        Field::Bytes => Shape::Bytes,
        Field::Message(message) => message_at(message, depth + 1),
        _ => Shape::Int,
    }
}

/// The names of the events a message tells apart.
pub(crate) fn members(schema: &proto::Schema, message: &str) -> Option<(MessageDescriptor, Vec<String>)> {
    let descriptor = schema.file().parent_pool().get_message_by_name(message)?;
    let oneof = proto::kind_oneof(&descriptor)?;
    let names = oneof.fields().map(|field| field.name().to_owned()).collect();
    Some((descriptor, names))
}
