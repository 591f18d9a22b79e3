//! Which aggregate an event belongs to, where a field of it says so and not its record's key.
//!
//! The field is read as the fold reads the event; of an event that the fold has no reader for (one that it ignores, or has
//! not heard of), and by a fold in Rust, as its writer wrote it. A text is the id as it stands, by its bytes where Protobuf let one
//! through that is no UTF-8; a whole number, an enum's symbol and a uuid are as their text, and in JSON `1e20` is a whole number.
//! An event whose field is null or missing belongs to no aggregate, and neither does a record without a value. Of one that
//! cannot be read, or that the fold reads and finds no id in its field, nobody knows: answers name it. What is read as it was written
//! may have another type there, and belongs to no aggregate.
//!
//! Invariant: an id rests on the record, on the field, and on what the fold reads with; the index's name is a digest of the
//! latter two (`segment-log`, `keys/other.rs`). Left out: bounds on ids; they are as long as their records let them be, as keys are.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use annals_kafka_wire::batch::Record;
use annals_schema_model::{
    DecodeError, Opened, Reading, SchemaId, SchemaType, Unresolved, Value, Writer, envelope,
};
use annals_segment_log::{KeyOf, KeyedBy, OtherKey, Partition};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::fold::AnyFold;
use crate::hex::hex;
use crate::index::{IndexError, TopicIndex};
use crate::resolve::Memo;

/// How ids are made of events: raised when the same events would have other ids.
const ENGINE: u32 = 3;
/// Hexadecimal digits of the digest in an index's name.
const NAME_DIGITS: usize = 32;
/// Writer schemas whose readings are kept, by an index and by a fold each.
pub(crate) const READINGS_MAX: usize = 16_384;

/// The field of a topic's events that says which aggregate each belongs to: its name, or names with dots between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdField {
    text: String,
    steps: Vec<String>,
}

impl IdField {
    /// The field of this name, or at the end of this path.
    ///
    /// ```
    /// use annals_event_store::IdField;
    /// let field = IdField::new("order.id");
    /// assert_eq!((field.text(), field.steps()), ("order.id", &["order".to_owned(), "id".to_owned()][..]));
    /// ```
    pub fn new(text: impl Into<String>) -> IdField {
        let text = text.into();
        let steps = text.split('.').map(str::to_owned).collect();
        IdField { text, steps }
    }

    /// The names on the way.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What an event has there; nothing where it has no such field.
    pub(crate) fn find<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(event, |value, step| value.get(step))
    }
}

/// The ids of a topic's events by a field, for an index of its logs.
pub(crate) struct ByField {
    pub(crate) field: IdField,
    name: String,
    fold: Arc<dyn AnyFold>,
    resolve: Arc<Memo>,
    own: RwLock<HashMap<SchemaId, Arc<Reading>>>,
}

impl ByField {
    /// Of a topic as a fold tells its events apart; nothing where that is by their keys.
    pub(crate) fn of(fold: &Arc<dyn AnyFold>, topic: &str, resolve: &Arc<Memo>) -> Option<Arc<ByField>> {
        let field = fold.id_field(topic)?.clone();
        let version = env!("CARGO_PKG_VERSION");
        let rests_on = [field.text(), &fold.reads_ids_with()];
        let mut digest = Sha256::new_with_prefix(format!("annals ids, engine {ENGINE} of {version}"));
        for text in rests_on {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        let digits = hex(&digest.finalize());
        Some(Arc::new(ByField {
            name: digits.get(..NAME_DIGITS).unwrap_or(&digits).to_owned(),
            field,
            fold: Arc::clone(fold),
            resolve: Arc::clone(resolve),
            own: RwLock::default(),
        }))
    }

    /// Whose the event is, by what it has in the field.
    fn whose(&self, opened: &Opened<'_>) -> Result<OtherKey, DecodeError> {
        let kind = opened.writer.schema.schema_type();
        if let Some(value) = self.fold.id_value(&self.field, &opened.raw(), &*self.resolve)? {
            return Ok(whose(value, kind));
        }
        let event = self.own_reading(&opened.writer).read(&opened.body);
        let event = event.map_err(|error| DecodeError::Payload(error.to_string()))?;
        let value = self.field.find(&event).cloned().unwrap_or_default();
        // A whole number in JSON may be an id whose digits were not read.
        let is_whole = matches!(value, Value::Float(number) if number.fract() == 0.0);
        // Nobody has looked at the field's type: it may be one of bytes.
        let is_bytes = matches!(value, Value::Bytes(_));
        Ok(match whose(value, kind) {
            OtherKey::Unreadable if !(kind == SchemaType::Json && is_whole) => OtherKey::None,
            OtherKey::Is(_) if is_bytes => OtherKey::None,
            whose => whose,
        })
    }

    /// How what a schema wrote is read by itself.
    fn own_reading(&self, writer: &Writer) -> Arc<Reading> {
        let known = self
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&writer.id)
            .cloned();
        known.unwrap_or_else(|| {
            let reading = Arc::new(Reading::of(&writer.schema));
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            if own.len() < READINGS_MAX {
                own.insert(writer.id, Arc::clone(&reading));
            }
            reading
        })
    }
}

