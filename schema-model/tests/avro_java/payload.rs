//! Random data of a schema.

use annals_schema_model::avro::{Kind, Logical, NodeId, Schema, wire::Writer};

use crate::generate::Random;

/// Random data of a schema; `None` when chance nested it too deep.
pub(crate) fn data(schema: &Schema, random: &mut Random) -> Option<Vec<u8>> {
    let mut writer = Writer::new();
    value(schema, schema.root(), random, &mut writer, 12).then(|| writer.into_bytes())
}

fn value(schema: &Schema, id: NodeId, random: &mut Random, writer: &mut Writer, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let number = random.pick(&[
        0,
        1,
        -1,
        63,
        -64,
        300,
        1 << 20,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
    ]);
    match &schema.node(id).kind {
        Kind::Null => {}
        Kind::Boolean => writer.bool(random.once_in(2)),
        Kind::Int => writer.int(number as i32),
        Kind::Long => writer.long(random.pick(&[number, number << 20, i64::MAX, i64::MIN])),
        Kind::Float => writer.float(random.pick(&[0.0, -0.0, 1.5, f32::MAX, f32::INFINITY])),
        Kind::Double => writer.double(random.pick(&[0.0, -0.0, 0.1, f64::MIN_POSITIVE, f64::NEG_INFINITY])),
        Kind::Bytes if schema.node(id).logical == Some(Logical::BigDecimal) => {
            let mut inner = Writer::new();
            inner.bytes(b"digits");
            inner.int(random.pick(&[0, 2, -2]));
            writer.bytes(&inner.into_bytes());
        }
        Kind::Bytes if schema.node(id).logical.is_some() => writer.bytes(random.pick(&[&b"a"[..], b"bc"])),
        Kind::Bytes => writer.bytes(random.pick(&["", "a", "é", "longer text"]).as_bytes()),
        Kind::String => writer.string(random.pick(&["", "a", "é", "longer text"])),
        Kind::Fixed(fixed) => writer.fixed(&vec![0xfe; fixed.size]),
        Kind::Enum(kind) => match kind.symbols.len() {
            0 => return false,
            symbols => writer.enum_index(random.below(symbols)),
        },
        Kind::Array(item) => return items(schema, *item, random, writer, depth, &[None; 3]),
        Kind::Map(value) => {
            return items(
                schema,
                *value,
                random,
                writer,
                depth,
                &[Some("a"), Some("b"), Some("c")],
            );
        }
        Kind::Union(branches) => {
            if branches.is_empty() {
                return false;
            }
            let branch = if depth < 4 {
                0
            } else {
                random.below(branches.len())
            };
            writer.branch(branch);
            return value(schema, branches[branch], random, writer, depth);
        }
        Kind::Record(record) => {
            return record
                .fields
                .iter()
                .all(|field| value(schema, field.node, random, writer, depth));
        }
    }
    true
}

/// Up to as many items as there are keys, in one block; the keys of an array's items are `None`.
fn items(
    schema: &Schema,
    item: NodeId,
    random: &mut Random,
    writer: &mut Writer,
    depth: usize,
    keys: &[Option<&str>],
) -> bool {
    let count = if depth < 4 { 0 } else { random.below(keys.len()) };
    if count > 0 {
        writer.long(count as i64);
    }
    for key in &keys[..count] {
        if let Some(key) = key {
            writer.string(key);
        }
        if !value(schema, item, random, writer, depth) {
            return false;
        }
    }
    writer.long(0);
    true
}
