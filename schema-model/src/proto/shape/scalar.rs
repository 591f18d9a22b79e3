//! The fifteen scalar types: their layout on the wire, their default, and which of them read each other's bytes.

use crate::{Value, proto::wire::Wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
}

/// Scalars whose bytes mean the same to each other. Enums are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) enum Family {
    Integer,
    Zigzag,
    Text,
    Fixed32,
    Fixed64,
    Float,
    Double,
}

impl Scalar {
    pub(in crate::proto) const fn of(kind: &prost_reflect::Kind) -> Option<Scalar> {
        use prost_reflect::Kind;
        Some(match kind {
            Kind::Double => Scalar::Double,
            Kind::Float => Scalar::Float,
            Kind::Int32 => Scalar::Int32,
            Kind::Int64 => Scalar::Int64,
            Kind::Uint32 => Scalar::Uint32,
            Kind::Uint64 => Scalar::Uint64,
            Kind::Sint32 => Scalar::Sint32,
            Kind::Sint64 => Scalar::Sint64,
            Kind::Fixed32 => Scalar::Fixed32,
            Kind::Fixed64 => Scalar::Fixed64,
            Kind::Sfixed32 => Scalar::Sfixed32,
            Kind::Sfixed64 => Scalar::Sfixed64,
            Kind::Bool => Scalar::Bool,
            Kind::String => Scalar::String,
            Kind::Bytes => Scalar::Bytes,
            Kind::Message(_) | Kind::Enum(_) => return None,
        })
    }

    /// The kinds that read each other's bytes.
    pub(in crate::proto) const fn family(self) -> Family {
        match self {
            Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Uint64 | Scalar::Bool => Family::Integer,
            Scalar::Sint32 | Scalar::Sint64 => Family::Zigzag,
            Scalar::String | Scalar::Bytes => Family::Text,
            Scalar::Fixed32 | Scalar::Sfixed32 => Family::Fixed32,
            Scalar::Fixed64 | Scalar::Sfixed64 => Family::Fixed64,
            Scalar::Float => Family::Float,
            Scalar::Double => Family::Double,
        }
    }

    pub(super) const fn wire(self) -> Wire {
        match self {
            Scalar::Int32
            | Scalar::Int64
            | Scalar::Uint32
            | Scalar::Uint64
            | Scalar::Sint32
            | Scalar::Sint64
            | Scalar::Bool => Wire::Varint,
            Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => Wire::Fixed64,
            Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32 => Wire::Fixed32,
            Scalar::String | Scalar::Bytes => Wire::Length,
        }
    }

    pub(super) fn default(self) -> Value {
        match self {
            Scalar::Double | Scalar::Float => Value::Float(0.0),
            Scalar::Int32
            | Scalar::Int64
            | Scalar::Sint32
            | Scalar::Sint64
            | Scalar::Sfixed32
            | Scalar::Sfixed64 => Value::Int(0),
            Scalar::Uint32 | Scalar::Uint64 | Scalar::Fixed32 | Scalar::Fixed64 => Value::UInt(0),
            Scalar::Bool => Value::Bool(false),
            Scalar::String => Value::String(String::new()),
            Scalar::Bytes => Value::Bytes(Vec::new()),
        }
    }
}
