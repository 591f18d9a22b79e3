//! Whether a reader's shape reads a writer's bytes as what they are.
//!
//! Follows the messages of equal name and every field number both sides have, down into message types whatever those
//! are called. Only what would be misread is a finding: what a reader may lose or not know is no one's concern here.

use std::collections::{HashMap, HashSet};

use crate::{
    Direction, Finding,
    proto::{
        rules::{self, Row},
        shape::{Field, Kind, Label, Message, Shape},
    },
};

/// Most pairs of messages compared; two schemas of mutually recursive messages could pair up without end.
const PAIRS_MAX: usize = 100_000;

/// The reader's messages by name.
pub(super) struct Partners<'a> {
    full: HashMap<&'a str, usize>,
    relative: HashMap<&'a str, usize>,
}

impl<'a> Partners<'a> {
    pub(super) fn of(read: &'a Shape) -> Partners<'a> {
        let messages = || {
            let indexes = read.roots.values().copied();
            indexes.filter_map(|index| read.messages.get(index).map(|message| (index, message)))
        };
        Partners {
            full: messages()
                .map(|(index, message)| (&*message.name, index))
                .collect(),
            relative: messages()
                .map(|(index, message)| (message.relative.as_str(), index))
                .collect(),
        }
    }

    /// The reader's message for one of the writer's: of the same full name, or of the same name in its package.
    pub(super) fn partner(&self, written: &Message) -> Option<usize> {
        let full = self.full.get(&*written.name);
        full.or_else(|| self.relative.get(written.relative.as_str()))
            .copied()
    }
}

/// A finding for every number both shapes have with different layouts.
pub(super) fn check(written: &Shape, read: &Shape) -> Vec<Finding> {
    let partners = Partners::of(read);
    let mut open: Vec<(usize, usize)> = Vec::new();
    for root in written.roots.values() {
        let partner = written
            .messages
            .get(*root)
            .and_then(|message| partners.partner(message));
        open.extend(partner.map(|partner| (*root, partner)));
    }
    let mut seen: HashSet<(usize, usize)> = open.iter().copied().collect();
    let mut findings = Vec::new();
    while let Some((writer, reader)) = open.pop() {
        let (Some(writer), Some(reader)) = (written.messages.get(writer), read.messages.get(reader)) else {
            continue;
        };
        for (written, read) in shared_fields(writer, reader) {
            if let Some(row) = misread(written, read) {
                findings.push(finding(row, reader, read));
            } else if let (Some(below), true) = (held(written, read), seen.len() < PAIRS_MAX)
                && seen.insert(below)
            {
                open.push(below);
            }
        }
    }
    findings.sort_by(|left, right| left.path.cmp(&right.path));
    findings
}

fn shared_fields<'a>(
    written: &'a Message,
    read: &'a Message,
) -> impl Iterator<Item = (&'a Field, &'a Field)> {
    read.fields
        .iter()
        .filter_map(|field| written.field(field.number).map(|(_, written)| (written, field)))
}

fn misread(written: &Field, read: &Field) -> Option<&'static Row> {
    match (written.kind.family(), read.kind.family()) {
        (Some(writer), Some(reader)) if writer != reader => Some(&rules::FIELD_SCALAR_KIND_CHANGED),
        (Some(_), Some(_)) => {
            // One value taken from many: packed ones would not even be understood.
            let narrowed = written.label == Label::Repeated && read.label != Label::Repeated;
            (narrowed && written.kind.packable()).then_some(&rules::FIELD_NUMERIC_LABEL_CHANGED)
        }
        (None, None) => {
            let same = matches!(
                (written.kind, read.kind),
                (Kind::Message(_), Kind::Message(_)) | (Kind::Group(_), Kind::Group(_))
            );
            (!same).then_some(&rules::FIELD_KIND_CHANGED)
        }
        _ => Some(&rules::FIELD_KIND_CHANGED),
    }
}

fn held(written: &Field, read: &Field) -> Option<(usize, usize)> {
    match (written.kind, read.kind) {
        (Kind::Message(written) | Kind::Group(written), Kind::Message(read) | Kind::Group(read)) => {
            Some((written, read))
        }
        _ => None,
    }
}

fn finding(row: &Row, message: &Message, field: &Field) -> Finding {
    let path = format!("#/{}/{}", message.relative.replace('.', "/"), field.number);
    let description = row.describe(&path, Direction::Backward);
    Finding::new(row.rule, path, description, Direction::Backward)
}
