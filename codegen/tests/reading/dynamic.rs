//! Messages made of descriptors alone, of values that look like chance.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// A row of numbers that look like chance.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn value(&mut self, kind: &Kind, depth: u32) -> Value {
        let bits = self.roll(1 << 31) << 33 | self.roll(1 << 31) << 2 | self.roll(4);
        let bits = bits >> self.roll(64);
        match kind {
            Kind::Double => Value::F64(bits as f64 / 7.0),
            Kind::Float => Value::F32(bits as f32 / 7.0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(bits as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(bits as i64),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(bits as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(bits),
            Kind::Bool => Value::Bool(bits & 1 == 1),
            Kind::String => Value::String(format!("text {}", bits % 100)),
            Kind::Bytes => Value::Bytes(bits.to_le_bytes().to_vec().into()),
            Kind::Enum(of) => {
                let values: Vec<i32> = of.values().map(|value| value.number()).collect();
                Value::EnumNumber(values[self.roll(values.len() as u64) as usize])
            }
            Kind::Message(of) => Value::Message(self.message(of, depth + 1)),
        }
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        let kind = field.kind();
        if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            // One entry alone: in which order several are written is nobody's promise.
            let key = match self.value(&key.kind(), depth) {
                Value::Bool(key) => MapKey::Bool(key),
                Value::I32(key) => MapKey::I32(key),
                Value::I64(key) => MapKey::I64(key),
                Value::U32(key) => MapKey::U32(key),
                Value::String(key) => MapKey::String(key),
                other => panic!("{other:?}"),
            };
            return Value::Map([(key, self.value(&value.kind(), depth))].into());
        }
        if field.is_list() {
            let items = 1 + self.roll(3);
            return Value::List((0..items).map(|_| self.value(&kind, depth)).collect());
        }
        self.value(&kind, depth)
    }

    pub(crate) fn message(&mut self, descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let is_wide = matches!(field.kind(), Kind::Message(_));
            let there = self.roll(2) == 0 && !(is_wide && depth > 3);
            if there || field.is_required() {
                message.set_field(&field, self.field(&field, depth));
            }
        }
        message
    }
}
