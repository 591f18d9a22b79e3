//! Avro types as code generation sees them: named definitions and the types that refer to them.
//!
//! Invariant: [`Definitions`] hold every definition their types name. Which definitions of several subjects are one type of
//! Rust is told by `rust/identity.rs`. Aliases and sort orders do not appear here: they matter to resolution, which is
//! compiled from the schemas themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `null`.
    Null,
    /// `boolean`.
    Boolean,
    /// `int`.
    Int,
    /// `long`.
    Long,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `bytes`.
    Bytes,
    /// `string`.
    String,
    /// A decimal: bytes, or a fixed of some size.
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
        /// The size of the fixed; `None` for bytes.
        fixed: Option<usize>,
    },
    /// A decimal that carries its scale.
    BigDecimal,
    /// Another logical type.
    Logical(Logical),
    /// `array`.
    Array(Box<Type>),
    /// `map`.
    Map(Box<Type>),
    /// `union`, branches in order.
    Union(Vec<Type>),
    /// A named type, by its full name.
    Named(String),
}

/// A logical type that is a type of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    /// A uuid written as a string.
    Uuid,
    /// A uuid written as a fixed of 16 bytes.
    UuidFixed,
    /// Days since the epoch.
    Date,
    /// A time of day in milliseconds.
    TimeMillis,
    /// A time of day in microseconds.
    TimeMicros,
    /// Milliseconds since the epoch.
    TimestampMillis,
    /// Microseconds since the epoch.
    TimestampMicros,
    /// Nanoseconds since the epoch.
    TimestampNanos,
    /// A date and time of no zone in milliseconds.
    LocalTimestampMillis,
    /// A date and time of no zone in microseconds.
    LocalTimestampMicros,
    /// A date and time of no zone in nanoseconds.
    LocalTimestampNanos,
    /// Months, days and milliseconds.
    Duration,
}

impl Logical {
    /// The type, in `annals_schema_model::avro`.
    pub(crate) fn type_name(self) -> &'static str {
        self.row().0
    }

    /// What the methods that write and read it are called.
    pub(crate) fn method(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Logical::Uuid => ("Uuid", "uuid"),
            Logical::UuidFixed => ("Uuid", "uuid_fixed"),
            Logical::Date => ("Date", "date"),
            Logical::TimeMillis => ("Time", "time_millis"),
            Logical::TimeMicros => ("Time", "time_micros"),
            Logical::TimestampMillis => ("Timestamp", "timestamp_millis"),
            Logical::TimestampMicros => ("Timestamp", "timestamp_micros"),
            Logical::TimestampNanos => ("Timestamp", "timestamp_nanos"),
            Logical::LocalTimestampMillis => ("DateTime", "timestamp_millis"),
            Logical::LocalTimestampMicros => ("DateTime", "timestamp_micros"),
            Logical::LocalTimestampNanos => ("DateTime", "timestamp_nanos"),
            Logical::Duration => ("Duration", "duration"),
        }
    }
}

/// A definition of a named type.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// The full name.
    pub(crate) name: String,
    /// Its doc, if any.
    pub(crate) doc: Option<String>,
    /// Why it is not to be used any more, if so.
    pub(crate) deprecated: Option<String>,
    /// The file that defines it, which may be one the schema refers to.
    pub(crate) path: PathBuf,
    /// The same as docs name it.
    pub(crate) label: String,
    /// Line of the definition, from 1.
    pub(crate) line: u32,
    /// What it is.
    pub(crate) body: Body,
}

/// What a named type is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// A record and its fields.
    Record(Vec<Field>),
    /// An enum, its symbols and the index of its default.
    Enum(Vec<String>, Option<usize>),
    /// A fixed and its size.
    Fixed(usize),
    /// A type without a name of its own at the top of a schema, or in the union there: what the schema calls it, and the field
    /// that it is in here.
    Bare(String, Box<Field>),
}

impl Body {
    /// What it holds: the fields of a record, or the one that is there for something without a name.
    pub(crate) fn fields(&self) -> &[Field] {
        match self {
            Body::Record(fields) => fields,
            Body::Bare(_, field) => std::slice::from_ref(field),
            Body::Enum(..) | Body::Fixed(_) => &[],
        }
    }
}

/// A field of a record.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the schema.
    pub(crate) name: String,
    /// Its doc, if any.
    pub(crate) doc: Option<String>,
    /// Why it is not to be used any more, if so.
    pub(crate) deprecated: Option<String>,
    /// Its line, from 1.
    pub(crate) line: u32,
    /// Its type.
    pub(crate) kind: Type,
    /// Its default, if it has one that can be read.
    pub(crate) default: Option<Value>,
}

