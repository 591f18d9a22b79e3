//! What an expression is evaluated over, and what that may cost.

use std::borrow::Cow;
use std::cell::Cell;

use super::{Path, Root};
use crate::Value;

/// What the names of an expression stand for.
pub trait Roots {
    /// The value a path starts with, where it is not [at hand](Roots::at_hand), and how many of its first `steps` steps lead
    /// to that.
    ///
    /// # Errors
    /// There is none, in a sentence.
    fn start(&self, path: &Path, steps: usize) -> Result<(Cow<'_, Value>, usize), String>;

    /// The same of a value that is at hand, which costs less to find out: whoever has some says so here.
    fn at_hand(&self, path: &Path, steps: usize) -> Option<(&Value, usize)> {
        let _ = (path, steps);
        None
    }

    /// Whether the last step of a path is there, where that is not a matter of the value before it.
    fn has(&self, path: &Path) -> Option<bool> {
        let _ = path;
        None
    }
}

/// Lists, maps and records inside each other in a value that is made or kept within a budget. A value that had one more with each event would
/// overflow the stack of whoever goes through it; and clients read JSON that is 128 deep.
pub const VALUE_DEPTH_MAX: usize = 100;

/// What an evaluation may still cost: an element that is looked at is one, and so is a value or a byte that is made.
#[derive(Debug)]
pub struct Budget(Cell<u64>);

impl Budget {
    /// A budget of so much.
    #[must_use]
    pub fn new(cost_max: u64) -> Budget {
        Budget(Cell::new(cost_max))
    }

    /// What is left of it.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.0.get()
    }

    /// Lets it cost so much more.
    pub fn allow(&self, more: u64) {
        self.0.set(self.0.get().saturating_add(more));
    }
}

/// What expressions are evaluated over.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub(super) roots: &'a dyn Roots,
    pub(super) variables: Option<&'a Variable<'a>>,
    pub(super) budget: Option<&'a Budget>,
}

/// The variable of a macro, and those of the macros around it.
pub(super) struct Variable<'a> {
    pub(super) value: &'a Value,
    /// How many macros there are around this one.
    pub(super) depth: usize,
    pub(super) outer: Option<&'a Variable<'a>>,
}

impl<'a> Scope<'a> {
    /// Over these names, at any cost.
    #[must_use]
    pub fn new(roots: &'a dyn Roots) -> Scope<'a> {
        Scope {
            roots,
            variables: None,
            budget: None,
        }
    }

    /// Within a budget.
    #[must_use]
    pub fn within(self, budget: &'a Budget) -> Scope<'a> {
        Scope {
            budget: Some(budget),
            ..self
        }
    }

    pub(super) fn spend(&self, cost: u64) -> Result<(), String> {
        let Some(Budget(left)) = self.budget else {
            return Ok(());
        };
        let rest = left.get().checked_sub(cost);
        left.set(rest.unwrap_or(0));
        rest.map(drop)
            .ok_or_else(|| "the expression takes too much work on this value".to_owned())
    }

    /// Pays for a value that was made, is gone through, or is kept.
    ///
    /// # Errors
    /// It costs more than there is left to spend, or is deeper than [`VALUE_DEPTH_MAX`].
    pub fn spend_on(&self, value: &Value) -> Result<(), String> {
        match self.budget {
            Some(_) => self.spend(weight(value, VALUE_DEPTH_MAX).ok_or_else(|| {
                format!(
                    "a value would have more than {VALUE_DEPTH_MAX} lists, maps and records inside each other"
                )
            })?),
            None => Ok(()),
        }
    }

    /// Pays for looking for one element of a value.
    pub(super) fn spend_on_a_look_into(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::Map(entries) | Value::Record { fields: entries, .. } => {
                self.spend(u64::try_from(entries.len()).unwrap_or(u64::MAX))
            }
            _ => Ok(()),
        }
    }

    /// A value of its own, to be kept.
    ///
    /// # Errors
    /// It costs more than there is left to spend.
    pub fn kept(&self, value: Cow<'_, Value>) -> Result<Value, String> {
        self.spend_on(&value)?;
        Ok(value.into_owned())
    }

    pub(super) fn made(&self, value: Value) -> Result<Cow<'a, Value>, String> {
        self.spend_on(&value)?;
        Ok(Cow::Owned(value))
    }

    /// The value a path leads to by its first so many steps.
    pub(super) fn find(&self, path: &Path, steps: usize) -> Result<Cow<'a, Value>, String> {
        let at_hand = match path.root {
            Root::Variable(depth) => Some((self.variable(depth)?, 0)),
            Root::Name(_) => self.roots.at_hand(path, steps),
        };
        if let Some((mut value, taken)) = at_hand {
            for step in path.steps.get(taken..steps).unwrap_or_default() {
                self.spend_on_a_look_into(value)?;
                value = value.get(step).ok_or_else(|| missing(path, value, step))?;
            }
            return Ok(Cow::Borrowed(value));
        }
        let (first, taken) = self.roots.start(path, steps)?;
        let rest = path.steps.get(taken..steps).unwrap_or_default();
        rest.iter().try_fold(first, |value, step| {
            self.spend_on_a_look_into(&value)?;
            let found = match &value {
                Cow::Borrowed(value) => value.get(step).map(Cow::Borrowed),
                Cow::Owned(value) => value.get(step).cloned().map(Cow::Owned),
            };
            found.ok_or_else(|| missing(path, &value, step))
        })
    }

    fn variable(&self, depth: usize) -> Result<&'a Value, String> {
        let mut variable = self.variables;
        while let Some(this) = variable {
            if this.depth == depth {
                return Ok(this.value);
            }
            variable = this.outer;
        }
        Err("the variable has no value".to_owned())
    }

    /// Whether the last step of a path leads anywhere.
    pub(super) fn has(&self, path: &Path) -> Result<bool, String> {
        let Some((last, before)) = path.steps.split_last() else {
            return Ok(true);
        };
        if let (Root::Name(_), Some(has)) = (path.root, self.roots.has(path)) {
            return Ok(has);
        }
        Ok(self.find(path, before.len())?.get(last).is_some())
    }
}

/// How much a value is; nothing where more than so many lists, maps and records are inside each other.
fn weight(value: &Value, levels: usize) -> Option<u64> {
    let bytes = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let within = |value| weight(value, levels - 1);
    let held: u64 = match value {
        Value::Array(_) | Value::Map(_) | Value::Record { .. } if levels == 0 => return None,
        Value::String(text) | Value::Enum(text) => bytes(text.len()),
        Value::Bytes(all) => bytes(all.len()),
        Value::Array(items) => items.iter().map(within).sum::<Option<_>>()?,
        Value::Map(entries) | Value::Record { fields: entries, .. } => {
            let entries = entries.iter();
            let weights = entries.map(|(name, value)| Some(bytes(name.len()) + within(value)?));
            weights.sum::<Option<_>>()?
        }
        _ => 0,
    };
    Some(1 + held)
}

fn missing(path: &Path, value: &Value, step: &str) -> String {
    let path = format!("{}.{}", path.root.name(), path.steps.join("."));
    match value {
        Value::Null => format!("{path}: what `{step}` is asked of is null; test it for null first"),
        _ => format!("{path}: there is no `{step}`"),
    }
}
