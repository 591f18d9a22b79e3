//! Where two types meet: each place is a link to the place it was reached from, so that a path is only put together
//! when a finding needs it.

use std::fmt::Write as _;

use super::{Next, NodeId, Schema};
use crate::{Span, avro::node::Kind};

/// Most steps of a path that are written out: names can chain types as deep as there are names.
const TOKENS_MAX: usize = 256;

/// The last step to a place, or to a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A path begins.
    Root,
    /// No step at all.
    Here,
    /// The type of a field of the reader's record.
    FieldType(usize),
    /// A field of the reader's record.
    Field(usize),
    /// A branch of a union.
    Index(usize),
    Items,
    Values,
    Name,
    Size,
    Symbols,
}

/// A pair of types and how it was reached.
#[derive(Debug)]
struct Place {
    parent: Option<usize>,
    token: Token,
    reader: NodeId,
    writer: NodeId,
}

/// One of the two sides of a comparison.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Reader,
    Writer,
}

/// Every place met so far.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

impl Places {
    pub(super) fn add(&mut self, parent: Option<usize>, next: Next) -> usize {
        let Next {
            token,
            reader,
            writer,
        } = next;
        self.0.push(Place {
            parent,
            token,
            reader,
            writer,
        });
        self.0.len() - 1
    }

    /// The reader's and the writer's type.
    pub(super) fn nodes(&self, place: usize) -> (NodeId, NodeId) {
        let place = &self.0[place];
        (place.reader, place.writer)
    }

    fn side(&self, place: usize, side: Side) -> NodeId {
        match side {
            Side::Reader => self.0[place].reader,
            Side::Writer => self.0[place].writer,
        }
    }

    /// The path of a part of a place, as a JSON pointer into the reader.
    pub(super) fn path(&self, place: usize, part: Token) -> String {
        let mut tokens = vec![part];
        let mut at = Some(place);
        while let Some(place) = at.map(|at| &self.0[at]) {
            tokens.push(place.token);
            at = match place.token {
                Token::Root => None,
                _ => place.parent,
            };
        }
        tokens.reverse();
        let mut path = String::new();
        let left_out = match tokens.len() {
            many if many > TOKENS_MAX => TOKENS_MAX / 2..many - TOKENS_MAX / 2,
            _ => 0..0,
        };
        for (index, token) in tokens.iter().enumerate() {
            if left_out.contains(&index) {
                if index == left_out.start {
                    path.push_str("/…");
                }
                continue;
            }
            let _ = match token {
                Token::Root | Token::Here => Ok(()),
                Token::FieldType(index) => write!(path, "/fields/{index}/type"),
                Token::Field(index) => write!(path, "/fields/{index}"),
                Token::Index(index) => write!(path, "/{index}"),
                Token::Items => write!(path, "/items"),
                Token::Values => write!(path, "/values"),
                Token::Name => write!(path, "/name"),
                Token::Size => write!(path, "/size"),
                Token::Symbols => write!(path, "/symbols"),
            };
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    /// What stands closest to a place in a schema's own text: the type itself, or the field or type that holds it when
    /// it is defined in a reference.
    pub(super) fn span(&self, schema: &Schema, place: usize, side: Side) -> Option<Span> {
        let mut below = None;
        let mut at = Some(place);
        while let Some(place) = at {
            let id = self.side(place, side);
            if let Some(span) = schema.span(id) {
                let Kind::Record(record) = &schema.node(id).kind else {
                    return Some(span);
                };
                let holder = record.fields.iter().find(|field| Some(field.node) == below);
                return Some(holder.map_or(span, |field| field.span));
            }
            below = Some(id);
            at = self.0[place].parent;
        }
        None
    }
}
