//! The YAML file as it is written, each piece with its line. What it means is decided in `load`.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: Spanned<String>,
    pub(crate) rev: u32,
    pub(crate) topic: Option<Spanned<String>>,
    pub(crate) topics: Option<Spanned<Vec<Spanned<TopicOf>>>>,
    pub(crate) message: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) ignore: Vec<Spanned<String>>,
    pub(crate) events: Entries<Blocks>,
}

/// `orders`, or `{topic: packages, by: order_id}`.
pub(crate) enum TopicOf {
    Key(String),
    Field {
        topic: Spanned<String>,
        by: Spanned<String>,
    },
}

/// What one event does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blocks {
    pub(crate) begin: Option<Vec<Spanned<Operation>>>,
    pub(crate) on: Option<Vec<Spanned<Operation>>>,
}

/// One operation: exactly one verb, and maybe a condition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    #[serde(rename = "if")]
    pub(crate) condition: Option<Spanned<Arg>>,
    pub(crate) set: Option<Entries<Arg>>,
    pub(crate) remove: Option<Spanned<Targets>>,
    pub(crate) status: Option<Spanned<String>>,
    pub(crate) add: Option<Entries<Arg>>,
    pub(crate) sub: Option<Entries<Arg>>,
    pub(crate) inc: Option<Spanned<Inc>>,
    pub(crate) append: Option<Entries<Arg>>,
    #[serde(rename = "remove-where")]
    pub(crate) remove_where: Option<Entries<Arg>>,
    #[serde(rename = "upsert-by")]
    pub(crate) upsert_by: Option<Entries<Upsert>>,
}

/// The target of `upsert-by`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upsert {
    pub(crate) key: String,
    pub(crate) value: Entries<Arg>,
}

/// `remove: target` or `remove: [target, target]`.
pub(crate) enum Targets {
    One(String),
    Many(Vec<Spanned<String>>),
}

/// `inc: field` or `inc: { field: VALUE }`.
pub(crate) enum Inc {
    ByOne(String),
    By(Entries<Arg>),
}

/// A mapping in the order of the file, keys and values with their lines.
pub(crate) struct Entries<T>(pub(crate) Vec<Entry<T>>);

/// A key and its value.
pub(crate) type Entry<T> = (Spanned<String>, Spanned<T>);

/// A value as written.
pub(crate) enum Arg {
    Null,
    Bool(bool),
    Int(i64),
    Float,
    Text(String),
    List(Vec<Spanned<Arg>>),
    Map(Vec<Entry<Arg>>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                pairs(map).map(Entries)
            }
        }
        input.deserialize_map(Pairs(PhantomData))
    }
}

fn pairs<'de, T: Deserialize<'de>, A: MapAccess<'de>>(mut map: A) -> Result<Vec<Entry<T>>, A::Error> {
    let mut pairs = Vec::new();
    while let Some(pair) = map.next_entry()? {
        pairs.push(pair);
    }
    Ok(pairs)
}

impl<'de> Deserialize<'de> for Inc {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Inc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field, or a mapping of fields to numbers")
            }

            fn visit_str<E: Error>(self, field: &str) -> Result<Inc, E> {
                Ok(Inc::ByOne(field.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inc, A::Error> {
                pairs(map).map(|pairs| Inc::By(Entries(pairs)))
            }
        }
        input.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for TopicOf {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Field {
            topic: Spanned<String>,
            by: Spanned<String>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TopicOf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a topic, or { topic: NAME, by: FIELD }")
            }

            fn visit_str<E: Error>(self, topic: &str) -> Result<TopicOf, E> {
                Ok(TopicOf::Key(topic.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TopicOf, A::Error> {
                let Field { topic, by } =
                    Field::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(TopicOf::Field { topic, by })
            }
        }
        input.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Targets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "what is to be removed: a field, a place such as lines[event.line_id], or a list of them",
                )
            }

            fn visit_str<E: Error>(self, target: &str) -> Result<Targets, E> {
                Ok(Targets::One(target.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Targets, A::Error> {
                let mut targets = Vec::new();
                while let Some(target) = seq.next_element()? {
                    targets.push(target);
                }
                Ok(Targets::Many(targets))
            }
        }
        input.deserialize_any(OneOrMore)
    }
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Arg;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a CEL expression")
            }

            fn visit_unit<E: Error>(self) -> Result<Arg, E> {
                Ok(Arg::Null)
            }

            fn visit_none<E: Error>(self) -> Result<Arg, E> {
                Ok(Arg::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Arg, E> {
                Ok(Arg::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Arg, E> {
                Ok(Arg::Int(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Arg, E> {
                i64::try_from(value)
                    .map(Arg::Int)
                    .map_err(|_| E::custom("the number does not fit 64 bits with a sign"))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Arg, E> {
                Ok(Arg::Float)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Arg, E> {
                Ok(Arg::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Arg, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Arg::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Arg, A::Error> {
                pairs(map).map(Arg::Map)
            }
        }
        input.deserialize_any(Any)
    }
}
