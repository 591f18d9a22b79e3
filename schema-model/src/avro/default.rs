//! Default values: whether they fit their type, and their binary form.
//!
//! A default of a union may fit any branch (Avro 1.12). A record's default may leave out fields that have defaults
//! themselves, which is why both functions here count their steps and depth.

use super::{
    json::{Json, JsonKind},
    node::{Kind, Node, NodeId},
    wire::Writer,
};
use crate::DEPTH_MAX;

/// How many values the defaults of one schema text may hold, those filled in from other defaults included.
const STEPS_MAX: usize = 1_000_000;

/// How long one default may be in binary.
const BYTES_MAX: usize = 1024 * 1024;

/// Checks that a default fits its type.
pub(super) fn check(nodes: &[Node], node: NodeId, value: &Json, steps: &mut usize) -> Result<(), String> {
    if fits(nodes, node, value, steps, 0)? {
        return Ok(());
    }
    let kind = &nodes[node.index()].kind;
    let mut text = String::new();
    super::json_text::write(&mut text, value);
    Err(format!(
        "{} is no {}",
        crate::finding::snippet(&text),
        kind.type_name().map_or(kind.name(), |name| name.full())
    ))
}

fn fits(nodes: &[Node], node: NodeId, value: &Json, steps: &mut usize, depth: usize) -> Result<bool, String> {
    *steps += 1;
    if *steps > STEPS_MAX {
        return Err("the defaults of the schema are too large".to_owned());
    }
    if depth > DEPTH_MAX {
        return Err(format!("it nests deeper than {DEPTH_MAX} levels"));
    }
    Ok(match (&nodes[node.index()].kind, &value.kind) {
        (Kind::Null, JsonKind::Null)
        | (Kind::Boolean, JsonKind::Bool(_))
        | (Kind::Bytes | Kind::String | Kind::Enum(_) | Kind::Fixed(_), JsonKind::String(_))
        | (Kind::Float | Kind::Double, JsonKind::Number(_)) => true,
        (Kind::Int, _) => value.as_i64().is_some_and(|value| i32::try_from(value).is_ok()),
        (Kind::Long, _) => value.as_i64().is_some(),
        (Kind::Array(item), JsonKind::Array(values)) => {
            for value in values {
                if !fits(nodes, *item, value, steps, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Kind::Map(item), JsonKind::Object(entries)) => {
            for (_, value) in entries {
                if !fits(nodes, *item, value, steps, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Kind::Union(branches), _) => {
            for branch in branches {
                if fits(nodes, *branch, value, steps, depth)? {
                    return Ok(true);
                }
            }
            false
        }
        (Kind::Record(record), JsonKind::Object(_)) => {
            for field in &record.fields {
                let Some(value) = value.get(&field.name).or(field.default.as_ref()) else {
                    return Ok(false);
                };
                if !fits(nodes, field.node, value, steps, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}

/// A default in binary form.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// How many values it holds, itself among them.
    pub(super) values: usize,
}

/// The binary form of a default that fits its type.
pub(super) fn encode(nodes: &[Node], node: NodeId, value: &Json) -> Result<Encoded, String> {
    let mut encoder = Encoder {
        nodes,
        writer: Writer::new(),
        steps: 0,
        values: 0,
    };
    encoder.encode(node, value, 0)?;
    Ok(Encoded {
        bytes: encoder.writer.into_bytes(),
        values: encoder.values,
    })
}

struct Encoder<'n> {
    nodes: &'n [Node],
    writer: Writer,
    steps: usize,
    values: usize,
}

impl Encoder<'_> {
    fn encode(&mut self, node: NodeId, value: &Json, depth: usize) -> Result<(), String> {
        if self.writer.len() > BYTES_MAX || depth > DEPTH_MAX {
            return Err(format!(
                "a default is longer than {BYTES_MAX} bytes or deeper than {DEPTH_MAX} levels"
            ));
        }
        self.values += 1;
        let nodes = self.nodes;
        match (&nodes[node.index()].kind, &value.kind) {
            (Kind::Null, _) => {}
            (Kind::Boolean, JsonKind::Bool(value)) => self.writer.bool(*value),
            (Kind::Int | Kind::Long, _) => self.writer.long(value.as_i64().ok_or("a default is no integer")?),
            (Kind::Float, _) => self.writer.float(double(value)? as f32),
            (Kind::Double, _) => self.writer.double(double(value)?),
            (Kind::String, JsonKind::String(text)) => self.writer.string(text),
            (Kind::Bytes, JsonKind::String(text)) => self.writer.bytes(&latin1(text)),
            (Kind::Fixed(fixed), JsonKind::String(text)) => {
                let mut bytes = latin1(text);
                bytes.resize(fixed.size, 0);
                self.writer.fixed(&bytes);
            }
            (Kind::Enum(kind), JsonKind::String(text)) => {
                let index = kind.position(text);
                let name = kind.name.full();
                self.writer.enum_index(
                    index.ok_or_else(|| format!("the default \"{text}\" is no symbol of enum {name}"))?,
                );
            }
            (Kind::Array(item), JsonKind::Array(values)) => {
                self.count(values.len());
                for value in values {
                    self.encode(*item, value, depth + 1)?;
                }
                self.writer.long(0);
            }
            (Kind::Map(item), JsonKind::Object(entries)) => {
                self.count(entries.len());
                for (key, value) in entries {
                    self.writer.string(key);
                    self.encode(*item, value, depth + 1)?;
                }
                self.writer.long(0);
            }
            (Kind::Union(branches), _) => {
                let branch = self.branch(branches, value)?;
                self.writer.branch(branch);
                self.encode(branches[branch], value, depth)?;
            }
            (Kind::Record(record), _) => {
                for field in &record.fields {
                    let value = value.get(&field.name).or(field.default.as_ref());
                    let value = value.ok_or_else(|| format!("a default lacks field \"{}\"", field.name))?;
                    self.encode(field.node, value, depth + 1)?;
                }
            }
            (kind, _) => return Err(format!("a default is no {}", kind.name())),
        }
        Ok(())
    }

    /// The first branch the value fits; an enum only fits its symbols.
    fn branch(&mut self, branches: &[NodeId], value: &Json) -> Result<usize, String> {
        for (index, branch) in branches.iter().enumerate() {
            if let (Kind::Enum(kind), Some(text)) = (&self.nodes[branch.index()].kind, value.as_str())
                && kind.position(text).is_none()
            {
                continue;
            }
            if fits(self.nodes, *branch, value, &mut self.steps, 0)? {
                return Ok(index);
            }
        }
        Err("a default fits no branch of its union".to_owned())
    }

    fn count(&mut self, count: usize) {
        if count > 0 {
            self.writer.long(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// A number as Java reads one: the integer `-0` has no sign.
fn double(value: &Json) -> Result<f64, String> {
    let number = value.as_f64().ok_or("a default is no number")?;
    Ok(if value.is_integer() { number + 0.0 } else { number })
}

/// A byte for each character, `?` for those that have none, as Java encodes ISO 8859-1.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'))
        .collect()
}