impl KeyOf for ByField {
    fn name(&self) -> &str {
        &self.name
    }

    fn key(&self, record: &Record) -> Result<OtherKey, String> {
        let Some(value) = record.value.as_deref() else {
            return Ok(OtherKey::None);
        };
        let header = record.headers.last(envelope::VALUE_HEADER).flatten();
        let opened = Opened::new(header, value, &*self.resolve);
        match opened.and_then(|opened| self.whose(&opened)) {
            Ok(whose) => Ok(whose),
            Err(
                error @ DecodeError::Schema {
                    why: Unresolved::Unanswered(_),
                    ..
                },
            ) => Err(error.to_string()),
            Err(DecodeError::Schema { .. }) => Ok(OtherKey::Unsure),
            Err(_) => Ok(OtherKey::Unreadable),
        }
    }
}

impl TopicIndex {
    /// Its topics as somebody is told of them, with their fields.
    pub(crate) fn told_topics(&self) -> Vec<String> {
        let topics = self.topics.iter().zip(&self.by);
        let told = |(topic, by): (&String, &Option<Arc<ByField>>)| match by {
            None => topic.clone(),
            Some(by) => format!("{topic} by {}", by.field.text()),
        };
        topics.map(told).collect()
    }

    /// The fields that say whose events are, by topic.
    pub(crate) fn fields(&self) -> BTreeMap<String, String> {
        let topics = self.topics.iter().zip(&self.by);
        let fields =
            topics.filter_map(|(topic, by)| Some((topic.clone(), by.as_ref()?.field.text().to_owned())));
        fields.collect()
    }
}

/// What an index is by.
pub(crate) fn name_of(by: &Option<Arc<ByField>>) -> Option<&str> {
    by.as_ref().map(|by| by.name())
}

/// The index of a log by a field of its events.
pub(crate) fn index_by(
    log: &Arc<Partition>,
    by: &Arc<ByField>,
    topic: &str,
    partition: u32,
) -> Result<(Arc<ByField>, KeyedBy), StoreError> {
    let index = log.keyed_by(Arc::clone(by) as Arc<dyn KeyOf>);
    let index = index.map_err(|error| IndexError {
        topic: topic.to_owned(),
        partition,
        offset: 0,
        reason: error.to_string(),
    });
    Ok((Arc::clone(by), index.map_err(StoreError::Index)?))
}

/// Below this the whole numbers that a 64-bit float has are those that were written.
const FLOAT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Whose an event is that has this value in the field, in a payload of this format; unreadable where it is no id.
pub(crate) fn whose(value: Value, kind: SchemaType) -> OtherKey {
    let id = match (value, kind) {
        (Value::Null, _) => return OtherKey::None,
        (Value::String(text) | Value::Enum(text), _) => Some(text.into_bytes()),
        (Value::Int(number), _) => Some(number.to_string().into_bytes()),
        (Value::UInt(number), _) => Some(number.to_string().into_bytes()),
        (value @ Value::Uuid(_), _) => value.to_json().as_str().map(|text| text.as_bytes().to_vec()),
        // What JSON Schema calls an integer: of more than 64 bits, or written as 1e20.
        (Value::Decimal(number), SchemaType::Json) => {
            number.at_scale(0).map(|whole| whole.to_string().into_bytes())
        }
        (Value::Float(number), SchemaType::Json)
            if number.fract() == 0.0 && number.abs() < FLOAT_WHOLE_MAX =>
        {
            // No digits behind the point, and none lost before it.
            Some(format!("{:.0}", number + 0.0).into_bytes())
        }
        // A text of Protobuf that is no UTF-8; bytes of another are a field of another type.
        (Value::Bytes(bytes), SchemaType::Protobuf) if std::str::from_utf8(&bytes).is_err() => Some(bytes),
        _ => None,
    };
    id.map_or(OtherKey::Unreadable, OtherKey::Is)
}
