//! Payload validation: the schema compiled to a table of small operations, run over the bytes without building values.
//!
//! Checks lengths, booleans, int range, enum and union indexes, UTF-8, block sizes, depth, budgets of items and names and that the
//! payload ends with the value, and that decimals are numbers of at most 4,096 bits: what passes can be read later, as a
//! `Value`. That is more than Avro Java asks for: it ignores bytes left over, reads a boolean 2 as false, and knows no
//! largest decimal. Left out is what other logical types, and a decimal's precision, ask of the values they stand on: no
//! producer but a typed one keeps to it, and a typed reader refuses such a record, as it does a uuid that is none.

use std::sync::Arc;

use super::{
    node::{Kind, Logical, NodeId},
    schema::Schema,
    wire::{self, Fault, Reader, Source as _},
};
use crate::{ReadError, WalkError};

/// A compiled validator of one schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Walk(Arc<Ops>);

impl Walk {
    /// Compiles the validator of a schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Walk {
        Walk(Arc::new(Ops::with_decimals(schema)))
    }

    /// Checks a body to its last byte.
    ///
    /// # Errors
    /// [`WalkError`] with the field and what is wrong.
    pub fn check(&self, body: &[u8]) -> Result<(), WalkError> {
        let mut reader = Reader::new(body);
        let walked = self
            .0
            .walk(self.0.root, &mut reader)
            .and_then(|()| reader.finish());
        walked.map_err(|fault| WalkError {
            path: self.0.path(Reader::new(body), &fault),
            message: fault.message().to_owned(),
        })
    }
}

/// One operation for each node of a schema, at the node's index.
#[derive(Clone, Debug)]
pub(super) struct Ops {
    ops: Vec<Op>,
    root: NodeId,
    schema: Schema,
    /// Whether names are counted as they are where values are made of what is walked.
    charges_names: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Fixed(usize),
    Bytes,
    /// Digits in bytes, at a scale.
    Decimal(u32),
    /// Digits in a fixed of this size, at a scale.
    DecimalFixed(usize, u32),
    BigDecimal,
    String,
    Enum(usize),
    Array(NodeId),
    Map(NodeId),
    Union(Box<[NodeId]>),
    Record {
        fields: Box<[NodeId]>,
        holds_itself: bool,
        nothings: usize,
    },
}

impl Ops {
    pub(super) fn new(schema: &Schema) -> Ops {
        let ops = schema.nodes().iter().map(|node| match &node.kind {
            Kind::Null => Op::Null,
            Kind::Boolean => Op::Boolean,
            Kind::Int => Op::Int,
            Kind::Long => Op::Long,
            Kind::Float => Op::Float,
            Kind::Double => Op::Double,
            Kind::Bytes => Op::Bytes,
            Kind::String => Op::String,
            Kind::Fixed(fixed) => Op::Fixed(fixed.size),
            Kind::Enum(kind) => Op::Enum(kind.symbols.len()),
            Kind::Array(item) => Op::Array(*item),
            Kind::Map(value) => Op::Map(*value),
            Kind::Union(branches) => Op::Union(branches.clone().into()),
            Kind::Record(record) => {
                let fields = record.fields.iter().map(|field| field.node);
                Op::Record {
                    fields: fields.collect(),
                    holds_itself: record.holds_itself,
                    nothings: record.nothings,
                }
            }
        });
        Ops {
            ops: ops.collect(),
            root: schema.root(),
            schema: schema.clone(),
            charges_names: false,
        }
    }

    /// The same, with decimals looked at, and names.
    fn with_decimals(schema: &Schema) -> Ops {
        let mut ops = Ops::new(schema);
        ops.charges_names = true;
        for (op, node) in ops.ops.iter_mut().zip(schema.nodes()) {
            *op = match (node.logical, &node.kind) {
                (Some(Logical::Decimal { scale, .. }), Kind::Fixed(fixed)) => {
                    Op::DecimalFixed(fixed.size, scale)
                }
                (Some(Logical::Decimal { scale, .. }), _) => Op::Decimal(scale),
                (Some(Logical::BigDecimal), _) => Op::BigDecimal,
                _ => continue,
            };
        }
        ops
    }

    /// Passes one value. Depth is bounded by the reader, so the recursion here is.
    pub(super) fn walk(&self, id: NodeId, reader: &mut Reader<'_>) -> wire::Result<()> {
        match &self.ops[id.index()] {
            Op::Null => Ok(()),
            Op::Boolean => reader.bool().map(drop),
            Op::Int => reader.int().map(drop),
            Op::Long => reader.long().map(drop),
            Op::Float => reader.float().map(drop),
            Op::Double => reader.double().map(drop),
            Op::Fixed(size) => reader.fixed_slice(*size).map(drop),
            Op::Bytes => reader.slice().map(drop),
            Op::Decimal(scale) => reader.decimal_bytes(*scale).map(drop),
            Op::DecimalFixed(size, scale) => reader.decimal_fixed(*size, *scale).map(drop),
            Op::BigDecimal => reader.as_logical(Reader::slice, wire::big_decimal).map(drop),
            Op::String => reader.pass_str(),
            Op::Enum(symbols) => {
                let symbol = reader.enum_index(*symbols)?;
                self.charge_symbol(id, symbol, reader)
            }
            Op::Array(item) => reader.items(|reader| self.walk(*item, reader)),
            Op::Map(value) => reader.items(|reader| {
                reader.pass_str()?;
                self.walk(*value, reader)
            }),
            Op::Union(branches) => {
                let branch = reader.branch(branches.len())?;
                self.walk(branches[branch], reader)
            }
            Op::Record {
                fields,
                holds_itself,
                nothings,
            } => {
                reader.open(*holds_itself, *nothings)?;
                for (index, field) in fields.iter().enumerate() {
                    self.walk(*field, reader)?;
                    self.charge_field(id, index, reader)?;
                }
                reader.close(*holds_itself);
                self.charge_record(id, reader)
            }
        }
    }

    fn charge_symbol(&self, id: NodeId, symbol: usize, reader: &mut Reader<'_>) -> wire::Result<()> {
        match &self.schema.node(id).kind {
            Kind::Enum(kind) if self.charges_names => {
                reader.charge_name(kind.symbols.get(symbol).map_or(0, String::len))
            }
            _ => Ok(()),
        }
    }

    fn charge_field(&self, id: NodeId, index: usize, reader: &mut Reader<'_>) -> wire::Result<()> {
        match &self.schema.node(id).kind {
            Kind::Record(record) if self.charges_names => {
                reader.charge_name(record.fields.get(index).map_or(0, |field| field.name.len()))
            }
            _ => Ok(()),
        }
    }

    fn charge_record(&self, id: NodeId, reader: &mut Reader<'_>) -> wire::Result<()> {
        match &self.schema.node(id).kind {
            Kind::Record(record) if self.charges_names => reader.charge_name(record.name.full().len()),
            _ => Ok(()),
        }
    }

    /// A fault with the path of its field; `from` stands where the value begins.
    pub(super) fn placed(&self, from: Reader<'_>, fault: Fault) -> ReadError {
        let path = self.path(from, &fault);
        fault.within(path)
    }

    /// The schema.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }
}
