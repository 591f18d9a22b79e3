//! Expressions: CEL's surface, lowered to a small operation tree where that can be done without changing what it means.
//!
//! Invariant: a node is either evaluated here, on borrowed values, or is a whole CEL program of its own (`Dynamic`);
//! the two never disagree about a value. Names outside `event`, `state`, `at`, `it` are refused when lowering.

use annals_schema_model::{Decimal, Value};
use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

use super::dynamic::Dynamic;
use super::text::Arg;

/// Longest expression text.
const TEXT_BYTES_MAX: usize = 4_096;

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Event,
    State,
    At,
    It,
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

/// A lowered expression.
#[derive(Debug)]
pub(crate) enum Node {
    Literal(Value),
    Path(Path),
    Compare(Comparison, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Size(Box<Node>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Dynamic(Box<Dynamic>),
}

/// Lowers a value of the file.
pub(crate) fn lower_arg(arg: &Arg) -> Result<Node, (u32, String)> {
    let plain = |value| Ok(Node::Literal(value));
    match arg {
        Arg::Null => plain(Value::Null),
        Arg::Bool(value) => plain(Value::Bool(*value)),
        Arg::Int(value) => plain(Value::Int(*value)),
        Arg::Float => Err((
            0,
            "a number with a fraction is not exact here; write decimal('0.00')".to_owned(),
        )),
        Arg::Text(text) => lower_text(text).map_err(|message| (0, message)),
        Arg::List(items) => {
            let items = items
                .iter()
                .map(|item| lower_arg(&item.value).map_err(placed(item.referenced.line())));
            items.collect::<Result<_, _>>().map(Node::List)
        }
        Arg::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let node = lower_arg(&value.value).map_err(placed(value.referenced.line()))?;
                Ok((key.value.clone(), node))
            });
            entries.collect::<Result<_, _>>().map(Node::Map)
        }
    }
}

/// Gives an error a line, unless it came from deeper and has one.
fn placed(line: impl TryInto<u32>) -> impl Fn((u32, String)) -> (u32, String) {
    let line = line.try_into().unwrap_or(0);
    move |(inner, message)| {
        if inner == 0 {
            (line, message)
        } else {
            (inner, message)
        }
    }
}

/// Lowers the text of a CEL expression.
pub(crate) fn lower_text(text: &str) -> Result<Node, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("an expression has at most {TEXT_BYTES_MAX} bytes"));
    }
    let program = Program::compile(text).map_err(|errors| {
        let first = errors
            .errors
            .first()
            .map_or_else(|| errors.to_string(), |error| error.msg.clone());
        format!("`{text}` is no CEL expression: {first}")
    })?;
    match lower(&program.expression().expr) {
        Some(node) => node,
        None => Dynamic::new(text, program).map(|dynamic| Node::Dynamic(Box::new(dynamic))),
    }
}

type Lowered = Option<Result<Node, String>>;

/// Lowers an expression; nothing when it takes the interpreter.
fn lower(expr: &Expr) -> Lowered {
    if let Some(path) = path(expr) {
        return Some(path.map(Node::Path));
    }
    match expr {
        Expr::Literal(literal) => Some(Ok(Node::Literal(literal_value(literal)))),
        Expr::List(list) if list.optional_indices.is_empty() => {
            let items: Option<Vec<_>> = list.elements.iter().map(|item| lower(&item.expr)).collect();
            Some(items?.into_iter().collect::<Result<_, _>>().map(Node::List))
        }
        Expr::Map(map) => {
            let mut entries = Vec::with_capacity(map.entries.len());
            for entry in &map.entries {
                let EntryExpr::MapEntry(entry) = &entry.expr else {
                    return None;
                };
                let Expr::Literal(LiteralValue::String(key)) = &entry.key.expr else {
                    return None;
                };
                match lower(&entry.value.expr)? {
                    Ok(node) => entries.push((key.inner().to_owned(), node)),
                    Err(message) => return Some(Err(message)),
                }
            }
            Some(Ok(Node::Map(entries)))
        }
        Expr::Call(call) => lower_call(call),
        _ => None,
    }
}

fn lower_call(call: &CallExpr) -> Lowered {
    if call.func_name == "decimal" && call.target.is_none() {
        return Some(decimal(call));
    }
    if let Some(Expr::Literal(LiteralValue::Int(number))) = call.args.first().map(|arg| &arg.expr)
        && call.func_name == operators::NEGATE
    {
        return number
            .inner()
            .checked_neg()
            .map(|number| Ok(Node::Literal(Value::Int(number))));
    }
    let parts = call.target.iter().map(|target| &**target).chain(&call.args);
    let nodes: Result<Vec<Node>, String> = parts.map(|part| lower(&part.expr)).collect::<Option<_>>()?;
    let nodes = match nodes {
        Ok(nodes) => nodes,
        Err(message) => return Some(Err(message)),
    };
    let mut nodes = nodes.into_iter().map(Box::new);
    let parts = (nodes.next(), nodes.next(), nodes.next(), nodes.next());
    Some(Ok(match (call.func_name.as_str(), parts) {
        (operators::LOGICAL_NOT, (Some(a), None, ..)) => Node::Not(a),
        (operators::LOGICAL_AND, (Some(a), Some(b), None, _)) => Node::And(a, b),
        (operators::LOGICAL_OR, (Some(a), Some(b), None, _)) => Node::Or(a, b),
        (operators::CONDITIONAL, (Some(a), Some(b), Some(c), None)) => Node::If(a, b, c),
        ("size", (Some(a), None, ..)) => Node::Size(a),
        (operator, (Some(a), Some(b), None, _)) => Node::Compare(comparison(operator)?, a, b),
        _ => return None,
    }))
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn decimal(call: &CallExpr) -> Result<Node, String> {
    let [argument] = call.args.as_slice() else {
        return Err("decimal(…) takes one text".to_owned());
    };
    let Expr::Literal(LiteralValue::String(digits)) = &argument.expr else {
        return Err("decimal(…) takes its digits as text, such as decimal('0.00')".to_owned());
    };
    let digits = digits.inner();
    let decimal: Decimal = digits
        .parse()
        .map_err(|error| format!("decimal('{digits}'): {error}"))?;
    Ok(Node::Literal(Value::Decimal(decimal)))
}

/// A path, when the expression is one; an error, when it is one from nowhere.
pub(crate) fn path(expr: &Expr) -> Option<Result<Path, String>> {
    match expr {
        Expr::Ident(name) => Some(match Root::named(name) {
            Some(root) => Ok(Path {
                root,
                steps: Vec::new(),
                slot: 0,
            }),
            None => Err(unknown_name(name)),
        }),
        Expr::Select(select) if !select.test => Some(path(&select.operand.expr)?.map(|mut path| {
            path.steps.push(select.field.clone());
            path
        })),
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [operand, index] = call.args.as_slice() else {
                return None;
            };
            let Expr::Literal(LiteralValue::String(key)) = &index.expr else {
                return None;
            };
            Some(path(&operand.expr)?.map(|mut path| {
                path.steps.push(key.inner().to_owned());
                path
            }))
        }
        _ => None,
    }
}

pub(crate) fn unknown_name(name: &str) -> String {
    format!(
        "`{name}` is unknown; there are event, state and at (and it, in remove-where). A text is quoted: \"'{name}'\""
    )
}

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Null => Value::Null,
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::UInt(value) => Value::UInt(*value.inner()),
        LiteralValue::Double(value) => Value::Float(*value.inner()),
        LiteralValue::String(value) => Value::String(value.inner().to_owned()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().to_vec()),
    }
}
