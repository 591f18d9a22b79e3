//! What an expression is made of, once it is lowered.
//!
//! Invariant: a node means what it says whatever CEL's interpreter would do; the values are ours, decimals among them.

use annals_schema_model::Value;

use super::arithmetic::Arithmetic;
use super::function::Function;

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Event,
    State,
    At,
    It,
    /// The variable of a macro, counted from the outermost.
    Variable(usize),
}

impl Root {
    pub(crate) fn named(name: &str) -> Option<Root> {
        match name {
            "event" => Some(Root::Event),
            "state" => Some(Root::State),
            "at" => Some(Root::At),
            "it" => Some(Root::It),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Root::Event => "event",
            Root::State => "state",
            Root::At => "at",
            Root::It => "it",
            Root::Variable(_) => "the element",
        }
    }
}

/// A way from a root into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) steps: Vec<String>,
    /// For the state: the place of the field that is the first step. Given out when the whole fold is known.
    pub(crate) slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A macro over the elements of a list, or the keys of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// A lowered expression.
#[derive(Debug)]
pub(crate) enum Node {
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
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
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
    /// The expressions this one is made of.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Node> {
        match self {
            Node::Literal(_) | Node::Path(_) | Node::Has(_) => vec![],
            Node::Field(a, _) | Node::Negate(a) | Node::Not(a) => vec![a],
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
