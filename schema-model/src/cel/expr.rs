//! What an expression is made of, once it is lowered.
//!
//! Invariant: a node means what it says whatever CEL's interpreter would do; the values are ours, decimals among them.

use std::sync::Arc;

use regex::Regex;

use super::{Arithmetic, Function};
use crate::Value;

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// One of the names that expressions of this kind have.
    Name(&'static str),
    /// The variable of a macro, counted from the outermost.
    Variable(usize),
}

impl Root {
    /// As a sentence names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Root::Name(name) => name,
            Root::Variable(_) => "the element",
        }
    }
}

/// A way from a root into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Where it starts.
    pub root: Root,
    /// The names on the way.
    pub steps: Vec<String>,
    /// A number that whoever gives names their values may keep with a path: where its first step is found.
    pub slot: usize,
}

/// A comparison.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A macro over the elements of a list, or the keys of a map.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// A lowered expression.
#[allow(missing_docs)]
#[derive(Debug)]
pub enum Node {
    Literal(Value),
    Path(Path),
    /// A field of what is no path.
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    /// Whether the last step of a path is there.
    Has(Path),
    Compare(Comparison, Box<Node>, Box<Node>),
    Compute(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    In(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
    /// Whether a pattern is found in a text.
    Matches(Box<Node>, Regex),
    List(Vec<Node>),
    Map(Vec<(Arc<str>, Node)>),
    Each {
        each: Each,
        of: Box<Node>,
        /// The condition, or what `map` makes of an element.
        body: Box<Node>,
        /// Which elements `map` takes.
        condition: Option<Box<Node>>,
    },
}

impl Node {
    /// How deep it nests.
    pub fn depth(&mut self) -> usize {
        let parts = self.parts_mut().into_iter();
        1 + parts.map(Node::depth).max().unwrap_or(0)
    }

    /// The expressions this one is made of.
    pub fn parts_mut(&mut self) -> Vec<&mut Node> {
        match self {
            Node::Literal(_) | Node::Path(_) | Node::Has(_) => vec![],
            Node::Field(a, _) | Node::Negate(a) | Node::Not(a) | Node::Matches(a, _) => vec![a],
            Node::Index(a, b)
            | Node::Compare(_, a, b)
            | Node::Compute(_, a, b)
            | Node::In(a, b)
            | Node::And(a, b)
            | Node::Or(a, b) => vec![a, b],
            Node::If(a, b, c) => vec![a, b, c],
            Node::Call(_, parts) | Node::List(parts) => parts.iter_mut().collect(),
            Node::Map(entries) => entries.iter_mut().map(|(_, node)| node).collect(),
            Node::Each {
                of, body, condition, ..
            } => {
                let condition = condition.iter_mut().map(|node| &mut **node);
                [&mut **of, &mut **body].into_iter().chain(condition).collect()
            }
        }
    }
}
