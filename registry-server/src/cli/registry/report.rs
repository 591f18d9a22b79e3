//! How a comparison and an import are told: counts and differences in columns, or all of it as JSON.

use serde_json::{Map, Value, json};

use super::apply::{Outcome, Remark};
use super::compare::{Comparison, Difference};
use crate::cli::exit::Failure;
use crate::cli::output;

/// How many differences a report of counts lists.
const DIFFERENCES_SHOWN: usize = 20;
/// How much of a differing text is shown.
const CELL_CHARACTERS_MAX: usize = 60;

/// What the sides of a comparison are called.
pub(super) struct Sides<'a> {
    pub(super) left: &'a str,
    pub(super) right: &'a str,
}

pub(super) fn counts(comparison: &Comparison) -> Result<(), Failure> {
    let rows = comparison.counts.iter().map(|(what, count)| {
        let numbers = [count.same, count.differing, count.missing, count.extra];
        let cells = numbers.iter().map(ToString::to_string);
        std::iter::once((*what).to_owned()).chain(cells).collect()
    });
    output::table(&["", "SAME", "DIFFERING", "MISSING", "EXTRA"], rows)
}

/// The differences, or the first of them.
pub(super) fn differences<'a>(
    all: impl Iterator<Item = &'a Difference>,
    sides: &Sides<'_>,
    limit: Option<usize>,
) -> Result<(), Failure> {
    let mut rows: Vec<Vec<String>> = all.map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let more = rows.len() - limit.unwrap_or(rows.len()).min(rows.len());
    rows.truncate(rows.len() - more);
    output::table(&["KIND", "OF", "VERSION", "PART", sides.left, sides.right], rows)?;
    match more {
        0 => Ok(()),
        more => output::line(&format!("… and {more} more; -o json shows all")),
    }
}

fn row(difference: &Difference) -> Vec<String> {
    let (left, right) = sides(difference);
    vec![
        difference.kind.to_owned(),
        difference.of.clone(),
        difference
            .version
            .map_or_else(|| "-".to_owned(), |version| version.to_string()),
        difference.part.to_owned(),
        left,
        right,
    ]
}

/// Both values on one line each; of long ones the place where they part.
fn sides(difference: &Difference) -> (String, String) {
    let (Some(left), Some(right)) = (&difference.left, &difference.right) else {
        let one = |side: &Option<String>| {
            side.as_deref()
                .map_or_else(|| "-".to_owned(), |text| excerpt(text, 0))
        };
        return (one(&difference.left), one(&difference.right));
    };
    let alike = left
        .chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right)
        .count();
    let start = alike.saturating_sub(CELL_CHARACTERS_MAX / 3);
    (excerpt(left, start), excerpt(right, start))
}

fn excerpt(text: &str, start: usize) -> String {
    let is_long = text.chars().count() > CELL_CHARACTERS_MAX;
    let start = if is_long { start } else { 0 };
    let shown = text.chars().skip(start).take(CELL_CHARACTERS_MAX);
    let shown: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if text.chars().count() > start + CELL_CHARACTERS_MAX {
        "…"
    } else {
        ""
    };
    format!("{before}{shown}{after}")
}

/// A comparison as JSON.
pub(super) fn to_json(comparison: &Comparison, sides: &Sides<'_>, is_same: bool) -> Value {
    let counts: Map<String, Value> = comparison
        .counts
        .iter()
        .map(|(what, count)| {
            let numbers = json!({
                "same": count.same, "differing": count.differing, "missing": count.missing, "extra": count.extra,
            });
            ((*what).to_owned(), numbers)
        })
        .collect();
    let differences: Vec<Value> = comparison.differences.iter().map(Difference::to_json).collect();
    json!({"same": is_same, "left": sides.left, "right": sides.right, "counts": counts, "differences": differences})
}

/// What an import did.
pub(super) fn outcome_json(outcome: &Outcome) -> Value {
    let listed = |remarks: &[Remark]| -> Vec<Value> {
        let remarks = remarks.iter();
        remarks
            .map(|one| json!({"what": one.what, "why": one.why}))
            .collect()
    };
    json!({
        "registered": outcome.registered, "deleted": outcome.deleted, "configs": outcome.configs,
        "modes": outcome.modes, "refused": listed(&outcome.refused), "warnings": listed(&outcome.warned),
    })
}

pub(super) fn outcome(outcome: &Outcome) -> Result<(), Failure> {
    output::line(&format!(
        "registered {} versions, soft-deleted {}, wrote {} configs and {} modes",
        outcome.registered, outcome.deleted, outcome.configs, outcome.modes
    ))?;
    for refused in outcome.refused.iter().take(DIFFERENCES_SHOWN) {
        output::line(&format!("refused: {}: {}", refused.what, refused.why))?;
    }
    for warned in outcome.warned.iter().take(DIFFERENCES_SHOWN) {
        output::remark(&format!("warning: {}: {}", warned.what, warned.why));
    }
    match outcome.warned.len().saturating_sub(DIFFERENCES_SHOWN) {
        0 => {}
        more => output::remark(&format!("warning: … and {more} more; -o json shows all")),
    }
    Ok(())
}

/// Counts, and the first things of the left that are not so on the right.
pub(super) fn verdict(comparison: &Comparison, sides: &Sides<'_>) -> Result<(), Failure> {
    counts(comparison)?;
    let wanting = || {
        comparison
            .differences
            .iter()
            .filter(|difference| difference.left.is_some())
    };
    differences(wanting(), sides, Some(DIFFERENCES_SHOWN))?;
    output::line(&match wanting().count() {
        0 => format!("{} holds everything that is in {}", sides.right, sides.left),
        count => format!("{} is not as {} in {count} things", sides.right, sides.left),
    })
}
