//! What Rust has to know of messages beside their fields: which traits they have, and where one holds itself.
//!
//! Invariant: the answers are prost's own, so that a type has the traits its users know it to have. All of them are found
//! in one walk over each field.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::proto::{Field, File, Kind, Message, Occurs, Scalar, Schema};

/// Of all messages of a schema.
pub(crate) struct Derives<'a> {
    /// The circle of messages that each is in; one of its own, if it is in none.
    circles: BTreeMap<&'a str, usize>,
    copied: BTreeSet<&'a str>,
    equal: BTreeSet<&'a str>,
}

impl<'a> Derives<'a> {
    /// Looks at every message.
    pub(crate) fn of(schema: &'a Schema) -> Derives<'a> {
        let messages: Vec<&Message> = schema.files.iter().flat_map(File::all_messages).collect();
        let all: BTreeSet<&str> = messages
            .iter()
            .map(|message| message.full_name.as_str())
            .collect();
        let mut derives = Derives {
            circles: circles(&messages),
            copied: all.clone(),
            equal: all,
        };
        // What holds one that is not, is not.
        let (copied, equal) = (
            derives.settled(&messages, Derives::is_copied),
            derives.settled(&messages, Derives::is_compared),
        );
        (derives.copied, derives.equal) = (copied, equal);
        derives
    }

    /// Whether a message is `Copy`.
    pub(crate) fn copies(&self, message: &str) -> bool {
        self.copied.contains(message)
    }

    /// Whether a message is `Eq` and `Hash`.
    pub(crate) fn equals(&self, message: &str) -> bool {
        self.equal.contains(message)
    }

    /// Whether a field of a message is.
    pub(crate) fn field_copies(&self, owner: &str, field: &Field) -> bool {
        self.is_copied(owner, field, &self.copied)
    }

    /// Whether a field of a message is.
    pub(crate) fn field_equals(&self, owner: &str, field: &Field) -> bool {
        self.is_compared(owner, field, &self.equal)
    }

    /// Whether a field has to be boxed: its message leads back to the one it is in.
    pub(crate) fn is_boxed(&self, owner: &str, field: &Field) -> bool {
        held(field).is_some_and(|inner| self.circles.get(inner) == self.circles.get(owner))
    }

    fn is_copied(&self, owner: &str, field: &Field, so_far: &BTreeSet<&str>) -> bool {
        if matches!(field.occurs, Occurs::Repeated { .. } | Occurs::Map(_)) {
            return false;
        }
        match &field.kind {
            Kind::Scalar(scalar) => !matches!(scalar, Scalar::String | Scalar::Bytes),
            Kind::Enum(_) => true,
            Kind::Message(name) => !self.is_boxed(owner, field) && so_far.contains(name.as_str()),
            Kind::Group(_) => false,
        }
    }

    fn is_compared(&self, owner: &str, field: &Field, so_far: &BTreeSet<&str>) -> bool {
        if matches!(field.occurs, Occurs::Map(_)) {
            return false;
        }
        match &field.kind {
            Kind::Scalar(scalar) => !matches!(scalar, Scalar::Float | Scalar::Double),
            Kind::Enum(_) => true,
            Kind::Message(name) => {
                held(field).is_some() && !self.is_boxed(owner, field) && so_far.contains(name.as_str())
            }
            Kind::Group(_) => false,
        }
    }

    /// The messages all fields of which have a trait.
    fn settled(
        &self,
        messages: &[&'a Message],
        has: impl Fn(&Self, &str, &Field, &BTreeSet<&str>) -> bool,
    ) -> BTreeSet<&'a str> {
        let mut users: BTreeMap<&str, Vec<&'a Message>> = BTreeMap::new();
        for message in messages {
            for field in &message.fields {
                users
                    .entry(held(field).unwrap_or_default())
                    .or_default()
                    .push(message);
            }
        }
        let mut so_far: BTreeSet<&str> = messages
            .iter()
            .map(|message| message.full_name.as_str())
            .collect();
        let mut open: Vec<&Message> = messages.to_vec();
        while let Some(message) = open.pop() {
            let name = message.full_name.as_str();
            let all = message.fields.iter().all(|field| has(self, name, field, &so_far));
            if !all && so_far.remove(name) {
                open.extend(users.get(name).into_iter().flatten());
            }
        }
        so_far
    }
}

/// The message that a field holds in itself.
fn held(field: &Field) -> Option<&str> {
    match (&field.kind, field.occurs) {
        (_, Occurs::Repeated { .. } | Occurs::Map(_)) => None,
        (Kind::Message(name) | Kind::Group(name), _) => Some(name),
        _ => None,
    }
}

/// Which messages lead back to each other: Kosaraju's two walks, neither of them recursive.
fn circles<'a>(messages: &[&'a Message]) -> BTreeMap<&'a str, usize> {
    let mut there: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut back: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for message in messages {
        for inner in message.fields.iter().filter_map(held) {
            there.entry(&message.full_name).or_default().push(inner);
            back.entry(inner).or_default().push(&message.full_name);
        }
    }
    let mut finished = Vec::new();
    let mut seen = BTreeSet::new();
    for message in messages {
        finished.extend(reached(&message.full_name, &there, &mut seen));
    }
    let mut circles = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (number, start) in finished.into_iter().rev().enumerate() {
        circles.extend(
            reached(start, &back, &mut seen)
                .into_iter()
                .map(|name| (name, number)),
        );
    }
    circles
}

/// What is reached and was not seen before, each after what it leads to.
fn reached<'a>(
    start: &'a str,
    edges: &BTreeMap<&'a str, Vec<&'a str>>,
    seen: &mut BTreeSet<&'a str>,
) -> Vec<&'a str> {
    let mut done = Vec::new();
    let mut open = Vec::new();
    if seen.insert(start) {
        open.push((start, 0));
    }
    while let Some((name, next)) = open.last_mut() {
        let inner = edges.get(name).and_then(|inner| inner.get(*next));
        *next += 1;
        match inner {
            Some(inner) if seen.insert(inner) => open.push((inner, 0)),
            Some(_) => {}
            None => {
                done.push(*name);
                open.pop();
            }
        }
    }
    done
}
