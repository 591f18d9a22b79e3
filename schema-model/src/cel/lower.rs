//! Expressions: CEL's surface, lowered to an operation tree that knows our values: decimals, timestamps, dates, uuids.
//!
//! Invariant: whatever CEL can say is lowered here or refused here, with a sentence; nothing is left to run time. Names
//! outside those of the caller and the variables of macros are refused.
//! The parser is the `cel` crate's; its interpreter has no type for a decimal. Left out: two-variable macros, message
//! literals, optional syntax, patterns that are computed, time zones by name.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use cel::Env;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use regex::RegexBuilder;

use super::fault::told;
use super::{Arithmetic, Comparison, Each, Function, Node, Path, Root};
use crate::Value;

/// Longest expression text.
const TEXT_BYTES_MAX: usize = 4_096;

/// Most memory of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The names that expressions of one kind have.
#[derive(Debug)]
pub struct Names {
    /// All of them.
    pub known: &'static [&'static str],
    /// Those that stand everywhere, as a sentence lists them: `event, state and at`.
    pub told: &'static str,
    /// What is to be said of the others: ` (and it, in remove-where)`.
    pub besides: &'static str,
}

impl Names {
    fn root(&self, name: &str) -> Option<Root> {
        self.known
            .iter()
            .find(|known| **known == name)
            .map(|known| Root::Name(known))
    }
}

/// Macros stay calls, because the tree has operations of its own for them.
static WITHOUT_MACROS: LazyLock<Env> = LazyLock::new(Env::default);

/// Lowers the text of a CEL expression.
///
/// # Errors
/// A sentence that says what of it is not understood.
pub fn lower(text: &str, names: &'static Names) -> Result<Node, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("an expression has at most {TEXT_BYTES_MAX} bytes"));
    }
    let program = WITHOUT_MACROS.compile(text).map_err(|errors| {
        let faults = errors.errors.iter().map(|error| (error.pos, error.msg.as_str()));
        format!("`{text}` is no CEL expression: {}", told(text, faults))
    })?;
    let mut lowering = Lowering {
        names,
        variables: Vec::new(),
    };
    lowering.lower(&program.expression().expr)
}

struct Lowering {
    names: &'static Names,
    /// The variables of the macros around an expression, the outermost first.
    variables: Vec<String>,
}

