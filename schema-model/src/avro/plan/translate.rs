//! A writer's bytes as a reader's: the reader's schema drives a plan, and what it reads is written again.

use super::{PLANNED_BYTES_MAX, Planned};
use crate::avro::{
    node::{Kind, NodeId},
    schema::Schema,
    wire::{Fault, Of, Result, Source, Writer},
};

/// Translates one value. The reader bounds how deep the recursion here goes; what takes room is in functions of its own, so
/// that a level takes little of the stack.
pub(super) fn value(schema: &Schema, id: NodeId, from: &mut Planned<'_>, to: &mut Writer) -> Result<()> {
    match &schema.node(id).kind {
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
            from.reader().open(record.holds_itself, record.nothings)?;
            let outer = from.begin()?;
            for field in &record.fields {
                value(schema, field.node, from.field()?, to)?;
            }
            from.end(outer)?;
            from.reader().close(record.holds_itself);
        }
        kind => plain(kind, from, to)?,
    }
    if to.len() > PLANNED_BYTES_MAX {
        return too_long(from);
    }
    Ok(())
}

#[inline(never)]
fn plain(kind: &Kind, from: &mut Planned<'_>, to: &mut Writer) -> Result<()> {
    match kind {
        Kind::Boolean => to.bool(from.bool()?),
        Kind::Int => to.int(from.int()?),
        Kind::Long => to.long(from.long()?),
        Kind::Float => to.float(from.float()?),
        Kind::Double => to.double(from.double()?),
        Kind::Bytes => to.bytes(from.slice()?),
        Kind::String => to.string(from.str()?),
        Kind::Fixed(fixed) => to.fixed(from.fixed_slice(fixed.size)?),
        Kind::Enum(kind) => to.enum_index(from.enum_index(kind.symbols.len())?),
        _ => from.null()?,
    }
    Ok(())
}

#[cold]
fn too_long(from: &mut Planned<'_>) -> Result<()> {
    let message = format!("the payload grows beyond {PLANNED_BYTES_MAX} bytes by the reader's defaults");
    Err(Fault::new(from.reader().position(), message).of(Of::Nothing))
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
