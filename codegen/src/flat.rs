//! Schemas for languages whose types are printed into one file: each type once, under a name that is free there.
//!
//! Invariant: names do not depend on the order of schemas. A type is called as its schema calls it, with a capital at its
//! beginning; types of several
//! namespaces that are called alike all get as much of their namespace before their names as tells them apart, and an old
//! version that is kept its number behind. Which definitions are one type is told by `rust/identity.rs` and by
//! [`proto::Schema::agrees`].

use std::collections::BTreeMap;

use crate::model::{Body, Definition, Definitions, Field, proto};
use crate::names::{Scope, camel};
use crate::rust::identity::identities;
use crate::rust::units as avro_units;
use crate::unit::{AvroUnit, ProtoUnit, TopicUnit, Units};

/// All types and topics.
#[derive(Debug, Default)]
pub(crate) struct Flat<'u> {
    /// Avro types, those of events first, then Protobuf types, each before those declared in it.
    pub(crate) types: Vec<Named<'u>>,
    /// In the order of the input.
    pub(crate) topics: Vec<Topic<'u>>,
    /// For each unit: what its full names stand for, as an index of `types`.
    places: Vec<BTreeMap<&'u str, usize>>,
}

/// A type under its name.
#[derive(Debug)]
pub(crate) struct Named<'u> {
    /// The name in the file.
    pub(crate) name: String,
    /// The schema file, as docs name it.
    pub(crate) label: &'u str,
    /// What is declared.
    pub(crate) declared: Declared<'u>,
    unit: usize,
    definitions: Option<&'u Definitions>,
    /// What may stand before the name, outermost first.
    qualifiers: Vec<String>,
    /// What stands behind it.
    version: Option<u32>,
}

/// A declaration.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Declared<'u> {
    /// A named type of Avro.
    Avro(&'u Definition),
    /// A message of Protobuf.
    Message(&'u proto::Message),
    /// An enum of Protobuf.
    Enum(&'u proto::Enum),
}

/// A topic and the top types of its newest schemas.
#[derive(Debug)]
pub(crate) struct Topic<'u> {
    /// Its name.
    pub(crate) name: &'u str,
    /// The name of its type.
    pub(crate) type_name: String,
    /// What its records are.
    pub(crate) events: Vec<Event<'u>>,
}

/// What a record of a topic may be.
#[derive(Debug)]
pub(crate) struct Event<'u> {
    /// The full name in the schema.
    pub(crate) full_name: &'u str,
    /// The type's place in [`Flat::types`].
    pub(crate) place: usize,
    /// Whether it is a branch of the union at the top of its schema.
    pub(crate) is_branch: bool,
}

