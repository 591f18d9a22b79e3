//! The parsing canonical form and its 64-bit fingerprint (Avro specification, "Transforming into Parsing Canonical
//! Form" and "Schema Fingerprints"), written as Avro Java writes them.

use std::collections::HashSet;

use super::{
    json_text::{separate, string},
    node::{Kind, NodeId},
    schema::Schema,
};

/// The canonical form.
pub(super) fn canonical_form(schema: &Schema) -> String {
    let mut out = String::with_capacity(schema.text().len() / 2);
    build(schema, schema.root(), &mut HashSet::new(), &mut out);
    out
}

/// Depth was bounded when the schema was parsed: every definition is entered once.
fn build<'s>(schema: &'s Schema, id: NodeId, seen: &mut HashSet<&'s str>, out: &mut String) {
    let kind = &schema.node(id).kind;
    if let Some(name) = kind.type_name() {
        if !seen.insert(name.full()) {
            string(out, name.full());
            return;
        }
        out.push_str("{\"name\":");
        string(out, name.full());
        out.push_str(",\"type\":\"");
        out.push_str(kind.name());
        out.push('"');
    }
    match kind {
        Kind::Union(branches) => {
            out.push('[');
            for (index, branch) in branches.iter().enumerate() {
                separate(out, index);
                build(schema, *branch, seen, out);
            }
            out.push(']');
        }
        Kind::Array(item) | Kind::Map(item) => {
            out.push_str(if matches!(kind, Kind::Array(_)) {
                "{\"type\":\"array\",\"items\":"
            } else {
                "{\"type\":\"map\",\"values\":"
            });
            build(schema, *item, seen, out);
            out.push('}');
        }
        Kind::Enum(kind) => {
            out.push_str(",\"symbols\":[");
            for (index, symbol) in kind.symbols.iter().enumerate() {
                separate(out, index);
                string(out, symbol);
            }
            out.push_str("]}");
        }
        Kind::Fixed(fixed) => {
            out.push_str(",\"size\":");
            out.push_str(&fixed.size.to_string());
            out.push('}');
        }
        Kind::Record(record) => {
            out.push_str(",\"fields\":[");
            for (index, field) in record.fields.iter().enumerate() {
                separate(out, index);
                out.push_str("{\"name\":");
                string(out, &field.name);
                out.push_str(",\"type\":");
                build(schema, field.node, seen, out);
                out.push('}');
            }
            out.push_str("]}");
        }
        primitive => string(out, primitive.name()),
    }
}

const RABIN_EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// What a byte does to the checksum, with 0 to 7 bytes behind it.
const RABIN_TABLES: [[u64; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (RABIN_EMPTY & (value & 1).wrapping_neg());
            bit += 1;
        }
        tables[0][index] = value;
        index += 1;
    }
    let mut behind = 1;
    while behind < 8 {
        let mut index = 0;
        while index < 256 {
            let value = tables[behind - 1][index];
            tables[behind][index] = (value >> 8) ^ tables[0][(value & 0xff) as usize];
            index += 1;
        }
        behind += 1;
    }
    tables
};

/// CRC-64-AVRO, eight bytes at a time.
pub(super) fn rabin(bytes: &[u8]) -> u64 {
    static TABLES: [[u64; 256]; 8] = RABIN_TABLES;
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().fold(RABIN_EMPTY, |value, word| {
        let mixed = (value ^ u64::from_le_bytes(*word)).to_le_bytes();
        let effects = mixed.iter().zip(TABLES.iter().rev());
        effects.fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
    });
    rest.iter().fold(words, |value, byte| {
        (value >> 8) ^ TABLES[0][((value ^ u64::from(*byte)) & 0xff) as usize]
    })
}
