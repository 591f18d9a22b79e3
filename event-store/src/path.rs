//! A place in a state, as somebody asks for it: `total`, `address.city`, `items[0].status`, `prices['EUR']`, `/address/city`.
//!
//! What begins with a slash is a JSON pointer, which reaches every place whatever its names are. `state.` in front says the
//! same, because conditions write it; so is a key in brackets and quotation marks. Invariant: brackets hold an index, a key in
//! quotation marks or `*`, so that what is meant as an expression is refused and not taken for a key that nobody has.

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
/// assert_eq!("prices['EUR']".parse::<StatePath>()?.pointer(), "/prices/EUR");
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
                "`{shown}` is no place in a state: {problem}; write total, address.city, items[0].status, prices['EUR'] or \
                 /address/city"
            )
        };
        if text.len() > PATH_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let steps: Vec<String> = match text.starts_with('/') {
            true => steps(text).collect(),
            false => named(text.strip_prefix("state.").unwrap_or(text)).map_err(wrong)?,
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

/// The steps of names with dots between, each with any number of brackets behind it.
fn named(text: &str) -> Result<Vec<String>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        if name.is_empty() {
            return Err("it has an empty step");
        }
        steps.push(name.to_owned());
        rest = behind;
        while let Some(inside) = rest.strip_prefix('[') {
            let (step, behind) = bracketed(inside)?;
            steps.push(step.to_owned());
            rest = behind;
        }
        if rest.is_empty() {
            return Ok(steps);
        }
        rest = rest
            .strip_prefix('.')
            .ok_or("a dot or another bracket stands behind a bracket")?;
    }
}

/// What a bracket holds, and what stands behind it.
fn bracketed(inside: &str) -> Result<(&str, &str), &'static str> {
    const OPEN: &str = "a bracket is not closed";
    for quote in ['\'', '"'] {
        if let Some(key) = inside.strip_prefix(quote) {
            let (key, behind) = key.split_once(quote).ok_or(OPEN)?;
            return Ok((key, behind.strip_prefix(']').ok_or(OPEN)?));
        }
    }
    let (index, behind) = inside.split_once(']').ok_or(OPEN)?;
    match index == "*" || (!index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())) {
        true => Ok((index, behind)),
        false => Err("brackets hold an index, or a key in quotation marks"),
    }
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
        check("lines['A-1'].count", Some("/lines/A-1/count"));
        check("m[\"a.b[0]/\"][0]['']", Some("/m/a.b[0]~1/0/"));
        check("state.m['it is \"so\"']", Some("/m/it is \"so\""));
        check("items[*].status", Some("/items/*/status"));
        check("/a~1b/c.d", Some("/a~1b/c.d"));
        for wrong in [
            "",
            ".",
            "a..b",
            "a[",
            "a[]",
            "[0]",
            "a[0",
            "a[0]b",
            "a[0].",
            "a[x]",
            "a[-1]",
            "a[A-1]",
            "a['x]",
            "a['x'",
            "a['x'y]",
            "a['x\"]",
            &"x".repeat(1_025),
            &"a.".repeat(65),
        ] {
            check(wrong, None);
        }
    }
}
