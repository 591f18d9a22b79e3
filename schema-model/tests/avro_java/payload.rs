//! Random data of a schema.

use annals_schema_model::avro::{Kind, Logical, Node, NodeId, Schema, wire::Writer};

use crate::generate::Random;

/// Random data of a schema; `None` when chance nested it too deep. `sound`: of its logical types alone what they have a
/// meaning for, as programs write it.
pub(crate) fn data(schema: &Schema, random: &mut Random, sound: bool) -> Option<Vec<u8>> {
    let mut data = Data {
        schema,
        random,
        writer: Writer::new(),
        sound,
    };
    data.value(schema.root(), 12).then(|| data.writer.into_bytes())
}

struct Data<'s> {
    schema: &'s Schema,
    random: &'s mut Random,
    writer: Writer,
    sound: bool,
}

/// Days of the years -9999 to 9999.
const DAYS: std::ops::Range<i64> = -4_371_587..2_932_897;
const DAY_SECONDS: i64 = 86_400;

impl Data<'_> {
    fn value(&mut self, id: NodeId, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let schema = self.schema;
        let node = schema.node(id);
        if let Some(logical) = node.logical
            && (self.sound || !self.random.once_in(8))
        {
            self.logical(node, logical);
            return true;
        }
        match &node.kind {
            Kind::Fixed(fixed) => {
                let byte = self.random.next() as u8;
                self.writer.fixed(&vec![byte; fixed.size]);
            }
            Kind::Enum(kind) => match kind.symbols.len() {
                0 => return false,
                symbols => {
                    let index = self.random.below(symbols);
                    self.writer.enum_index(index);
                }
            },
            Kind::Array(item) => return self.items(*item, depth, &[None; 3]),
            Kind::Map(value) => return self.items(*value, depth, &[Some("a"), Some("b"), Some("é")]),
            Kind::Union(branches) => {
                if branches.is_empty() {
                    return false;
                }
                let branch = if depth < 4 {
                    0
                } else {
                    self.random.below(branches.len())
                };
                self.writer.branch(branch);
                return self.value(branches[branch], depth);
            }
            Kind::Record(record) => return record.fields.iter().all(|field| self.value(field.node, depth)),
            plain => self.plain(plain),
        }
        true
    }

    fn plain(&mut self, kind: &Kind) {
        match kind {
            Kind::Null => {}
            Kind::Boolean => {
                let value = self.random.once_in(2);
                self.writer.bool(value);
            }
            Kind::Int => {
                let number = self.number() as i32;
                self.writer.int(number);
            }
            Kind::Long => {
                let number = self.number();
                self.writer.long(number);
            }
            Kind::Float => {
                let bits = self.random.next() as u32;
                let float =
                    self.random
                        .pick(&[0.0, -0.0, 1.5, f32::MAX, f32::INFINITY, f32::from_bits(bits)]);
                self.writer.float(if float.is_nan() { f32::NAN } else { float });
            }
            Kind::Double => {
                let bits = self.random.next();
                let double = self.random.pick(&[
                    -0.0,
                    0.1,
                    f64::MIN_POSITIVE,
                    f64::NEG_INFINITY,
                    f64::from_bits(bits),
                ]);
                self.writer
                    .double(if double.is_nan() { f64::NAN } else { double });
            }
            Kind::Bytes => {
                let bytes = self.bytes();
                self.writer.bytes(&bytes);
            }
            Kind::String => {
                let text = self.text();
                self.writer.string(&text);
            }
            _ => {}
        }
    }

    /// A number of any length.
    fn number(&mut self) -> i64 {
        let number = self.random.next() as i64 >> self.random.below(64);
        self.random.pick(&[
            number,
            number,
            number,
            0,
            -1,
            63,
            -64,
            i64::from(i32::MIN),
            i64::MAX,
            i64::MIN,
        ])
    }

    fn within(&mut self, range: std::ops::Range<i64>) -> i64 {
        let number = range.start + (self.random.next() % range.start.abs_diff(range.end)) as i64;
        self.random
            .pick(&[number, number, number, range.start, range.end - 1])
    }

    fn bytes(&mut self) -> Vec<u8> {
        let long = self.random.below(200);
        let length = self.random.pick(&[0, 1, 2, 3, 9, long]);
        (0..length).map(|_| self.random.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        let long = "ab\u{0}é名😀".repeat(self.random.below(30));
        self.random.pick(&["", "a", "é", "longer text", &long]).to_owned()
    }

    fn logical(&mut self, node: &Node, logical: Logical) {
        match (logical, &node.kind) {
            (Logical::Decimal { precision, .. }, kind) => {
                let digits = precision.min(18);
                let end = 10i64.pow(digits);
                let bytes = self.within(1 - end..end).to_be_bytes();
                match kind {
                    Kind::Fixed(fixed) => {
                        let sign = if bytes[0] >= 0x80 { 0xff } else { 0 };
                        let padding = fixed.size.saturating_sub(bytes.len());
                        self.writer.fixed(&vec![sign; padding]);
                        self.writer.fixed(&bytes[bytes.len() - (fixed.size - padding)..]);
                    }
                    // In as many bytes as it takes, or more.
                    _ => {
                        let value = i64::from_be_bytes(bytes);
                        let fewest =
                            8 - (value ^ (value >> 63)).leading_zeros().saturating_sub(1) as usize / 8;
                        let length = self.random.pick(&[fewest, fewest, 8]);
                        self.writer.bytes(&bytes[8 - length.max(1)..]);
                    }
                }
            }
            (Logical::BigDecimal, _) => {
                let mut inner = Writer::new();
                inner.bytes(&self.number().to_be_bytes());
                let scale = self.random.pick(&[0, 2, 7, -2]);
                inner.int(scale);
                self.writer.bytes(&inner.into_bytes());
            }
            (Logical::Uuid | Logical::Duration, Kind::Fixed(fixed)) => {
                let bytes: Vec<u8> = (0..fixed.size).map(|_| self.random.next() as u8).collect();
                self.writer.fixed(&bytes);
            }
            (Logical::Uuid | Logical::Duration, _) => {
                let (high, low) = (self.random.next(), self.random.next());
                let text = format!(
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    high >> 32,
                    high >> 16 & 0xffff,
                    high & 0xffff,
                    low >> 48,
                    low & 0xffff_ffff_ffff
                );
                self.writer.string(&text);
            }
            (logical, _) => {
                let number = self.time(logical);
                self.writer.long(number);
            }
        }
    }

    fn time(&mut self, logical: Logical) -> i64 {
        let seconds = DAYS.start * DAY_SECONDS..DAYS.end * DAY_SECONDS;
        let scaled = |by: i64| seconds.start * by..seconds.end * by;
        match logical {
            Logical::Date => self.within(DAYS),
            Logical::TimeMillis => self.within(0..DAY_SECONDS * 1_000),
            Logical::TimeMicros => self.within(0..DAY_SECONDS * 1_000_000),
            Logical::TimestampMillis | Logical::LocalTimestampMillis => self.within(scaled(1_000)),
            Logical::TimestampMicros | Logical::LocalTimestampMicros => self.within(scaled(1_000_000)),
            _ => self.number(),
        }
    }

    /// Up to as many items as there are keys, in one block; the keys of an array's items are `None`.
    fn items(&mut self, item: NodeId, depth: usize, keys: &[Option<&str>]) -> bool {
        let count = if depth < 4 {
            0
        } else {
            self.random.below(keys.len() + 1)
        };
        if count > 0 {
            self.writer.long(count as i64);
        }
        for key in &keys[..count] {
            if let Some(key) = key {
                self.writer.string(key);
            }
            if !self.value(item, depth) {
                return false;
            }
        }
        self.writer.long(0);
        true
    }
}
