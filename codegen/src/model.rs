//! Avro types as code generation sees them: named definitions and the types that refer to them.
//!
//! Invariant: a [`Group`] holds every definition its types name. Definitions of one full name that several subjects
//! repeat are one Rust type, if they have one shape; docs and places do not count. Defaults, aliases and sort orders
//! do not appear here: they matter to resolution, which happens before generated code reads.

use std::collections::BTreeMap;

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
    /// A uuid written as a string.
    Uuid,
    /// A uuid written as a fixed of 16 bytes.
    UuidFixed,
    /// Days since the epoch.
    Date,
    /// Milliseconds since the epoch.
    TimestampMillis,
    /// Microseconds since the epoch.
    TimestampMicros,
    /// `array`.
    Array(Box<Type>),
    /// `map`.
    Map(Box<Type>),
    /// `union`, branches in order.
    Union(Vec<Type>),
    /// A named type, by its full name.
    Named(String),
}

/// A definition of a named type.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// The full name.
    pub(crate) name: String,
    /// Its doc, if any.
    pub(crate) doc: Option<String>,
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
    /// An enum and its symbols.
    Enum(Vec<String>),
    /// A fixed and its size.
    Fixed(usize),
}

/// A field of a record.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the schema.
    pub(crate) name: String,
    /// Its doc, if any.
    pub(crate) doc: Option<String>,
    /// Its line, from 1.
    pub(crate) line: u32,
    /// Its type.
    pub(crate) kind: Type,
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

    /// Whether two definitions would make the same Rust type and read the same bytes.
    pub(crate) fn same_shape(&self, other: &Definition) -> bool {
        self.name == other.name
            && match (&self.body, &other.body) {
                (Body::Record(a), Body::Record(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name && a.kind == b.kind)
                }
                (Body::Enum(a), Body::Enum(b)) => a == b,
                (Body::Fixed(a), Body::Fixed(b)) => a == b,
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
                if let Some(Definition {
                    body: Body::Record(fields),
                    ..
                }) = definitions.get(name)
                {
                    open.extend(fields.iter().map(|field| &field.kind));
                }
            }
            _ => {}
        }
    }
    false
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
                line: 1,
                kind,
            })
            .collect();
        let definition = Definition {
            name: name.to_owned(),
            doc: None,
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
