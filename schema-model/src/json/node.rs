//! A JSON Schema as an arena of nodes: every subschema once, its keywords typed, its references followed.
//!
//! The drafts' spellings are one here: a tuple is a prefix with a rest, `const` is an enum of one, draft-04's boolean
//! bounds are numbers, `dependencies` is split in two. `$ref` is [`Keywords::target`]; the arena may be cyclic through
//! it, but never without going down into the value.

use std::{cmp::Ordering, collections::HashMap};

use crate::{Decimal, Span, json_text::Json};

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One schema or subschema.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Which text it stands in: 0 is the schema's own, the others are references.
    pub(super) document: u32,
    /// JSON pointer within that text.
    pub(super) pointer: String,
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `true` accepts everything, `false` nothing.
    Bool(bool),
    Object(Box<Keywords>),
}

/// The keywords of one schema object.
#[derive(Clone, Debug, Default)]
pub(super) struct Keywords {
    pub(super) target: Option<NodeId>,
    pub(super) types: Option<Types>,
    pub(super) values: Option<Vec<Json>>,
    pub(super) limits: Vec<(Limit, Amount)>,
    pub(super) multiple_of: Option<Amount>,
    pub(super) pattern: Option<String>,
    pub(super) format: Option<String>,
    pub(super) default: Option<Json>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) id: Option<String>,
    /// `"connect.type": "bytes"`, which Kafka Connect writes.
    pub(super) connect_bytes: bool,
    pub(super) properties: Named,
    pub(super) pattern_properties: Named,
    pub(super) additional_properties: Option<NodeId>,
    pub(super) unevaluated_properties: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    /// In order, none twice.
    pub(super) required: Vec<String>,
    pub(super) dependent_required: Vec<(String, Vec<String>)>,
    pub(super) dependent_schemas: Named,
    pub(super) prefix_items: Vec<NodeId>,
    /// Items behind the prefix; all of them when there is none.
    pub(super) items: Option<NodeId>,
    /// What stands there although `items` is no array, and so means nothing.
    pub(super) additional_items: Option<NodeId>,
    pub(super) unevaluated_items: Option<NodeId>,
    pub(super) contains: Option<NodeId>,
    pub(super) unique_items: bool,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) not: Option<NodeId>,
    pub(super) condition: Option<NodeId>,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
    /// Whether nothing beside `$ref` demands anything.
    pub(super) only_refers: bool,
    /// Where each keyword's value stands.
    pub(super) places: Vec<(String, Span)>,
}

impl Keywords {
    pub(super) fn limit(&self, limit: Limit) -> Option<&Amount> {
        self.limits
            .iter()
            .find(|(kind, _)| *kind == limit)
            .map(|(_, amount)| amount)
    }

    pub(super) fn place(&self, keyword: &str) -> Option<Span> {
        self.places
            .iter()
            .find(|(name, _)| name == keyword)
            .map(|(_, span)| *span)
    }

    pub(super) fn property(&self, name: &str) -> Option<NodeId> {
        self.properties.get(name)
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        self.required
            .binary_search_by(|required| required.as_str().cmp(name))
            .is_ok()
    }

    /// The subschemas that judge the same value as this schema does.
    pub(super) fn in_place(&self) -> impl Iterator<Item = NodeId> {
        let lists = [&self.all_of, &self.any_of, &self.one_of];
        let single = [self.target, self.not, self.condition, self.then, self.otherwise];
        single
            .into_iter()
            .flatten()
            .chain(lists.into_iter().flatten().copied())
            .chain(self.dependent_schemas.iter().map(|(_, node)| *node))
    }

    /// The subschemas that judge values within the value, but for the names of its properties.
    #[cfg(feature = "cel")]
    pub(super) fn within(&self) -> impl Iterator<Item = NodeId> {
        let named = self.properties.iter().chain(self.pattern_properties.iter());
        let single = [
            self.additional_properties,
            self.unevaluated_properties,
            self.items,
            self.unevaluated_items,
            self.contains,
        ];
        let items = self.prefix_items.iter().copied();
        single
            .into_iter()
            .flatten()
            .chain(items)
            .chain(named.map(|(_, node)| *node))
    }
}

/// Subschemas by name, in the order they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    list: Vec<(String, NodeId)>,
    places: HashMap<String, NodeId>,
}

impl Named {
    pub(super) fn new(list: Vec<(String, NodeId)>) -> Named {
        let places = list.iter().cloned().collect();
        Named { list, places }
    }

    pub(super) fn get(&self, name: &str) -> Option<NodeId> {
        self.places.get(name).copied()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (String, NodeId)> {
        self.list.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A bound on a number, a length or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    MaxLength,
    MinLength,
    Maximum,
    Minimum,
    ExclusiveMaximum,
    ExclusiveMinimum,
    MaxItems,
    MinItems,
    MaxProperties,
    MinProperties,
    MaxContains,
    MinContains,
}

impl Limit {
    pub(super) const ALL: [Limit; 12] = [
        Limit::MaxLength,
        Limit::MinLength,
        Limit::Maximum,
        Limit::Minimum,
        Limit::ExclusiveMaximum,
        Limit::ExclusiveMinimum,
        Limit::MaxItems,
        Limit::MinItems,
        Limit::MaxProperties,
        Limit::MinProperties,
        Limit::MaxContains,
        Limit::MinContains,
    ];

    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Limit::MaxLength => "maxLength",
            Limit::MinLength => "minLength",
            Limit::Maximum => "maximum",
            Limit::Minimum => "minimum",
            Limit::ExclusiveMaximum => "exclusiveMaximum",
            Limit::ExclusiveMinimum => "exclusiveMinimum",
            Limit::MaxItems => "maxItems",
            Limit::MinItems => "minItems",
            Limit::MaxProperties => "maxProperties",
            Limit::MinProperties => "minProperties",
            Limit::MaxContains => "maxContains",
            Limit::MinContains => "minContains",
        }
    }

