//! The tree of a parsed Avro schema: an arena of nodes.
//!
//! A reference by name is the id of the definition, so a recursive schema is a graph. Every node knows its place in
//! the text it was parsed from.

use std::sync::Arc;

use super::{json::Json, places::Places};
use crate::Span;

/// The place of a node in its schema's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The index into [`super::Schema::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A type in a schema.
#[derive(Clone, Debug)]
pub struct Node {
    /// What type it is.
    pub kind: Kind,
    /// Its logical type, when there is one and it fits the type; what does not fit is ignored, as in Avro Java.
    pub logical: Option<Logical>,
    /// Custom properties, in their order, the logical type's included.
    pub props: Vec<(String, Json)>,
    /// Where it stands in its text.
    pub span: Span,
    /// Which text: 0 is the schema's own, 1 and up count its references.
    pub source: u32,
}

/// The types of Avro.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    String,
    /// `array` of items
    Array(NodeId),
    /// `map` of values
    Map(NodeId),
    /// A union of branches.
    Union(Vec<NodeId>),
    /// `enum`
    Enum(Box<Enum>),
    /// `fixed`
    Fixed(Box<Fixed>),
    /// `record` or `error`
    Record(Box<Record>),
}

impl Kind {
    /// The type's name in a schema text.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Union(_) => "union",
            Kind::Enum(_) => "enum",
            Kind::Fixed(_) => "fixed",
            Kind::Record(_) => "record",
        }
    }

    /// The name of an enum, fixed or record.
    #[must_use]
    pub fn type_name(&self) -> Option<&Name> {
        match self {
            Kind::Enum(kind) => Some(&kind.name),
            Kind::Fixed(fixed) => Some(&fixed.name),
            Kind::Record(record) => Some(&record.name),
            _ => None,
        }
    }

    /// The aliases of an enum, fixed or record.
    #[must_use]
    pub fn aliases(&self) -> &[Name] {
        match self {
            Kind::Enum(kind) => &kind.aliases,
            Kind::Fixed(fixed) => &fixed.aliases,
            Kind::Record(record) => &record.aliases,
            _ => &[],
        }
    }

    /// The documentation of an enum, fixed or record.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        match self {
            Kind::Enum(kind) => kind.doc.as_deref(),
            Kind::Fixed(fixed) => fixed.doc.as_deref(),
            Kind::Record(record) => record.doc.as_deref(),
            _ => None,
        }
    }

    /// The types directly below: items, values, branches, fields.
    pub(super) fn children(&self) -> impl DoubleEndedIterator<Item = NodeId> {
        let (item, branches, fields): (_, &[NodeId], &[Field]) = match self {
            Kind::Array(item) | Kind::Map(item) => (Some(*item), &[], &[]),
            Kind::Union(branches) => (None, branches, &[]),
            Kind::Record(record) => (None, &[], &record.fields),
            _ => (None, &[], &[]),
        };
        let below = branches
            .iter()
            .copied()
            .chain(fields.iter().map(|field| field.node));
        item.into_iter().chain(below)
    }
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name.
    pub name: Name,
    /// Its documentation.
    pub doc: Option<String>,
    /// Its aliases.
    pub aliases: Vec<Name>,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// The symbol a reader falls back to.
    pub default: Option<String>,
    pub(super) places: Places,
}

impl Enum {
    /// The place of a symbol.
    #[must_use]
    pub fn position(&self, symbol: &str) -> Option<usize> {
        self.places.find(&self.symbols, String::as_str, symbol)
    }
}

/// A fixed.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Its name.
    pub name: Name,
    /// Its documentation.
    pub doc: Option<String>,
    /// Its aliases.
    pub aliases: Vec<Name>,
    /// Its size in bytes.
    pub size: usize,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub name: Name,
    /// Its documentation.
    pub doc: Option<String>,
    /// Its aliases.
    pub aliases: Vec<Name>,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Whether it was declared as `error`.
    pub is_error: bool,
    /// Whether a value of it can hold another, however far down.
    pub holds_itself: bool,
    /// How many of its fields take no bytes, apart from records that have fields.
    pub(super) nothings: usize,
    pub(super) places: Places,
}

