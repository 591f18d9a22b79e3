//! The path of a field, found from the position of a byte.
//!
//! Whoever reads bytes says at which of them they do not read, and nothing more; what field that is, is asked here, when
//! there is an error to tell. The bytes are walked once more, with the schema that wrote them, up to that position.

use super::{
    node::{Kind, NodeId},
    walk::Ops,
    wire::{self, Fault, Of, Reader},
};

impl Ops {
    /// The path of the value that does not read, e.g. `items[2].price`; empty for the whole, and for what was not written.
    /// `from` stands where the whole begins.
    pub(super) fn path(&self, from: Reader<'_>, fault: &Fault) -> String {
        let wanted = match fault.is_of() {
            Of::Byte => None,
            Of::Type(id) => Some(id),
            Of::Nothing => return String::new(),
        };
        let mut search = Search {
            ops: self,
            reader: from,
            position: fault.position(),
            wanted,
            path: Vec::new(),
        };
        // What does not read, ends the search where it stands.
        let found = search.value(self.schema().root()).unwrap_or(true);
        if found {
            written(&search.path)
        } else {
            String::new()
        }
    }
}

/// How many parts of a path are told at its ends.
const PARTS_TOLD: usize = 20;

/// A path as text; of a long one, its ends.
fn written(parts: &[Part<'_>]) -> String {
    let mut path = String::new();
    let (start, end) = match parts.len() > 2 * PARTS_TOLD {
        true => (&parts[..PARTS_TOLD], &parts[parts.len() - PARTS_TOLD..]),
        false => (parts, &[][..]),
    };
    start.iter().for_each(|part| part.write(&mut path));
    if !end.is_empty() {
        join(&mut path, "…");
    }
    end.iter().for_each(|part| part.write(&mut path));
    path
}

/// Appends a path to the path it is in.
pub(super) fn join(outer: &mut String, inner: &str) {
    if !outer.is_empty() && !inner.is_empty() && !inner.starts_with('[') {
        outer.push('.');
    }
    outer.push_str(inner);
}

enum Part<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl Part<'_> {
    fn write(&self, path: &mut String) {
        match self {
            Part::Field(name) => join(path, name),
            Part::Index(index) => path.push_str(&format!("[{index}]")),
            Part::Key(key) => path.push_str(&format!("[{key:?}]")),
        }
    }
}

struct Search<'a> {
    ops: &'a Ops,
    reader: Reader<'a>,
    position: usize,
    /// The type of the value that begins there, where the byte does not tell which it is.
    wanted: Option<NodeId>,
    /// Of the value the reader stands at.
    path: Vec<Part<'a>>,
}

impl<'a> Search<'a> {
    /// Whether the position was reached by what was read last.
    fn is_reached(&self) -> bool {
        self.reader.position() > self.position
    }

    /// Walks one value; whether the position is in it, and what does not read is there. Depth is bounded by the reader.
    fn value(&mut self, id: NodeId) -> wire::Result<bool> {
        if self.wanted == Some(id) && self.reader.position() == self.position {
            return Ok(true);
        }
        let ops = self.ops;
        match &ops.schema().node(id).kind {
            Kind::Record(record) => {
                self.reader.open(record.holds_itself, record.nothings)?;
                for field in &record.fields {
                    if self.part(Part::Field(&field.name), field.node)? {
                        return Ok(true);
                    }
                }
                self.reader.close(record.holds_itself);
                Ok(false)
            }
            Kind::Union(branches) => {
                let branch = self.reader.branch(branches.len())?;
                Ok(self.is_reached() || self.value(branches[branch])?)
            }
            Kind::Array(item) => self.items(|search, index| search.part(Part::Index(index), *item)),
            Kind::Map(value) => self.items(|search, index| {
                search.path.push(Part::Index(index));
                let key = search.reader.str()?;
                if search.is_reached() {
                    return Ok(true);
                }
                search.path.pop();
                search.part(Part::Key(key), *value)
            }),
            _ => {
                ops.walk(id, &mut self.reader)?;
                Ok(self.is_reached())
            }
        }
    }

    fn part(&mut self, part: Part<'a>, id: NodeId) -> wire::Result<bool> {
        self.path.push(part);
        let found = self.value(id)?;
        if !found {
            self.path.pop();
        }
        Ok(found)
    }

    fn items(&mut self, mut item: impl FnMut(&mut Self, usize) -> wire::Result<bool>) -> wire::Result<bool> {
        self.reader.enter()?;
        let mut index = 0;
        while let Some((count, end)) = self.reader.block()? {
            if self.is_reached() {
                return Ok(true);
            }
            for _ in 0..count {
                let before = self.reader.remaining();
                if item(self, index)? {
                    return Ok(true);
                }
                self.reader.count_item(before)?;
                index += 1;
            }
            self.reader.end_block(end)?;
        }
        self.reader.leave();
        Ok(self.is_reached())
    }
}