impl<'u> Flat<'u> {
    /// Names everything. A language's own names are never given.
    pub(crate) fn new(all: &'u Units, reserved: impl Fn(&str) -> bool) -> Flat<'u> {
        let mut flat = Flat::default();
        let topics = all.topics.as_slice();
        let avro = avro_units(all);
        let found = identities(&avro);
        for place in found.types {
            let unit = avro[place.unit];
            flat.types.push(Named {
                name: match place.definition.body {
                    // It is called as its subject, which need be no name.
                    Body::Bare(..) => camel(place.definition.simple_name()),
                    _ => capital(place.definition.simple_name()),
                },
                label: &unit.origin.label,
                declared: Declared::Avro(place.definition),
                unit: place.unit,
                definitions: Some(&unit.definitions),
                qualifiers: place.modules.iter().map(|module| camel(module)).collect(),
                version: unit.keep,
            });
        }
        flat.places = found.of_unit;
        let proto = topics.iter().flat_map(|topic| match topic {
            TopicUnit::Proto { events, .. } => events.as_slice(),
            TopicUnit::Avro { .. } => &[],
        });
        let proto: Vec<&ProtoUnit> = proto.chain(&all.messages).collect();
        for (index, unit) in proto.iter().enumerate() {
            let places = flat.proto_types(avro.len(), &proto[..index], unit);
            flat.places.push(places);
        }
        let mut scope = Scope::default();
        let topic_names: Vec<String> = topics
            .iter()
            .map(|topic| scope.camel(&format!("{}_event", topic.name())))
            .collect();
        flat.give_names(|name| reserved(name) || topic_names.iter().any(|topic| topic == name));
        flat.add_topics(topics, topic_names, avro.len());
        flat
    }

    /// Adds topics. The newest Avro schemas are the first units, in the order of the topics.
    fn add_topics(&mut self, topics: &'u [TopicUnit], names: Vec<String>, first_proto: usize) {
        let (mut avro, mut proto) = (0.., first_proto..);
        for (topic, type_name) in topics.iter().zip(names) {
            let tops: Vec<(Option<usize>, &str, Option<&AvroUnit>)> = match topic {
                TopicUnit::Avro { events, .. } => events
                    .iter()
                    .map(|unit| (avro.next(), unit.top.as_str(), Some(unit)))
                    .collect(),
                TopicUnit::Proto { events, .. } => {
                    let tops = events.iter().flat_map(|unit| {
                        let place = proto.next();
                        unit.tops().into_iter().map(move |top| (place, top, None))
                    });
                    tops.collect()
                }
            };
            let events = tops.into_iter().filter_map(|(index, top, unit)| {
                Some(Event {
                    full_name: unit.map_or(top, AvroUnit::event_name),
                    place: *self.places.get(index?)?.get(top)?,
                    is_branch: unit.is_some_and(|unit| unit.branch.is_some()),
                })
            });
            let events = events.collect();
            self.topics.push(Topic {
                name: topic.name(),
                type_name,
                events,
            });
        }
    }

    /// Adds what no earlier schema has in the same form, and says what all names of a schema stand for. Types that every
    /// library of Protobuf brings along are left to printers.
    fn proto_types(
        &mut self,
        offset: usize,
        earlier: &[&'u ProtoUnit],
        unit: &'u ProtoUnit,
    ) -> BTreeMap<&'u str, usize> {
        let mut places = BTreeMap::new();
        for file in unit.schema.files.iter().filter(|file| !file.is_well_known) {
            let messages = file
                .all_messages()
                .into_iter()
                .map(|message| (message.full_name.as_str(), Declared::Message(message)));
            let enums = file
                .all_enums()
                .into_iter()
                .map(|values| (values.full_name.as_str(), Declared::Enum(values)));
            for (full_name, declared) in messages.chain(enums) {
                let in_package = full_name.strip_prefix(file.package.as_str()).unwrap_or(full_name);
                let in_package = in_package.trim_start_matches('.');
                let top = in_package.split('.').next().unwrap_or_default();
                let top = full_name
                    .get(..full_name.len() - in_package.len() + top.len())
                    .unwrap_or(full_name);
                let known = earlier
                    .iter()
                    .position(|other| other.schema.agrees(&unit.schema, top));
                let known = known.and_then(|other| self.places.get(offset + other)?.get(full_name).copied());
                let place = known.unwrap_or_else(|| {
                    self.types.push(Named {
                        name: capital(&in_package.replace('.', "_")),
                        label: if file.name.is_empty() {
                            &unit.origin.label
                        } else {
                            &file.name
                        },
                        declared,
                        unit: self.places.len(),
                        definitions: None,
                        qualifiers: file
                            .package
                            .split('.')
                            .filter(|part| !part.is_empty())
                            .map(camel)
                            .collect(),
                        version: None,
                    });
                    self.types.len() - 1
                });
                places.insert(full_name, place);
            }
        }
        places
    }

    fn give_names(&mut self, reserved: impl Fn(&str) -> bool) {
        for named in &mut self.types {
            if let Some(version) = named.version {
                named.name = format!("{}V{version}", named.name);
            }
        }
        let mut alike: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, named) in self.types.iter().enumerate() {
            alike.entry(named.name.clone()).or_default().push(place);
        }
        let alone: Vec<String> = alike
            .iter()
            .filter(|(name, places)| places.len() == 1 && !reserved(name))
            .map(|(name, _)| name.clone())
            .collect();
        let mut taken: Vec<String> = alone.clone();
        for (name, places) in alike {
            if alone.contains(&name) {
                continue;
            }
            let deepest = places
                .iter()
                .filter_map(|place| Some(self.types.get(*place)?.qualifiers.len()))
                .max();
            let longer = |depth: usize| -> Vec<String> {
                let types = places.iter().filter_map(|place| self.types.get(*place));
                types
                    .map(|named| {
                        let skipped = named.qualifiers.len().saturating_sub(depth);
                        named.qualifiers.get(skipped..).unwrap_or_default().concat() + &name
                    })
                    .collect()
            };
            let is_free = |names: &[String]| {
                names.iter().enumerate().all(|(index, name)| {
                    !reserved(name)
                        && !taken.contains(name)
                        && !names.iter().skip(index + 1).any(|other| other == name)
                })
            };
            let mut names = (1..=deepest.unwrap_or(0))
                .map(longer)
                .find(|names| is_free(names))
                .unwrap_or_else(|| longer(usize::MAX));
            for chosen in &mut names {
                let wish = chosen.clone();
                let mut number = 2_u32;
                while reserved(chosen) || taken.contains(chosen) {
                    *chosen = format!("{wish}{number}");
                    number = number.saturating_add(1);
                }
                taken.push(chosen.clone());
            }
            for (place, name) in places.into_iter().zip(names) {
                if let Some(named) = self.types.get_mut(place) {
                    named.name = name;
                }
            }
        }
    }

