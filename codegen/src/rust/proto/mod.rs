//! Protobuf: types as prost has them, and the event type of each topic.
//!
//! Everything is printed from the model; prost's derives make of it what reads and writes. prost-build is not asked,
//! because it prints what does not compile, or ends the build, where names meet in Rust or groups hold themselves, and
//! because its docs are Markdown. In tests it is the measure of what is printed here.

mod derive;
mod enumeration;
mod event;
mod message;
mod place;

use std::rc::Rc;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::proto::Message;
use crate::rust::module::{Names, Tree};
use crate::rust::{Rows, origin_constants};
use crate::settings::Settings;
use crate::unit::{ProtoEvents, ProtoUnit, TopicUnit, Units};
use event::Event;
use message::Printer;
use place::{Place, Places};

/// All Protobuf topics of a build.
pub(crate) struct Proto<'a> {
    rows: &'a Rows<'a>,
    topics: Vec<Topic<'a>>,
    places: Places,
}

struct Topic<'a> {
    name: &'a str,
    by_record: bool,
    units: &'a [ProtoUnit],
    /// The number of its first unit among those of all topics.
    first: usize,
}

impl<'a> Proto<'a> {
    /// Gives all types their names. Modules of packages, and what is no Protobuf, have theirs before.
    pub(crate) fn new(rows: &'a Rows<'a>, all: &'a Units, names: &mut Names) -> Proto<'a> {
        let mut own: Vec<Topic<'a>> = Vec::new();
        let mut first = 0;
        for topic in &all.topics {
            if let TopicUnit::Proto {
                name,
                by_record,
                events: units,
            } = topic
            {
                let by_record = *by_record;
                own.push(Topic {
                    name,
                    by_record,
                    units,
                    first,
                });
                first += units.len();
            }
        }
        // Types alone are as if of a topic that nobody asks for.
        own.push(Topic {
            name: "",
            by_record: false,
            units: &all.messages,
            first,
        });
        let units: Vec<&ProtoUnit> = own.iter().flat_map(|topic| topic.units).collect();
        let places = Places::of(&units, names);
        Proto {
            rows,
            topics: own,
            places,
        }
    }

    /// Prints all types into their modules.
    pub(crate) fn types(&self, settings: &Settings, tree: &mut Tree) {
        let owners = self.owners();
        let constants = |place: &Place| {
            let owner = owners
                .iter()
                .find(|owner| std::ptr::eq(place, Rc::as_ptr(owner.place)));
            owner.map_or_else(TokenStream::new, message_constants)
        };
        for topic in &self.topics {
            for (number, unit) in (topic.first..).zip(topic.units) {
                Printer::new(number, unit, &self.places, settings).types(&constants, tree);
            }
        }
    }

    /// The event type of a topic.
    pub(crate) fn items(&self, topic: &str, name: &str) -> TokenStream {
        let Some(topic) = self.topics.iter().find(|own| own.name == topic) else {
            return TokenStream::new();
        };
        let events = self.events(topic);
        match (topic.units, events.as_slice()) {
            (
                [
                    ProtoUnit {
                        events: ProtoEvents::Members { oneof, .. },
                        ..
                    },
                ],
                [event],
            ) => event::members(topic.name, name, event, *oneof),
            _ if topic.by_record => {
                let owners = self.owners();
                let is_own = |event: &Event<'_>| {
                    let mut owners = owners.iter();
                    owners.any(|owner| Rc::ptr_eq(owner.place, event.place) && owner.schema == event.schema)
                };
                let own: Vec<bool> = events.iter().map(is_own).collect();
                event::messages(topic.name, name, &events, Some(&own))
            }
            _ => event::messages(topic.name, name, &events, None),
        }
    }

    /// The events whose constants messages have: of each the first that it is of a subject of its own.
    fn owners(&self) -> Vec<Event<'_>> {
        let topics = self.topics.iter().filter(|topic| topic.by_record);
        let mut owners: Vec<Event<'_>> = Vec::new();
        for event in topics.flat_map(|topic| self.events(topic)) {
            if owners.iter().all(|owner| !Rc::ptr_eq(owner.place, event.place)) {
                owners.push(event);
            }
        }
        owners
    }

    /// The messages that are a topic's events, or hold them.
    fn events(&self, topic: &Topic<'a>) -> Vec<Event<'_>> {
        let units = (topic.first..).zip(topic.units);
        let named = units.flat_map(|(number, unit)| {
            let endless = unit.schema.endless();
            let names: Vec<&String> = match &unit.events {
                ProtoEvents::Members { message, .. } => vec![message],
                ProtoEvents::Messages(names) => names.iter().collect(),
            };
            let named = names.into_iter();
            named.map(move |name| (number, unit, name, endless.contains(name.as_str())))
        });
        let found = named.filter_map(|(number, unit, name, is_endless)| {
            let message: &Message = unit.schema.message(name)?;
            Some(Event {
                origin: &unit.origin,
                schema: self.rows.place(&unit.origin),
                message,
                place: self.places.get(number, name)?,
                is_endless,
            })
        });
        found.collect()
    }
}

/// What a message has that is a subject's.
fn message_constants(event: &Event<'_>) -> TokenStream {
    let (name, full_name) = (&event.place.ident, &event.message.full_name);
    let constants = origin_constants(event.origin);
    quote! {
        impl #name {
            /// The message's full name in the schema.
            pub const NAME: &'static str = #full_name;
            #constants
        }
    }
}