impl Lowering {
    fn lower(&mut self, expr: &Expr) -> Result<Node, String> {
        if let Some(path) = self.path(expr)? {
            return Ok(Node::Path(path));
        }
        match expr {
            Expr::Literal(literal) => Ok(Node::Literal(literal_value(literal))),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let items = list.elements.iter().map(|item| self.lower(&item.expr));
                items.collect::<Result<_, _>>().map(Node::List)
            }
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| self.entry(&entry.expr));
                let entries: Vec<(Arc<str>, Node)> = entries.collect::<Result<_, _>>()?;
                let mut keys = BTreeSet::new();
                match entries.iter().find(|(key, _)| !keys.insert(key)) {
                    Some((key, _)) => Err(format!("the key '{key}' stands twice in one map")),
                    None => Ok(Node::Map(entries)),
                }
            }
            Expr::Select(select) => {
                let of = self.lower(&select.operand.expr)?;
                Ok(Node::Field(Box::new(of), select.field.clone()))
            }
            Expr::Call(call) => self.call(call),
            _ => Err("message literals and optional values are not part of this language".to_owned()),
        }
    }

    fn entry(&mut self, entry: &EntryExpr) -> Result<(Arc<str>, Node), String> {
        match entry {
            EntryExpr::MapEntry(entry) => match &entry.key.expr {
                Expr::Literal(LiteralValue::String(key)) => {
                    Ok((key.inner().into(), self.lower(&entry.value.expr)?))
                }
                _ => Err("the keys of a map are texts, such as {'a': 1}".to_owned()),
            },
            EntryExpr::StructField(_) => Err("message literals are not part of this language".to_owned()),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<Node, String> {
        let name = call.func_name.as_str();
        match (name, &call.target, call.args.as_slice()) {
            ("matches", Some(of), [pattern]) => return self.matches(of, pattern),
            ("matches", None, [of, pattern]) => return self.matches(of, pattern),
            (operators::HAS, None, [what]) => return self.has(&what.expr),
            (name, Some(of), args) if each(name).is_some() => return self.each(name, of, args),
            (operators::NEGATE, None, [number]) => {
                if let Expr::Literal(LiteralValue::Int(number)) = &number.expr {
                    let negated = number.inner().checked_neg();
                    return negated
                        .map(|number| Node::Literal(Value::Int(number)))
                        .ok_or_else(|| "the number does not fit 64 bits with a sign".to_owned());
                }
            }
            _ => {}
        }
        let parts = call.target.iter().map(|target| &**target).chain(&call.args);
        let nodes: Vec<Node> = parts
            .map(|part| self.lower(&part.expr))
            .collect::<Result<_, _>>()?;
        if let Some(function) = Function::named(name) {
            return function.checked_count(nodes);
        }
        let mut nodes = nodes.into_iter().map(Box::new);
        let parts = (nodes.next(), nodes.next(), nodes.next(), nodes.next());
        Ok(match (name, parts) {
            (operators::LOGICAL_NOT, (Some(a), None, ..)) => Node::Not(a),
            (operators::NEGATE, (Some(a), None, ..)) => Node::Negate(a),
            (operators::LOGICAL_AND, (Some(a), Some(b), None, _)) => Node::And(a, b),
            (operators::LOGICAL_OR, (Some(a), Some(b), None, _)) => Node::Or(a, b),
            (operators::CONDITIONAL, (Some(a), Some(b), Some(c), None)) => Node::If(a, b, c),
            (operators::INDEX, (Some(a), Some(b), None, _)) => Node::Index(a, b),
            (operators::IN, (Some(a), Some(b), None, _)) => Node::In(a, b),
            (operator, (Some(a), Some(b), None, _)) => match (comparison(operator), arithmetic(operator)) {
                (Some(comparison), _) => Node::Compare(comparison, a, b),
                (_, Some(arithmetic)) => Node::Compute(arithmetic, a, b),
                _ => return Err(no_function(name)),
            },
            _ => return Err(no_function(name)),
        })
    }

    fn has(&mut self, what: &Expr) -> Result<Node, String> {
        match self.path(what)? {
            Some(path) if !path.steps.is_empty() => Ok(Node::Has(path)),
            _ => Err("has(…) asks for a field, such as has(event.note)".to_owned()),
        }
    }

    fn matches(&mut self, of: &IdedExpr, pattern: &IdedExpr) -> Result<Node, String> {
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err("the pattern of matches(…) is a text, such as x.matches('^[A-Z]+$')".to_owned());
        };
        let pattern = pattern.inner();
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
        let compiled = compiled.map_err(|error| {
            // The last line says it; those before draw where.
            let error = error.to_string();
            let told = error
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            format!("`{pattern}` is no pattern: {told}")
        })?;
        Ok(Node::Matches(Box::new(self.lower(&of.expr)?), compiled))
    }

    fn each(&mut self, name: &str, of: &IdedExpr, args: &[IdedExpr]) -> Result<Node, String> {
        let (Some(each), of) = (each(name), Box::new(self.lower(&of.expr)?)) else {
            return Err(no_function(name));
        };
        let (variable, condition, body) = match args {
            [variable, body] => (variable, None, body),
            [variable, condition, body] if each == Each::Map => (variable, Some(condition), body),
            _ => {
                return Err(format!(
                    "{name}(…) takes a variable and an expression, such as list.{name}(x, x.id == 1)"
                ));
            }
        };
        let Expr::Ident(variable) = &variable.expr else {
            return Err(format!(
                "the first argument of {name}(…) is the name of a variable"
            ));
        };
        if self.names.root(variable).is_some() {
            return Err(format!(
                "`{variable}` stands for something already; call the variable of {name}(…) otherwise"
            ));
        }
        self.variables.push(variable.clone());
        let condition = condition.map(|condition| self.lower(&condition.expr).map(Box::new));
        let body = self.lower(&body.expr).map(Box::new);
        self.variables.pop();
        Ok(Node::Each {
            each,
            of,
            body: body?,
            condition: condition.transpose()?,
        })
    }

    /// A path, when the expression is one; an error, when it is one from nowhere.
    fn path(&self, expr: &Expr) -> Result<Option<Path>, String> {
        let (of, step) = match expr {
            Expr::Ident(name) => {
                let variable = self.variables.iter().rposition(|variable| variable == name);
                let root = variable.map(Root::Variable).or_else(|| self.names.root(name));
                let root = root.ok_or_else(|| self.unknown_name(name))?;
                return Ok(Some(Path {
                    root,
                    steps: Vec::new(),
                    slot: 0,
                }));
            }
            Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [of, key] => match &key.expr {
                    Expr::Literal(LiteralValue::String(key)) => (of, key.inner()),
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let path = self.path(&of.expr)?;
        Ok(path.map(|mut path| {
            path.steps.push(step.to_owned());
            path
        }))
    }

    fn unknown_name(&self, name: &str) -> String {
        let known: Vec<&str> = self.variables.iter().map(String::as_str).collect();
        let variables = if known.is_empty() {
            String::new()
        } else {
            format!(", {}", known.join(", "))
        };
        let Names { told, besides, .. } = self.names;
        format!("`{name}` is unknown; there are {told}{variables}{besides}. A text is quoted: \"'{name}'\"")
    }
}

fn no_function(name: &str) -> String {
    format!("there is no function `{name}`; there are {}", Function::names())
}

fn each(name: &str) -> Option<Each> {
    Some(match name {
        operators::ALL => Each::All,
        operators::EXISTS => Each::Exists,
        operators::EXISTS_ONE => Each::ExistsOne,
        operators::FILTER => Each::Filter,
        operators::MAP => Each::Map,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Modulo,
        _ => return None,
    })
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

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Null => Value::Null,
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::UInt(value) => {
            i64::try_from(*value.inner()).map_or(Value::UInt(*value.inner()), Value::Int)
        }
        LiteralValue::Double(value) => Value::Float(*value.inner()),
        LiteralValue::String(value) => Value::String(value.inner().to_owned()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().to_vec()),
    }
}
