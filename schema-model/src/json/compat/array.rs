//! Items: the prefix one by one, the rest as a content model, what must be contained.

use super::{Both, Comparison, Pair, Side, Site, accepts_everything};
use crate::{
    Policy,
    json::{
        Schema,
        draft::Draft,
        node::{Keywords, Kind, NodeId},
        rules::{self, Row},
    },
};

/// What is allowed where nothing is declared.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    Anything,
    Nothing,
    Only(NodeId),
}

impl Rest {
    pub(super) fn of(schema: &Schema, node: Option<NodeId>) -> Rest {
        match node {
            None => Rest::Anything,
            Some(node) if accepts_everything(schema, Side::whole(node)) => Rest::Anything,
            Some(node) => match &schema.node(node).kind {
                Kind::Bool(false) => Rest::Nothing,
                _ => Rest::Only(node),
            },
        }
    }
}

/// Added, removed, extended, narrowed.
const ADDITIONAL_ITEMS: [&Row; 4] = [
    &rules::ADDITIONAL_ITEMS_ADDED,
    &rules::ADDITIONAL_ITEMS_REMOVED,
    &rules::ADDITIONAL_ITEMS_EXTENDED,
    &rules::ADDITIONAL_ITEMS_NARROWED,
];

fn rest_of_items(keywords: &Keywords) -> Option<NodeId> {
    keywords.items.or(keywords.unevaluated_items)
}

impl<'s> Comparison<'s> {
    pub(super) fn array(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        if reads.unique_items != writes.unique_items {
            let row = if reads.unique_items {
                &rules::UNIQUE_ITEMS_ADDED
            } else {
                &rules::UNIQUE_ITEMS_REMOVED
            };
            let keyword = "uniqueItems";
            self.note(
                row,
                "/uniqueItems",
                both.writer_at(keyword),
                both.reader_at(keyword),
            );
        }
        if writes.prefix_items.is_empty() && reads.prefix_items.is_empty() {
            self.items(both);
            self.idle_items(both);
        } else {
            self.prefix(both);
            self.rest_of_array(both);
        }
        if let Some(reader) = reads.contains {
            match writes.contains {
                Some(writer) => {
                    let pair = whole(writer, reader);
                    self.below(
                        "/contains",
                        pair,
                        &both.writer_at("contains"),
                        &both.reader_at("contains"),
                    );
                }
                None => self.note(
                    &rules::SCHEMA_ADDED,
                    "/contains",
                    Site::of(both.pair.writer.node),
                    both.reader_at("contains"),
                ),
            }
        }
    }

    /// All items are of one kind on both sides.
    fn items(&mut self, both: Both<'s>) {
        let (writer, reader) = (rest_of_items(both.writes), rest_of_items(both.reads));
        let sites = (both.writer_at("items"), both.reader_at("items"));
        match (writer, reader) {
            (Some(writer), Some(reader)) => {
                self.below("/items", whole(writer, reader), &sites.0, &sites.1);
            }
            (None, Some(reader)) => {
                if !accepts_everything(self.reader, Side::whole(reader)) {
                    self.note(&rules::SCHEMA_ADDED, "/items", sites.0, sites.1);
                }
            }
            (Some(_), None) => self.note(&rules::SCHEMA_REMOVED, "/items", sites.0, sites.1),
            (None, None) => {}
        }
    }

    /// `additionalItems` where it means nothing, because `items` is no array: Confluent's registry compares it all the same.
    fn idle_items(&mut self, both: Both<'s>) {
        let is_keyword = |schema: &Schema| schema.draft() <= Draft::Draft201909;
        if self.standard.policy == Policy::Wire || !is_keyword(self.writer) || !is_keyword(self.reader) {
            return;
        }
        let items = [both.writes.additional_items, both.reads.additional_items];
        self.rest(both, "additionalItems", ADDITIONAL_ITEMS, items);
    }

    fn prefix(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let keyword = if reads.place("prefixItems").is_some() || writes.place("prefixItems").is_some() {
            "prefixItems"
        } else {
            "items"
        };
        let (writer_at, reader_at) = (both.writer_at(keyword), both.reader_at(keyword));
        for index in 0..writes.prefix_items.len().max(reads.prefix_items.len()) {
            if !self.spend() {
                return;
            }
            let path = format!("/{keyword}/{index}");
            match (writes.prefix_items.get(index), reads.prefix_items.get(index)) {
                (Some(writer), Some(reader)) => {
                    self.below(&path, whole(*writer, *reader), &writer_at, &reader_at);
                }
                (Some(writer), None) => self.item_removed(both, &path, *writer),
                (None, Some(reader)) => self.item_added(both, &path, *reader),
                (None, None) => {}
            }
        }
    }

    fn item_removed(&mut self, both: Both<'s>, path: &str, writer: NodeId) {
        let row = match Rest::of(self.reader, rest_of_items(both.reads)) {
            Rest::Anything => &rules::ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL,
            Rest::Nothing if matches!(self.writer.node(writer).kind, Kind::Bool(false)) => {
                &rules::ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL
            }
            Rest::Nothing => &rules::ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Rest::Only(rest) if self.accepts(whole(writer, rest)) => {
                &rules::ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
            }
            Rest::Only(_) => &rules::ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        };
        self.note(row, path, Site::of(writer), Site::of(both.pair.reader.node));
    }

    fn item_added(&mut self, both: Both<'s>, path: &str, reader: NodeId) {
        let row = match Rest::of(self.writer, rest_of_items(both.writes)) {
            Rest::Anything if accepts_everything(self.reader, Side::whole(reader)) => {
                &rules::ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL
            }
            Rest::Anything => &rules::ITEM_ADDED_TO_OPEN_CONTENT_MODEL,
            Rest::Nothing => &rules::ITEM_ADDED_TO_CLOSED_CONTENT_MODEL,
            Rest::Only(rest) if self.accepts(whole(rest, reader)) => {
                &rules::ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
            }
            Rest::Only(_) => &rules::ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        };
        self.note(row, path, Site::of(both.pair.writer.node), Site::of(reader));
    }

    fn rest_of_array(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let unevaluated = writes.items.is_none() && reads.items.is_none();
        let keyword = match (unevaluated, self.reader.draft() >= Draft::Draft202012) {
            (true, _) => "unevaluatedItems",
            (false, true) => "items",
            (false, false) => "additionalItems",
        };
        let rows = if unevaluated {
            [
                &rules::UNEVALUATED_ITEMS_ADDED,
                &rules::UNEVALUATED_ITEMS_REMOVED,
                &rules::UNEVALUATED_ITEMS_EXTENDED,
                &rules::UNEVALUATED_ITEMS_NARROWED,
            ]
        } else {
            ADDITIONAL_ITEMS
        };
        self.rest(both, keyword, rows, [rest_of_items(writes), rest_of_items(reads)]);
    }
}

pub(super) const fn whole(writer: NodeId, reader: NodeId) -> Pair {
    Pair {
        writer: Side::whole(writer),
        reader: Side::whole(reader),
    }
}
