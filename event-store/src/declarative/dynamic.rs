//! An expression that takes the CEL interpreter: list macros, arithmetic, text functions.
//!
//! Invariant: the interpreter sees no more of a value than the fields the expression names, and values it has no type
//! for (decimals, timestamps, dates, uuids) pass through it unchanged; it can compare them for equality and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use annals_schema_model::Value;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr};
use cel::objects::{Key, Map, Opaque, Value as CelValue};
use cel::{Context, Env, Program};

use super::eval::{Scope, equal};
use super::expr::{Path, Root, path, unknown_name};

/// The functions of the standard library, besides operators and macros.
const FUNCTIONS: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "dyn",
    "type",
];

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled CEL program and what it looks at.
#[derive(Debug)]
pub(crate) struct Dynamic {
    text: String,
    program: Program,
    /// Every path it names, for checking.
    pub(crate) paths: Vec<Path>,
    /// What of each root it is given: first steps, or all when empty.
    uses: BTreeMap<Root, BTreeSet<String>>,
}

impl Dynamic {
    pub(crate) fn new(text: &str, program: Program) -> Result<Dynamic, String> {
        let mut paths = Vec::new();
        names(&program.expression().expr, &mut Vec::new(), &mut paths)?;
        let mut uses: BTreeMap<Root, BTreeSet<String>> = BTreeMap::new();
        let whole: BTreeSet<Root> = paths
            .iter()
            .filter(|path| path.steps.is_empty())
            .map(|path| path.root)
            .collect();
        for path in &paths {
            let fields = uses.entry(path.root).or_default();
            if !whole.contains(&path.root) {
                fields.extend(path.steps.first().cloned());
            }
        }
        Ok(Dynamic {
            text: text.to_owned(),
            program,
            paths,
            uses,
        })
    }

    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, String> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (root, fields) in &self.uses {
            context.add_variable_from_value(root.name(), to_cel(&scope.part(*root, fields)?));
        }
        let wrong = |reason: String| format!("`{}`: {reason}", self.text);
        let result = self
            .program
            .execute(&context)
            .map_err(|error| wrong(error.to_string()))?;
        from_cel(&result).map_err(wrong)
    }
}

/// Collects the paths of an expression; `bound` are the variables of the macros around it.
fn names(expr: &Expr, bound: &mut Vec<String>, paths: &mut Vec<Path>) -> Result<(), String> {
    if let Some(found) = path(expr) {
        return match (found, first_name(expr)) {
            (_, Some(name)) if bound.iter().any(|variable| variable == name) => Ok(()),
            (found, _) => found.map(|path| paths.push(path)),
        };
    }
    match expr {
        Expr::Call(call) => {
            let operator = call.func_name.chars().any(|c| !c.is_alphanumeric());
            if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                let known = FUNCTIONS.join(", ");
                return Err(format!(
                    "there is no function `{}`; there are {known}",
                    call.func_name
                ));
            }
            let parts = call.target.iter().map(|target| &**target).chain(&call.args);
            parts
                .into_iter()
                .try_for_each(|part| names(&part.expr, bound, paths))
        }
        Expr::Comprehension(comprehension) => comprehension_names(comprehension, bound, paths),
        Expr::List(list) => list
            .elements
            .iter()
            .try_for_each(|item| names(&item.expr, bound, paths)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                names(&entry.key.expr, bound, paths)?;
                names(&entry.value.expr, bound, paths)
            }
            EntryExpr::StructField(field) => names(&field.value.expr, bound, paths),
        }),
        Expr::Select(select) => names(&select.operand.expr, bound, paths),
        Expr::Struct(_) => Err("message literals are not part of this language".to_owned()),
        Expr::Ident(name) => Err(unknown_name(name)),
        Expr::Literal(_) | Expr::Unspecified => Ok(()),
    }
}

fn comprehension_names(
    macro_: &ComprehensionExpr,
    bound: &mut Vec<String>,
    paths: &mut Vec<Path>,
) -> Result<(), String> {
    names(&macro_.iter_range.expr, bound, paths)?;
    names(&macro_.accu_init.expr, bound, paths)?;
    let outer = bound.len();
    bound.push(macro_.iter_var.clone());
    bound.extend(macro_.iter_var2.clone());
    bound.push(macro_.accu_var.clone());
    for part in [&macro_.loop_cond, &macro_.loop_step, &macro_.result] {
        names(&part.expr, bound, paths)?;
    }
    bound.truncate(outer);
    Ok(())
}

fn first_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Ident(name) => Some(name),
        Expr::Select(select) => first_name(&select.operand.expr),
        Expr::Call(call) => first_name(&call.args.first()?.expr),
        _ => None,
    }
}

/// A value on its way through the interpreter.
#[derive(Debug)]
struct Exact(Value);

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Exact {}

impl Opaque for Exact {
    fn runtime_type_name(&self) -> &str {
        match self.0 {
            Value::Decimal(_) => "annals.Decimal",
            Value::Timestamp { .. } | Value::TimestampMicros { .. } => "annals.Timestamp",
            Value::Date(_) => "annals.Date",
            Value::Time { .. } => "annals.TimeOfDay",
            Value::Uuid(_) => "annals.Uuid",
            _ => "annals.Value",
        }
    }
}

fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Int(value) => CelValue::Int(*value),
        Value::UInt(value) => i64::try_from(*value).map_or(CelValue::UInt(*value), CelValue::Int),
        Value::Float(value) => CelValue::Float(*value),
        Value::String(value) | Value::Enum(value) => CelValue::String(Arc::new(value.clone())),
        Value::Bytes(value) => CelValue::Bytes(Arc::new(value.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            let pairs = entries
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)));
            CelValue::Map(Map {
                map: Arc::new(pairs.collect::<HashMap<_, _>>()),
            })
        }
        exact => CelValue::Opaque(Arc::new(Exact(exact.clone()))),
    }
}

fn from_cel(value: &CelValue) -> Result<Value, String> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(value) => Value::Int(*value),
        CelValue::UInt(value) => Value::UInt(*value),
        CelValue::Float(value) => Value::Float(*value),
        CelValue::String(value) => Value::String(value.to_string()),
        CelValue::Bytes(value) => Value::Bytes(value.to_vec()),
        CelValue::List(items) => Value::Array(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        CelValue::Map(map) => {
            let mut entries = Vec::with_capacity(map.map.len());
            for (key, value) in map.map.iter() {
                let Key::String(key) = key else {
                    return Err("the keys of a map must be text".to_owned());
                };
                entries.push((key.to_string(), from_cel(value)?));
            }
            // The interpreter's maps have no order; the state's have.
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Map(entries)
        }
        CelValue::Opaque(opaque) => match opaque.downcast_ref::<Exact>() {
            Some(Exact(value)) => value.clone(),
            None => {
                return Err(format!(
                    "a {} cannot be part of the state",
                    opaque.runtime_type_name()
                ));
            }
        },
        other => return Err(format!("a {} cannot be part of the state", other.type_of())),
    })
}