/// A value of a default. Of a logical type, what it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `null`.
    Null,
    /// A `boolean`.
    Boolean(bool),
    /// An `int` or a `long`.
    Long(i64),
    /// A `float` or a `double`.
    Double(f64),
    /// `bytes` or a `fixed`.
    Bytes(Vec<u8>),
    /// A `string`.
    String(String),
    /// The symbol of an enum at this place.
    Symbol(usize),
    /// The items of an array.
    Array(Vec<Value>),
    /// The entries of a map.
    Map(Vec<(String, Value)>),
    /// The branch of a union at this place.
    Branch(usize, Box<Value>),
    /// A record: its fields, and the bytes of all of them.
    Record(Vec<(String, Value)>, Vec<u8>),
}

impl Definition {
    /// The namespace; empty for the null namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(namespace, _)| namespace)
    }

    /// The name without its namespace.
    pub(crate) fn simple_name(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or(self.name.as_str(), |(_, simple)| simple)
    }

    /// What the schema calls it: its full name, or `array`, `int`, ….
    pub(crate) fn schema_name(&self) -> &str {
        match &self.body {
            Body::Bare(name, _) => name,
            _ => &self.name,
        }
    }

    /// Whether it, or a field of it, is not to be used any more.
    pub(crate) fn deprecates(&self) -> bool {
        let is_deprecated = |field: &Field| field.deprecated.is_some();
        self.deprecated.is_some() || self.body.fields().iter().any(is_deprecated)
    }

    /// Whether it is an enum that keeps symbols it does not know: it has no default that stands for them.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.body, Body::Enum(_, None))
    }

    /// Whether two definitions would make the same Rust type and read the same bytes.
    pub(crate) fn same_shape(&self, other: &Definition) -> bool {
        self.name == other.name
            && match (&self.body, &other.body) {
                (Body::Record(a), Body::Record(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name && a.kind == b.kind)
                }
                (Body::Enum(a, default), Body::Enum(b, other)) => a == b && default == other,
                (Body::Fixed(a), Body::Fixed(b)) => a == b,
                (Body::Bare(_, a), Body::Bare(_, b)) => a.kind == b.kind,
                _ => false,
            }
    }
}

/// Definitions by full name.
pub(crate) type Definitions = BTreeMap<String, Definition>;

/// Whether a field of type `kind` inside `owner` must be boxed: following types that are stored in place leads back
/// to `owner`. Arrays and maps store elsewhere, so they end the search.
pub(crate) fn recurs(definitions: &Definitions, owner: &str, kind: &Type) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    let mut open: Vec<&Type> = vec![kind];
    while let Some(next) = open.pop() {
        match next {
            Type::Union(branches) => open.extend(branches),
            Type::Named(name) if name == owner => return true,
            Type::Named(name) if !seen.contains(&name.as_str()) => {
                seen.push(name);
                open.extend(fields(definitions, name).iter().map(|field| &field.kind));
            }
            _ => {}
        }
    }
    false
}

/// Whether a value of the record can hold another value of it, however far down.
pub(crate) fn holds_itself(definitions: &Definitions, record: &str) -> bool {
    reached_by(definitions, record).contains(record)
}

/// Whether the type is a record that can hold itself, or holds such a one.
pub(crate) fn is_endless(definitions: &Definitions, name: &str) -> bool {
    let mut reached = reached_by(definitions, name);
    reached.insert(name);
    reached.iter().any(|name| holds_itself(definitions, name))
}

/// Whether some value below the type is an enum without a default, which may have a symbol that cannot be written.
pub(crate) fn has_open_enums(definitions: &Definitions, name: &str) -> bool {
    let mut reached = reached_by(definitions, name);
    reached.insert(name);
    let is_open = |name: &&str| matches!(definitions.get(*name), Some(definition) if definition.is_open());
    reached.iter().any(is_open)
}

/// Whether some value below the type is a float, which is no whole equality.
pub(crate) fn has_floats(definitions: &Definitions, name: &str) -> bool {
    holds(definitions, name, |kind| {
        matches!(kind, Type::Float | Type::Double)
    })
}

