//! A writer's bytes as the reader asks for them.
//!
//! Invariant: `step` is the step of the value that is asked for next. Inside of what is exact there is nothing to follow,
//! and `step` stays [`EXACT`]; so it does in a default, whose bytes are the reader's.

use super::{DefaultValue, EXACT, FieldStep, From, PLANNED_BYTES_MAX, Plan, RecordSteps, Step, StepId};
use crate::avro::node::NodeId;
use crate::avro::symbol;
use crate::avro::typed::{Borrowed, Datum};
use crate::avro::wire::{Fault, Of, Reader, Result, Sealed, Source};

/// A writer's body, read by a plan.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    plan: &'a Plan,
    reader: Reader<'a>,
    step: StepId,
    frame: Frame<'a>,
    /// Bytes taken from defaults or passed over ahead of their turn, so far.
    spent: usize,
    /// The writer's bytes, while a default is read, and that default.
    parked: Option<(Reader<'a>, &'a DefaultValue)>,
}

/// The record that is being read.
#[derive(Debug, Default)]
pub(crate) struct Frame<'a> {
    /// Its steps; none when it is exact.
    record: Option<&'a RecordSteps>,
    /// The reader's next field.
    next: usize,
    /// How far a record in another order is known.
    reordered: Option<Box<Reordered<'a>>>,
}

/// A record whose fields the writer has in another order.
#[derive(Debug)]
struct Reordered<'a> {
    /// All of the writer's fields.
    fields: &'a [NodeId],
    /// Where they begin, as far as that is known, and where the last one ends.
    places: Vec<usize>,
    /// The writer's field that is being read.
    reading: Option<usize>,
}

impl<'a> Planned<'a> {
    pub(super) fn new(plan: &'a Plan, reader: Reader<'a>) -> Planned<'a> {
        Planned {
            plan,
            reader,
            step: plan.root,
            frame: Frame::default(),
            spent: 0,
            parked: None,
        }
    }

    pub(super) fn finish(&self) -> Result<()> {
        self.reader.finish()
    }

    /// A fault by its place among the writer's bytes: a default has none.
    pub(super) fn placed(&self, fault: Fault) -> Fault {
        match &self.parked {
            Some((writer, default)) => Fault::new(
                writer.position(),
                format!(
                    "in the reader's default of \"{}\": {}",
                    default.field,
                    fault.message()
                ),
            )
            .of(Of::Nothing),
            None => fault,
        }
    }

    #[cold]
    fn fault<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Fault::new(self.reader.position(), message))
    }

    #[cold]
    fn unexpected<T>(&self) -> Result<T> {
        self.fault("the type that reads is not of the schema it was planned for")
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.spent += bytes;
        if self.spent > PLANNED_BYTES_MAX {
            let message = format!(
                "the payload grows beyond {PLANNED_BYTES_MAX} bytes by the reader's defaults, or by fields in another order"
            );
            return Err(Fault::new(self.reader.position(), message).of(Of::Nothing));
        }
        Ok(())
    }

    /// The step of the value, behind the writer's choice among branches.
    #[inline]
    fn settled(&mut self) -> Result<&'a Step> {
        let plan = self.plan;
        match plan.step(self.step) {
            Step::WriterUnion(branches) => {
                let start = self.reader.position();
                let branch = self.reader.branch(branches.len())?;
                self.step = branches[branch];
                match plan.step(self.step) {
                    // The byte of the union is there, even where its value takes none.
                    Step::Fail(message, _) => Err(Fault::new(start, message.as_str())),
                    step => Ok(step),
                }
            }
            Step::Fail(message, of) => {
                let fault = Fault::new(self.reader.position(), message.as_str());
                Err(fault.of(of.map_or(Of::Byte, Of::Type)))
            }
            step => Ok(step),
        }
    }

    /// Stands at the writer's field, of a record in another order.
    fn reach(&mut self, wanted: usize) -> Result<()> {
        let Some(mut record) = self.frame.reordered.take() else {
            return Ok(());
        };
        if record
            .reading
            .is_some_and(|index| index + 1 == record.places.len())
        {
            record.places.push(self.reader.position());
        }
        if let Some(place) = record.places.get(wanted).or(record.places.last()) {
            self.reader.seek(*place);
        }
        while record.places.len() <= wanted {
            if let Some(field) = record.fields.get(record.places.len() - 1) {
                let (start, items) = (self.reader.position(), self.reader.zero_byte_items);
                self.plan.writer.walk(*field, &mut self.reader)?;
                let passed = items - self.reader.zero_byte_items;
                self.spend(self.reader.position() - start + passed)?;
                // They count when they are read.
                self.reader.zero_byte_items = items;
            }
            record.places.push(self.reader.position());
        }
        record.reading = Some(wanted);
        self.frame.reordered = Some(record);
        Ok(())
    }

    #[inline]
    fn begin_field(&mut self, field: &'a FieldStep) -> Result<()> {
        for node in &field.passed {
            self.plan.writer.walk(*node, &mut self.reader)?;
        }
        match &field.from {
            From::Field(index, step) => {
                if self.frame.reordered.is_some() {
                    self.reach(*index)?;
                }
                self.step = *step;
                Ok(())
            }
            From::Default(default) => self.begin_default(default),
        }
    }

    fn begin_default(&mut self, default: &'a DefaultValue) -> Result<()> {
        self.spend(default.cost)?;
        let reader = self.reader.of(&default.bytes);
        self.parked = Some((std::mem::replace(&mut self.reader, reader), default));
        self.step = EXACT;
        Ok(())
    }

    /// Back from a default. Nothing of what is in one is planned, so there is one at most.
    #[inline]
    fn unpark(&mut self) {
        if self.parked.is_some()
            && let Some((reader, _)) = self.parked.take()
        {
            let default = std::mem::replace(&mut self.reader, reader);
            self.reader.spend_as(&default);
        }
    }
}

