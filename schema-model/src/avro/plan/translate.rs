//! A writer's bytes as a reader's: the reader's schema drives a plan, and what it reads is written again.

use super::{PLANNED_BYTES_MAX, Planned};
use crate::avro::{
    node::{Kind, NodeId},
    schema::Schema,
    wire::{Fault, Result, Source, Writer},
};

/// Translates one value. Depth is bounded by the reader, so the recursion here is.
pub(super) fn value(schema: &Schema, id: NodeId, from: &mut Planned<'_>, to: &mut Writer) -> Result<()> {
    match &schema.node(id).kind {
        Kind::Null => from.null()?,
        Kind::Boolean => to.bool(from.bool()?),
        Kind::Int => to.int(from.int()?),
        Kind::Long => to.long(from.long()?),
        Kind::Float => to.float(from.float()?),
        Kind::Double => to.double(from.double()?),
        Kind::Bytes => to.bytes(from.slice()?),
        Kind::String => to.string(from.str()?),
        Kind::Fixed(fixed) => to.fixed(from.fixed_slice(fixed.size)?),
        Kind::Enum(kind) => to.enum_index(from.enum_index(kind.symbols.len())?),
        Kind::Array(item) => items(from, to, |from, to| value(schema, *item, from, to))?,
        Kind::Map(item) => items(from, to, |from, to| {
            to.string(from.reader().str()?);
            value(schema, *item, from, to)
        })?,
        Kind::Union(branches) => {
            let branch = from.branch(branches.len())?;
            to.branch(branch);
            value(schema, branches[branch], from, to)?;
        }
        Kind::Record(record) => {
            from.reader().enter()?;
            let outer = from.begin()?;
            for field in &record.fields {
                value(schema, field.node, from.field()?, to)?;
            }
            from.end(outer)?;
            from.reader().leave();
        }
    }
    if to.len() > PLANNED_BYTES_MAX {
        let message = format!("the payload grows beyond {PLANNED_BYTES_MAX} bytes by the reader's defaults");
        return Err(Fault::new(from.reader().position(), message));
    }
    Ok(())
}

/// Blocks of an array or map, written without their sizes.
fn items<'a>(
    from: &mut Planned<'a>,
    to: &mut Writer,
    mut item: impl FnMut(&mut Planned<'a>, &mut Writer) -> Result<()>,
) -> Result<()> {
    from.reader().enter()?;
    let step = from.begin_items()?;
    while let Some((count, end)) = from.reader().block()? {
        to.long(i64::try_from(count).unwrap_or(i64::MAX));
        for _ in 0..count {
            let before = from.reader().remaining();
            from.item(step);
            item(from, to)?;
            from.reader().count_item(before)?;
        }
        from.reader().end_block(end)?;
    }
    to.long(0);
    from.reader().leave();
    Ok(())
}
