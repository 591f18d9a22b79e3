//! A place in a state, as somebody asks for it: `total`, `address.city`, `items[0].status`, `/address/city`.
//!
//! What begins with a slash is a JSON pointer, which reaches every place whatever its names are. `state.` in front says the
//! same, because conditions write it.

use std::fmt;

#[cfg(feature = "questions")]
use annals_schema_model::Value;

use crate::changes::{escaped, steps};

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 1_024;
/// Steps of a path; a state has no more levels that anybody names.
const STEPS_MAX: usize = 64;

/// A place in a state.
///
/// ```
/// use annals_event_store::StatePath;
///
/// let path: StatePath = "items[0].status".parse()?;
/// assert_eq!(path.pointer(), "/items/0/status");
/// assert_eq!(path.steps(), ["items", "0", "status"]);
/// assert_eq!("/items/0/status".parse::<StatePath>()?.pointer(), path.pointer());
/// assert_eq!("state.total".parse::<StatePath>()?.pointer(), "/total");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePath {
    text: String,
    steps: Vec<String>,
}

impl StatePath {
    /// The names and places on the way.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The place as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The place as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.steps
            .iter()
            .map(|step| format!("/{}", escaped(step)))
            .collect()
    }
}

#[cfg(feature = "questions")]
impl StatePath {
    /// The field of a state, whatever is in its name.
    pub(crate) fn field(name: &str) -> StatePath {
        StatePath {
            text: name.to_owned(),
            steps: vec![name.to_owned()],
        }
    }

    /// The state as a whole.
    pub(crate) fn whole() -> StatePath {
        StatePath {
            text: "state".to_owned(),
            steps: Vec::new(),
        }
    }

    /// What stands there.
    pub(crate) fn find<'v>(&self, state: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(state, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            value => value.get(step),
        })
    }
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for StatePath {
    type Err = String;

    fn from_str(text: &str) -> Result<StatePath, String> {
        let text = text.trim();
        let shown: String = text.chars().take(80).collect();
        let wrong = |problem: &str| {
            format!(
                "`{shown}` is no place in a state: {problem}; write total, address.city, items[0].status or /address/city"
            )
        };
        if text.len() > PATH_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let steps: Vec<String> = match text.starts_with('/') {
            true => steps(text).collect(),
            false => named(text.strip_prefix("state.").unwrap_or(text))
                .ok_or_else(|| wrong("it has an empty step"))?,
        };
        if steps.len() > STEPS_MAX {
            return Err(wrong("it has more than 64 steps"));
        }
        Ok(StatePath {
            text: text.to_owned(),
            steps,
        })
    }
}

/// The steps of names with dots between and places in brackets.
fn named(text: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    for name in text.split('.') {
        let (name, places) = name.split_at(name.find('[').unwrap_or(name.len()));
        steps.push(name.to_owned());
        let places = places.strip_prefix('[').map(|places| places.strip_suffix(']'));
        if let Some(places) = places {
            steps.extend(places?.split("][").map(str::to_owned));
        }
    }
    (!steps.iter().any(String::is_empty)).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |text: &str, pointer: Option<&str>| {
            let read = text.parse::<StatePath>();
            assert_eq!(
                read.as_ref().ok().map(StatePath::pointer).as_deref(),
                pointer,
                "{text}: {read:?}"
            );
        };
        check("total", Some("/total"));
        check("state.address.city", Some("/address/city"));
        check("items[0][1].status", Some("/items/0/1/status"));
        check("lines[A-1].count", Some("/lines/A-1/count"));
        check("/a~1b/c.d", Some("/a~1b/c.d"));
        for wrong in [
            "",
            ".",
            "a..b",
            "a[",
            "a[]",
            "[0]",
            "a[0",
            &"x".repeat(1_025),
            &"a.".repeat(65),
        ] {
            check(wrong, None);
        }
    }
}