    pub(super) fn of_keyword(key: &str) -> Option<Limit> {
        Limit::ALL.into_iter().find(|limit| limit.keyword() == key)
    }

    /// Whether it bounds a count, which is a whole number and not negative.
    pub(super) const fn is_count(self) -> bool {
        !matches!(
            self,
            Limit::Maximum | Limit::Minimum | Limit::ExclusiveMaximum | Limit::ExclusiveMinimum
        )
    }

    pub(super) const fn is_upper(self) -> bool {
        matches!(
            self,
            Limit::MaxLength
                | Limit::Maximum
                | Limit::ExclusiveMaximum
                | Limit::MaxItems
                | Limit::MaxProperties
                | Limit::MaxContains
        )
    }

    /// The type it says something about.
    pub(super) const fn about(self) -> Types {
        match self {
            Limit::MaxLength | Limit::MinLength => Types::STRING,
            Limit::Maximum | Limit::Minimum | Limit::ExclusiveMaximum | Limit::ExclusiveMinimum => {
                Types::NUMBER
            }
            Limit::MaxItems | Limit::MinItems | Limit::MaxContains | Limit::MinContains => Types::ARRAY,
            Limit::MaxProperties | Limit::MinProperties => Types::OBJECT,
        }
    }
}

/// A set of types. Every integer is a number, so `number` holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const INTEGER: Types = Types(1);
    pub(super) const NUMBER: Types = Types(3);
    pub(super) const STRING: Types = Types(4);
    pub(super) const BOOLEAN: Types = Types(8);
    pub(super) const NULL: Types = Types(16);
    pub(super) const ARRAY: Types = Types(32);
    pub(super) const OBJECT: Types = Types(64);
    pub(super) const NONE: Types = Types(0);
    pub(super) const ALL: Types = Types(127);

    /// The names in schemas; `number` stands before `integer`, so that printing finds it first.
    pub(super) const NAMES: [(&'static str, Types); 7] = [
        ("number", Types::NUMBER),
        ("integer", Types::INTEGER),
        ("string", Types::STRING),
        ("boolean", Types::BOOLEAN),
        ("null", Types::NULL),
        ("array", Types::ARRAY),
        ("object", Types::OBJECT),
    ];

    pub(super) fn of_name(name: &str) -> Option<Types> {
        Types::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, types)| types)
    }

    pub(super) const fn with(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub(super) const fn within(self, other: Types) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) const fn meets(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }
}

/// A number of a schema: exact if it is written as a decimal within bounds, else a double.
#[derive(Clone, Debug)]
pub(super) enum Amount {
    Exact(Decimal),
    Float(f64),
}

impl Amount {
    /// Reads a JSON number.
    pub(super) fn parse(text: &str) -> Option<Amount> {
        if let Ok(decimal) = text.parse() {
            return Some(Amount::Exact(decimal));
        }
        text.parse().ok().map(Amount::Float)
    }

    fn as_f64(&self) -> f64 {
        match self {
            Amount::Exact(decimal) => decimal.to_string().parse().unwrap_or(f64::NAN),
            Amount::Float(value) => *value,
        }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.compare(&Amount::Exact(Decimal::default())) == Ordering::Less
    }

    pub(super) fn is_zero(&self) -> bool {
        self.compare(&Amount::Exact(Decimal::default())) == Ordering::Equal
    }

    pub(super) fn is_whole(&self) -> bool {
        match self {
            Amount::Exact(decimal) => decimal.at_scale(0).is_some(),
            Amount::Float(value) => value.fract() == 0.0,
        }
    }

    pub(super) fn compare(&self, other: &Amount) -> Ordering {
        match (self, other) {
            (Amount::Exact(left), Amount::Exact(right)) => left.cmp(right),
            (left, right) => left.as_f64().total_cmp(&right.as_f64()),
        }
    }

    /// Whether every multiple of `self` is one of `other`.
    pub(super) fn is_multiple_of(&self, other: &Amount) -> bool {
        let exact = || match (self, other) {
            (Amount::Exact(left), Amount::Exact(right)) => {
                let scale = left.scale().max(right.scale());
                let (left, right) = (left.at_scale(scale)?, right.at_scale(scale)?);
                left.unscaled()?.checked_rem(right.unscaled()?)
            }
            _ => None,
        };
        match exact() {
            Some(rest) => rest == 0,
            None => (self.as_f64() / other.as_f64()).fract() == 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        let check = |left: &str, right: &str, wanted: Ordering| {
            assert_eq!(amount(left).compare(&amount(right)), wanted, "{left} {right}");
        };
        check("9007199254740993", "9007199254740992", Ordering::Greater);
        check("1e2", "100.0", Ordering::Equal);
        check("-1.5", "1e308", Ordering::Less);
        check(
            "123456789012345678901234567890123456789012345",
            "123456789012345678901234567890123456789012346",
            Ordering::Less,
        );
        let multiple = |left: &str, right: &str| amount(left).is_multiple_of(&amount(right));
        assert!(multiple("0.3", "0.1") && !multiple("0.35", "0.1") && multiple("1e300", "1e300"));
        assert!(amount("2.0").is_whole() && !amount("2.5").is_whole() && amount("-1").is_negative());
    }

    #[test]
    fn every_integer_is_a_number() {
        assert!(Types::INTEGER.within(Types::NUMBER) && !Types::NUMBER.within(Types::INTEGER));
        assert!(Types::NUMBER.meets(Types::INTEGER) && !Types::NUMBER.meets(Types::STRING));
    }
}
