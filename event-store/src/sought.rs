//! Which events are looked for among those of all aggregates: by who caused them, their kind and what they changed.
//!
//! Invariant: what cannot fit anything, because it is empty or because the fold knows no such kind or field, is refused
//! with the names there are; it is never answered with nothing.

use annals_schema_model::Opened;

use crate::changes::steps;
use crate::error::StoreError;
use crate::fold::{AnyFold, At};
use crate::path::StatePath;

/// Which events: those that fit all that is said.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, Cut, Sought};
///
/// // Where money went into an account, by whomever.
/// let sought = Sought {
///     kind: Some("Deposited".to_owned()),
///     field: Some("balance".parse()?),
///     ..Sought::default()
/// };
/// let page = store.trail("account", &sought, &AsOf::Cut(Cut::default()), &AsOf::Head, 100, None)?;
/// assert_eq!(page.entries.len(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Who caused them, as their `actor` header says.
    pub actor: Option<String>,
    /// Their kind: the full name of the event, or its last part.
    pub kind: Option<String>,
    /// What they changed in the state: this place, something in it or around it. A step `*` is any step.
    pub field: Option<StatePath>,
}

impl Sought {
    /// All that is asked, by which a walk knows its question again.
    pub(crate) fn parts(&self) -> [Option<&str>; 3] {
        let field = self.field.as_ref().map(StatePath::text);
        [self.actor.as_deref(), self.kind.as_deref(), field]
    }

    /// Refuses what no event of a fold can fit.
    pub(crate) fn check(&self, fold: &dyn AnyFold) -> Result<(), StoreError> {
        let wrong = |part, text: &str, problem: String| {
            let text = text.to_owned();
            Err(StoreError::Question { part, text, problem })
        };
        let named = [("actor", &self.actor), ("kind", &self.kind)];
        for (part, text) in named
            .into_iter()
            .filter_map(|(part, text)| Some((part, text.as_ref()?)))
        {
            if text.trim().is_empty() {
                return wrong(part, text, "it is empty; give a name, or leave it out".to_owned());
            }
        }
        if let (Some(asked), Some(kinds)) = (&self.kind, fold.kinds())
            && !kinds.iter().any(|kind| is_kind(kind, asked))
        {
            let problem = format!(
                "the fold {} knows no such event; it knows {}",
                fold.id().name,
                kinds.join(", ")
            );
            return wrong("kind", asked, problem);
        }
        #[cfg(feature = "questions")]
        if let Some(field) = &self.field {
            can_be(field.steps(), fold).or_else(|problem| wrong("field", field.text(), problem))?;
        }
        Ok(())
    }

    /// Whether the headers of a record fit.
    pub(crate) fn fits_headers(&self, at: &At<'_>) -> bool {
        self.actor.is_none() || at.actor() == self.actor.as_deref()
    }

    /// Whether an event fits by its name.
    pub(crate) fn fits_kind(&self, opened: &Opened<'_>) -> bool {
        let name = || opened.writer.event_name(&opened.body);
        self.kind.as_ref().is_none_or(|kind| is_kind(&name(), kind))
    }

    /// Whether a place that changed fits.
    pub(crate) fn fits_place(&self, path: &str) -> bool {
        self.field.as_ref().is_none_or(|field| is_on_way(field, path))
    }
}

/// Whether something can stand at a place of the state. What is behind any field of a record is not looked at.
#[cfg(feature = "questions")]
fn can_be(place: &[String], fold: &dyn AnyFold) -> Result<(), String> {
    use annals_schema_model::cel::Shape;

    let mut way: Vec<String> = Vec::with_capacity(place.len());
    for step in place {
        let shape = match (step.as_str(), way.is_empty()) {
            ("*", true) => Shape::Any,
            ("*", false) => fold.shape(&way)?,
            _ => {
                way.push(step.clone());
                continue;
            }
        };
        match shape.present() {
            Shape::List(_) | Shape::Map(_) => way.push("0".to_owned()),
            Shape::Record { .. } | Shape::Any | Shape::Null => break,
            shape => {
                return Err(format!(
                    "state.{} is {shape} and has nothing in it",
                    way.join(".")
                ));
            }
        }
    }
    fold.shape(&way).map(drop)
}

/// Whether an event is of a kind: by its full name, or by the last part of it.
fn is_kind(event: &str, kind: &str) -> bool {
    event == kind || event.rsplit('.').next() == Some(kind)
}

/// Whether a place is the field that is asked for, in it or around it.
fn is_on_way(field: &StatePath, path: &str) -> bool {
    steps(path)
        .zip(field.steps())
        .all(|(step, asked)| asked == "*" || *asked == step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_on_the_way_of_what_is_in_it_and_around_it() {
        let check = |field: &str, path: &str, wanted: bool| {
            assert_eq!(is_on_way(&field.parse().unwrap(), path), wanted, "{field} {path}");
        };
        check("address.street", "/address/street", true);
        check("address.street", "/address", true);
        check("address", "/address/street", true);
        check("address.street", "/address/city", false);
        check("address", "/address_changes", false);
        check("items[*].status", "/items/3/status", true);
        check("items[*].status", "/items/3/item_id", false);
        check("items[*].status", "/items/3", true);
        check("/a~1b", "/a~1b", true);
    }
}
