//! Values of the second corpus, drawn from a seed, as serde_json's.

use serde_json::{Value, json};

use crate::corpus::{Kind, Record};

/// Numbers that look random and are the same every time.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Small numbers more often than large ones.
    fn long(&mut self) -> i64 {
        let bits = self.below(48);
        (self.next() as i64) >> (63 - bits)
    }

    /// One text in ten is not of ASCII alone.
    fn text(&mut self, longest: usize) -> String {
        let length = self.below(longest + 1);
        let letters: &[char] = if self.below(10) == 0 {
            &['ä', 'e', 'ß', '東', '京', ' ']
        } else {
            &['a', 'e', 'n', 'r', 's', 't', 'X', '0', '7', '-', ' ']
        };
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn value(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Boolean => json!(self.below(2) == 0),
            Kind::Int => json!(self.long() as i32),
            Kind::Long => json!(self.long()),
            Kind::Double => json!(self.long() as f64 / 64.0),
            Kind::Text(longest) => json!(self.text(*longest)),
            Kind::Optional(some) => match self.below(3) {
                0 => Value::Null,
                _ => self.value(some),
            },
            Kind::Array(most, item) => (0..self.below(most + 1)).map(|_| self.value(item)).collect(),
            Kind::Map(most, value) => {
                let entries = (0..self.below(most + 1)).map(|_| (self.text(10), self.value(value)));
                Value::Object(entries.collect())
            }
            Kind::Enum(_, symbols) => json!(format!("S{}", self.below(*symbols))),
            Kind::Union(_, branches) => {
                let branch = &branches[self.below(branches.len())];
                json!({ branch.variant(): self.value(branch) })
            }
            Kind::Record(record) => self.record(record),
        }
    }

    pub fn record(&mut self, record: &Record) -> Value {
        let field = |(name, kind): &(String, Kind)| (name.clone(), self.value(kind));
        Value::Object(record.fields.iter().map(field).collect())
    }
}