/// Whether some value below the type is of a kind.
pub(crate) fn holds(definitions: &Definitions, name: &str, is: impl Fn(&Type) -> bool) -> bool {
    let mut reached = reached_by(definitions, name);
    reached.insert(name);
    let mut fields = reached.iter().flat_map(|name| fields(definitions, name));
    fields.any(|field| parts(&field.kind).into_iter().any(&is))
}

/// Whether some value below the type can be borrowed from its payload: a text, bytes, the key of a map.
pub(crate) fn can_borrow(definitions: &Definitions, name: &str) -> bool {
    let is_borrowed = |kind: &Type| matches!(kind, Type::String | Type::Bytes | Type::Map(_));
    holds(definitions, name, is_borrowed)
}

fn fields<'d>(definitions: &'d Definitions, name: &str) -> &'d [Field] {
    let definition = definitions.get(name);
    definition.map_or(&[], |definition| definition.body.fields())
}

/// A type and the types inside it, down to named ones.
fn parts(kind: &Type) -> Vec<&Type> {
    let mut parts = vec![kind];
    let mut next = 0;
    while let Some(kind) = parts.get(next).copied() {
        match kind {
            Type::Array(inner) | Type::Map(inner) => parts.push(inner),
            Type::Union(branches) => parts.extend(branches),
            _ => {}
        }
        next += 1;
    }
    parts
}

/// The named types a value of a named type can hold.
pub(crate) fn reached_by<'d>(definitions: &'d Definitions, name: &str) -> BTreeSet<&'d str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        for part in fields(definitions, name)
            .iter()
            .flat_map(|field| parts(&field.kind))
        {
            if let Type::Named(inner) = part
                && reached.insert(inner.as_str())
            {
                open.push(inner);
            }
        }
    }
    reached
}

/// How many records lie between a record and the plainest value of it; a record without any is not there.
pub(crate) type Ranks = BTreeMap<String, usize>;

/// The ranks of all records.
pub(crate) fn ranks(definitions: &Definitions) -> Ranks {
    let mut ranks = Ranks::new();
    loop {
        let found = definitions.iter().filter_map(|(name, definition)| {
            let (Body::Record(_) | Body::Bare(..)) = &definition.body else {
                return (!ranks.contains_key(name)).then(|| (name.clone(), 0));
            };
            let inner = definition
                .body
                .fields()
                .iter()
                .map(|field| rank(&ranks, &field.kind));
            let highest = inner.collect::<Option<Vec<usize>>>()?.into_iter().max();
            (!ranks.contains_key(name)).then(|| (name.clone(), 1 + highest.unwrap_or(0)))
        });
        let found: Ranks = found.collect();
        if found.is_empty() {
            return ranks;
        }
        ranks.extend(found);
    }
}

/// The rank of a type; nothing when it has no value.
pub(crate) fn rank(ranks: &Ranks, kind: &Type) -> Option<usize> {
    match kind {
        Type::Named(name) => ranks.get(name).copied(),
        Type::Union(branches) => branches.iter().filter_map(|branch| rank(ranks, branch)).min(),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, fields: Vec<Type>) -> (String, Definition) {
        let fields = fields
            .into_iter()
            .enumerate()
            .map(|(index, kind)| Field {
                name: format!("f{index}"),
                doc: None,
                deprecated: None,
                default: None,
                line: 1,
                kind,
            })
            .collect();
        let definition = Definition {
            name: name.to_owned(),
            doc: None,
            deprecated: None,
            path: PathBuf::new(),
            label: String::new(),
            line: 1,
            body: Body::Record(fields),
        };
        (name.to_owned(), definition)
    }

    #[test]
    fn recursion_is_seen_through_unions_and_records_but_not_through_arrays() {
        let named = |name: &str| Type::Named(name.to_owned());
        let definitions: Definitions = [
            record("List", vec![Type::Union(vec![Type::Null, named("List")])]),
            record("Tree", vec![Type::Array(Box::new(named("Tree")))]),
            record("A", vec![named("B")]),
            record("B", vec![Type::Union(vec![Type::String, named("A")])]),
            record("Leaf", vec![Type::Int]),
        ]
        .into();
        let check = |owner: &str, expected: bool| {
            let Some(Definition {
                body: Body::Record(fields),
                ..
            }) = definitions.get(owner)
            else {
                panic!("{owner} is a record");
            };
            assert_eq!(recurs(&definitions, owner, &fields[0].kind), expected, "{owner}");
        };
        check("List", true);
        check("Tree", false);
        check("A", true);
        check("B", true);
        check("Leaf", false);
    }
}
