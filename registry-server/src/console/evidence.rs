//! What a shown state rests on, and what was not looked at.

use annals_event_store::{Reconstruction, SchemaUsed};

use super::page::sentence;

/// Runs of offsets that are written out.
const RUNS_MAX: usize = 40;

pub(super) struct Evidence {
    pub(super) partition: u32,
    /// The state's own word for where it stands, if it has one.
    pub(super) status: Option<String>,
    pub(super) halted: Option<String>,
    /// The last event that is part of the state.
    pub(super) revision: Option<u64>,
    /// What the question's point was taken for.
    pub(super) at: String,
    /// What the reader must know beside the state.
    pub(super) notes: Vec<String>,
    pub(super) cut: String,
    /// Whose clock the recorded times are by.
    pub(super) time: &'static str,
    pub(super) offsets: String,
    pub(super) fold: String,
    pub(super) snapshot: &'static str,
    pub(super) schemas: Vec<SchemaUsed>,
}

impl From<Reconstruction> for Evidence {
    fn from(answer: Reconstruction) -> Evidence {
        let status = answer.state.get("status").and_then(|status| status.as_str());
        Evidence {
            partition: answer.partition,
            status: status.map(str::to_owned),
            halted: answer.halted.as_ref().map(|halted| {
                let halted = sentence(&halted.to_string());
                format!("{halted} The state shown is the one before it.")
            }),
            revision: answer.revision,
            at: answer.at.clone(),
            notes: notes(&answer),
            cut: answer.cut.to_string(),
            time: answer.time.words(),
            offsets: runs(&answer.offsets_applied),
            fold: format!(
                "{} rev {}, SHA-256 {}",
                answer.fold.name, answer.fold.rev, answer.fold.digest
            ),
            snapshot: match answer.snapshot {
                Some(_) => "a snapshot and the events after it",
                None => "the first event",
            },
            schemas: answer.schemas,
        }
    }
}

fn notes(answer: &Reconstruction) -> Vec<String> {
    let mut notes = Vec::new();
    if !answer.unknown.is_empty() {
        let unknown = answer
            .unknown
            .iter()
            .map(|one| format!("{} at offset {}", one.event, one.offset));
        notes.push(format!(
            "The fold does not know these events, so they changed nothing: {}.",
            joined(unknown)
        ));
    }
    if !answer.unreadable.is_empty() {
        let ranges = answer.unreadable.iter().map(|range| {
            if range.first == range.last {
                range.first.to_string()
            } else {
                format!("{} to {}", range.first, range.last)
            }
        });
        notes.push(format!(
            "Not looked at: offsets {} of partition {} cannot be read; they may belong here.",
            joined(ranges),
            answer.partition
        ));
    }
    if !answer.also_in_partitions.is_empty() {
        notes.push(format!(
            "Not looked at: partitions {} have records of this key too, in an order against these that nobody knows.",
            joined(answer.also_in_partitions.iter())
        ));
    }
    if answer.log_start_offset > 0 {
        notes.push(format!(
            "The log of partition {} begins at offset {}; older events have been removed.",
            answer.partition, answer.log_start_offset
        ));
    }
    notes
}

/// Rising numbers, those that follow each other as `3 to 9`.
fn runs(offsets: &[i64]) -> String {
    let runs = offsets.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let count = runs.clone().count();
    let text = joined(runs.take(RUNS_MAX).filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first} to {last}")),
    }));
    match count.saturating_sub(RUNS_MAX) {
        0 => text,
        more => format!("{text}, and {more} more runs, {} offsets in all,", offsets.len()),
    }
}

fn joined(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_in_runs() {
        assert_eq!(runs(&[]), "");
        assert_eq!(runs(&[3]), "3");
        assert_eq!(runs(&[1, 2, 4, 5, 6, 9]), "1 to 2, 4 to 6, 9");
        let many: Vec<i64> = (0..2 * RUNS_MAX as i64).map(|place| place * 2).collect();
        assert!(runs(&many).ends_with("78, and 40 more runs, 80 offsets in all,"));
    }
}