impl Record {
    /// The field of a name and its place.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let place = self.places.find(&self.fields, Field::name, name)?;
        Some((place, self.fields.get(place)?))
    }

    /// The same, when the field most likely stands at a place.
    pub(super) fn field_near(&self, name: &str, place: usize) -> Option<&Field> {
        match self.fields.get(place) {
            Some(field) if *field.name == *name => Some(field),
            _ => self.field(name).map(|(_, field)| field),
        }
    }
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its documentation.
    pub doc: Option<String>,
    /// Its type.
    pub node: NodeId,
    /// Its default, which fits the type.
    pub default: Option<Json>,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// How records are ordered by it.
    pub order: Order,
    /// Custom properties, in their order.
    pub props: Vec<(String, Json)>,
    /// Where the field stands in its text.
    pub span: Span,
}

impl Field {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// How a field takes part in the order of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smaller values first.
    #[default]
    Ascending,
    /// Greater values first.
    Descending,
    /// Not at all.
    Ignore,
}

impl Order {
    /// The word in a schema text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
            Order::Ignore => "ignore",
        }
    }
}

/// A full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    full: Arc<str>,
    short_start: usize,
}

impl Name {
    /// A name in a namespace; a name with a dot brings its own.
    pub(super) fn new(name: &str, namespace: Option<&str>) -> Name {
        match (name.rfind('.'), namespace) {
            (Some(0), _) => Name {
                full: name[1..].into(),
                short_start: 0,
            },
            (Some(dot), _) => Name {
                full: name.into(),
                short_start: dot + 1,
            },
            (None, Some(namespace)) if !namespace.is_empty() => Name {
                full: format!("{namespace}.{name}").into(),
                short_start: namespace.len() + 1,
            },
            (None, _) => Name {
                full: name.into(),
                short_start: 0,
            },
        }
    }

    /// The full name: `shop.Order`.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.full
    }

    /// The same, for a value to share.
    #[cfg(feature = "values")]
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.full)
    }

    /// The name without its namespace: `Order`.
    #[must_use]
    pub fn short(&self) -> &str {
        self.full.get(self.short_start..).unwrap_or_default()
    }

    /// The namespace: `shop`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.short_start
            .checked_sub(1)
            .and_then(|end| self.full.get(..end))
    }
}

/// The logical types Avro defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// `decimal` on bytes or fixed.
    Decimal {
        /// How many digits at most.
        precision: u32,
        /// How many of them after the point.
        scale: u32,
    },
    /// `big-decimal` on bytes: each value brings its scale.
    BigDecimal,
    /// `uuid` on string or fixed(16).
    Uuid,
    /// `date` on int: days since 1970-01-01.
    Date,
    /// `time-millis` on int.
    TimeMillis,
    /// `time-micros` on long.
    TimeMicros,
    /// `timestamp-millis` on long.
    TimestampMillis,
    /// `timestamp-micros` on long.
    TimestampMicros,
    /// `timestamp-nanos` on long.
    TimestampNanos,
    /// `local-timestamp-millis` on long.
    LocalTimestampMillis,
    /// `local-timestamp-micros` on long.
    LocalTimestampMicros,
    /// `local-timestamp-nanos` on long.
    LocalTimestampNanos,
    /// `duration` on fixed(12).
    Duration,
}

impl Logical {
    /// The name in a schema text: `timestamp-millis`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Logical::Decimal { .. } => "decimal",
            Logical::BigDecimal => "big-decimal",
            Logical::Uuid => "uuid",
            Logical::Date => "date",
            Logical::TimeMillis => "time-millis",
            Logical::TimeMicros => "time-micros",
            Logical::TimestampMillis => "timestamp-millis",
            Logical::TimestampMicros => "timestamp-micros",
            Logical::TimestampNanos => "timestamp-nanos",
            Logical::LocalTimestampMillis => "local-timestamp-millis",
            Logical::LocalTimestampMicros => "local-timestamp-micros",
            Logical::LocalTimestampNanos => "local-timestamp-nanos",
            Logical::Duration => "duration",
        }
    }
}