    /// What a full name in a type's declaration is called; nothing for what libraries bring along.
    pub(crate) fn name_of(&self, within: &Named<'_>, full_name: &str) -> Option<&str> {
        let place = self.places.get(within.unit)?.get(full_name)?;
        self.types.get(*place).map(|named| named.name.as_str())
    }

    /// The name of what a topic's record may be.
    pub(crate) fn event_name(&self, event: &Event<'_>) -> &str {
        self.types
            .get(event.place)
            .map_or("", |named| named.name.as_str())
    }
}

impl Named<'_> {
    /// What an Avro type of a full name in this declaration is.
    pub(crate) fn body_of(&self, full_name: &str) -> Option<&Body> {
        self.definitions?
            .get(full_name)
            .map(|definition| &definition.body)
    }

    /// What is said of it.
    pub(crate) fn said(&self) -> Said<'_> {
        let (doc, full_name, line, deprecated) = match self.declared {
            Declared::Avro(definition) => (
                &definition.doc,
                definition.schema_name(),
                definition.line,
                definition.deprecated.as_deref(),
            ),
            Declared::Message(message) => (
                &message.about.doc,
                message.full_name.as_str(),
                message.about.line,
                message.about.deprecated.then_some(""),
            ),
            Declared::Enum(values) => (
                &values.about.doc,
                values.full_name.as_str(),
                values.about.line,
                values.about.deprecated.then_some(""),
            ),
        };
        Said {
            words: doc.as_deref(),
            // An import that was not read as a text has no lines.
            place: Some(match line {
                0 => format!("`{full_name}`, {}", self.label),
                _ => format!("`{full_name}`, {}:{line}", self.label),
            }),
            deprecated,
        }
    }
}

/// What is said of a declaration, whatever comment it becomes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said<'u> {
    /// Its doc.
    pub(crate) words: Option<&'u str>,
    /// Where it is declared.
    pub(crate) place: Option<String>,
    /// Why it is not to be used any more; empty when that is not told.
    pub(crate) deprecated: Option<&'u str>,
}

impl<'u> Said<'u> {
    /// What is said of a field of Avro.
    pub(crate) fn of_field(field: &'u Field) -> Said<'u> {
        Said {
            words: field.doc.as_deref(),
            place: None,
            deprecated: field.deprecated.as_deref(),
        }
    }

    /// What is said of a part of a Protobuf declaration.
    pub(crate) fn of_part(about: &'u proto::About) -> Said<'u> {
        Said {
            words: about.doc.as_deref(),
            place: None,
            deprecated: about.deprecated.then_some(""),
        }
    }

    /// Words alone.
    pub(crate) fn words(words: &'u str) -> Said<'u> {
        Said {
            words: Some(words),
            ..Said::default()
        }
    }
}

/// The name with a capital at its beginning, as types have, so that no field is called as its type.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.clone()).collect()
}

/// One of several types, each once; of none it is what the language has for that.
pub(crate) fn one_of(members: impl IntoIterator<Item = String>, none: &str) -> String {
    let mut once: Vec<String> = Vec::new();
    for member in members {
        if !once.contains(&member) {
            once.push(member);
        }
    }
    if once.is_empty() {
        none.to_owned()
    } else {
        once.join(" | ")
    }
}