#[cold]
fn no_such_symbol(position: usize, name: &str, symbol: &str) -> Fault {
    let message = format!("the reader's enum {name} has no symbol \"{symbol}\" and no default");
    Fault::new(position, message)
}

impl Sealed for Planned<'_> {}

impl<'a> Source<'a> for Planned<'a> {
    type Outer = Frame<'a>;
    type Item = StepId;

    fn begin(&mut self) -> Result<Frame<'a>> {
        let mut frame = Frame::default();
        match self.settled()? {
            Step::Exact => {}
            Step::Record(record) => {
                frame.record = Some(record);
                frame.reordered = record.reordered.as_ref().map(|fields| {
                    Box::new(Reordered {
                        fields,
                        places: vec![self.reader.position()],
                        reading: None,
                    })
                });
            }
            _ => return self.unexpected(),
        }
        Ok(std::mem::replace(&mut self.frame, frame))
    }

    fn field(&mut self) -> Result<&mut Self> {
        if let Some(record) = self.frame.record {
            self.unpark();
            let Some(field) = record.fields.get(self.frame.next) else {
                return self.unexpected();
            };
            self.frame.next += 1;
            self.begin_field(field)?;
        }
        Ok(self)
    }

    fn end(&mut self, outer: Frame<'a>) -> Result<()> {
        if let Some(record) = self.frame.record {
            self.unpark();
            for node in &record.passed {
                self.plan.writer.walk(*node, &mut self.reader)?;
            }
            if let Some(fields) = &record.reordered {
                self.reach(fields.len())?;
            }
        }
        self.frame = outer;
        self.step = EXACT;
        Ok(())
    }

    fn begin_items(&mut self) -> Result<StepId> {
        match self.settled()? {
            Step::Exact => Ok(EXACT),
            Step::Items(item) => Ok(*item),
            _ => self.unexpected(),
        }
    }

    fn item(&mut self, item: StepId) {
        self.step = item;
    }

    fn reader(&mut self) -> &mut Reader<'a> {
        &mut self.reader
    }

    #[inline]
    fn exact(&mut self) -> Result<&mut Reader<'a>> {
        if self.step == EXACT {
            return Ok(&mut self.reader);
        }
        match self.settled()? {
            Step::Exact => Ok(&mut self.reader),
            // What the writer wrote must be text, whoever reads it.
            Step::Text => {
                self.reader.clone().str()?;
                Ok(&mut self.reader)
            }
            _ => self.unexpected(),
        }
    }

    fn long(&mut self) -> Result<i64> {
        match self.settled()? {
            Step::Exact => self.reader.long(),
            Step::Int => Ok(i64::from(self.reader.int()?)),
            _ => self.unexpected(),
        }
    }

    #[inline]
    fn borrowed_into<T: Borrowed<'a>>(&mut self, into: &mut T) -> Result<()> {
        if self.step == EXACT {
            return into.read(&mut self.reader);
        }
        into.read(self)
    }

    /// What is exact is read from its bytes, as if there were no plan.
    #[inline]
    fn datum_into<T: Datum>(&mut self, into: &mut T) -> Result<()> {
        if self.step == EXACT {
            return into.read(&mut self.reader);
        }
        into.read(self)
    }

    fn float(&mut self) -> Result<f32> {
        match self.settled()? {
            Step::Exact => self.reader.float(),
            Step::Int => Ok(self.reader.int()? as f32),
            Step::LongToFloat => Ok(self.reader.long()? as f32),
            _ => self.unexpected(),
        }
    }

    fn double(&mut self) -> Result<f64> {
        match self.settled()? {
            Step::Exact => self.reader.double(),
            Step::Int => Ok(f64::from(self.reader.int()?)),
            Step::LongToDouble => Ok(self.reader.long()? as f64),
            Step::FloatToDouble => Ok(f64::from(self.reader.float()?)),
            _ => self.unexpected(),
        }
    }

    fn enum_index(&mut self, symbols: usize) -> Result<usize> {
        match self.settled()? {
            Step::Exact => self.reader.enum_index(symbols),
            Step::Enum { name, symbols } => {
                let start = self.reader.position();
                let index = self.reader.enum_index(symbols.len())?;
                match &symbols[index] {
                    Ok(index) => Ok(*index),
                    Err(symbol) => Err(no_such_symbol(start, name, symbol)),
                }
            }
            _ => self.unexpected(),
        }
    }

    fn symbol(&mut self, symbols: usize) -> Result<std::result::Result<usize, &'static str>> {
        match self.settled()? {
            Step::Exact => self.reader.enum_index(symbols).map(Ok),
            Step::Enum { name, symbols } => {
                let start = self.reader.position();
                let index = self.reader.enum_index(symbols.len())?;
                match &symbols[index] {
                    Ok(index) => Ok(Ok(*index)),
                    Err(symbol) => match symbol::kept(symbol) {
                        Some(symbol) => Ok(Err(symbol)),
                        None => Err(no_such_symbol(start, name, symbol)),
                    },
                }
            }
            _ => self.unexpected(),
        }
    }

    fn branch(&mut self, branches: usize) -> Result<usize> {
        match self.settled()? {
            Step::Exact => self.reader.branch(branches),
            Step::ReaderUnion(branch, step) => {
                self.step = *step;
                Ok(*branch)
            }
            _ => self.unexpected(),
        }
    }
}
