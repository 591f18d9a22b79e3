//! Running a plan over a body.

use super::{Action, Op, OpId, Plan, Promotion, RecordOp, Source, TRANSLATED_BYTES_MAX};
use crate::{
    ReadError,
    avro::wire::{Reader, Writer},
};

pub(super) fn translate(plan: &Plan, body: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
    let length = out.len();
    let mut run = Run {
        plan,
        reader: Reader::new(body),
        out: Writer::append_to(std::mem::take(out)),
        made: 0,
    };
    let result = run.op(plan.root).and_then(|()| run.reader.finish());
    *out = run.out.into_bytes();
    if result.is_err() {
        out.truncate(length);
    }
    result
}

struct Run<'p> {
    plan: &'p Plan,
    reader: Reader<'p>,
    out: Writer,
    /// Bytes written so far, those of reordered fields counted each time they are moved.
    made: usize,
}

impl<'p> Run<'p> {
    /// Translates one value. Depth is bounded by the reader, so the recursion here is.
    fn op(&mut self, id: OpId) -> Result<(), ReadError> {
        let plan: &'p Plan = self.plan;
        match &plan.ops[id.0] {
            Op::Copy(node) => {
                let start = self.reader.position();
                plan.writer.walk(*node, &mut self.reader)?;
                let passed = self.reader.passed(start);
                self.write(passed)
            }
            Op::Promote(promotion) => {
                match promotion {
                    Promotion::LongToFloat => self.out.float(self.reader.long()? as f32),
                    Promotion::LongToDouble => self.out.double(self.reader.long()? as f64),
                    Promotion::FloatToDouble => self.out.double(f64::from(self.reader.float()?)),
                }
                self.write(&[])
            }
            Op::Text => {
                let start = self.reader.position();
                self.reader.string()?;
                let passed = self.reader.passed(start);
                self.write(passed)
            }
            Op::Enum(symbols) => {
                let index = self.reader.enum_index(symbols.len())?;
                match &symbols[index] {
                    Ok(index) => self.out.enum_index(*index),
                    Err(message) => return fail(message),
                }
                Ok(())
            }
            Op::Array(item) => {
                self.blocks(|run, index| run.op(*item).map_err(|error| error.within_index(index)))
            }
            Op::Map(value) => self.blocks(|run, index| {
                let key = run.reader.string().map_err(|error| error.within_index(index))?;
                run.out.string(key);
                run.op(*value).map_err(|error| error.within_key(key))
            }),
            Op::WriterUnion(branches) => {
                let branch = self.reader.branch(branches.len())?;
                self.op(branches[branch])
            }
            Op::ReaderUnion(branch, op) => {
                self.out.branch(*branch);
                self.op(*op)
            }
            Op::Record(record) => {
                self.reader.enter()?;
                if record.in_order {
                    self.ordered(record)?
                } else {
                    self.reordered(record)?
                }
                self.reader.leave();
                Ok(())
            }
            Op::Fail(message) => fail(message),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.made += bytes.len();
        if self.out.len() > TRANSLATED_BYTES_MAX || self.made > TRANSLATED_BYTES_MAX {
            return fail(&format!(
                "the payload grows beyond {TRANSLATED_BYTES_MAX} bytes by the reader's defaults"
            ));
        }
        self.out.fixed(bytes);
        Ok(())
    }

    /// Blocks of an array or map, written without their sizes.
    fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.reader.enter()?;
        let mut index = 0;
        while let Some((count, end)) = self.reader.block()? {
            self.out.long(i64::try_from(count).unwrap_or(i64::MAX));
            for _ in 0..count {
                let before = self.reader.position();
                item(self, index)?;
                if self.reader.position() == before {
                    self.reader.spend_zero_byte_item()?;
                }
                index += 1;
            }
            self.reader.end_block(end)?;
        }
        self.out.long(0);
        self.reader.leave();
        Ok(())
    }

    fn field(&mut self, record: &RecordOp, index: usize) -> Result<(), ReadError> {
        let plan: &'p Plan = self.plan;
        let Some(field) = record.fields.get(index) else {
            return Ok(());
        };
        let done = match &field.action {
            Action::Skip(node) => plan.writer.walk(*node, &mut self.reader),
            Action::Read(op) => self.op(*op),
        };
        done.map_err(|error| error.within(&field.name))
    }

    /// The writer's fields come in the reader's order: everything is written as it is read.
    fn ordered(&mut self, record: &RecordOp) -> Result<(), ReadError> {
        let mut next = 0;
        for source in &record.sources {
            match source {
                Source::Default(bytes) => self.write(bytes)?,
                Source::Field(wanted) => {
                    while next <= *wanted {
                        self.field(record, next)?;
                        next += 1;
                    }
                }
            }
        }
        for index in next..record.fields.len() {
            self.field(record, index)?;
        }
        Ok(())
    }

    /// The writer's fields come in another order: they are translated aside, then put into the reader's order.
    fn reordered(&mut self, record: &RecordOp) -> Result<(), ReadError> {
        let outer = std::mem::take(&mut self.out);
        let mut ends = Vec::with_capacity(record.fields.len());
        let read = (0..record.fields.len()).try_for_each(|index| {
            self.field(record, index)?;
            ends.push(self.out.len());
            Ok(())
        });
        let aside = std::mem::replace(&mut self.out, outer).into_bytes();
        read?;
        for source in &record.sources {
            match source {
                Source::Default(bytes) => self.write(bytes)?,
                Source::Field(index) => {
                    let start = index
                        .checked_sub(1)
                        .and_then(|before| ends.get(before))
                        .copied()
                        .unwrap_or(0);
                    let end = ends.get(*index).copied().unwrap_or(start);
                    self.write(aside.get(start..end).unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }
}

fn fail(message: &str) -> Result<(), ReadError> {
    Err(ReadError {
        path: String::new(),
        message: message.to_owned(),
    })
}
