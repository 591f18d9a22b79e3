//! What a shown state rests on, and what was not looked at.

use annals_event_store::{LogUsed, OffsetRange, OffsetsApplied, Reconstruction};

use super::event::SchemaLink;
use super::page::sentence;

pub(super) struct Evidence {
    /// Whether the fold is of one topic.
    pub(super) is_of_one: bool,
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
    pub(super) offsets_sha256: String,
    pub(super) fold: String,
    pub(super) snapshot: String,
    pub(super) schemas: Vec<SchemaLink>,
}

impl From<Reconstruction> for Evidence {
    fn from(answer: Reconstruction) -> Evidence {
        let status = answer.state.get("status").and_then(|status| status.as_str());
        Evidence {
            is_of_one: answer.logs.is_empty(),
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
            offsets: offsets(&answer),
            offsets_sha256: answer.offsets_applied.sha256,
            fold: format!(
                "{} rev {}, SHA-256 {}",
                answer.fold.name, answer.fold.rev, answer.fold.digest
            ),
            snapshot: match answer.snapshot {
                Some(used) => format!("the snapshot after revision {}", used.revision),
                None => "the first event".to_owned(),
            },
            schemas: answer.schemas.iter().map(SchemaLink::from).collect(),
        }
    }
}

fn notes(answer: &Reconstruction) -> Vec<String> {
    let mut notes = Vec::new();
    if !answer.unknown.is_empty() {
        let unknown = answer.unknown.iter().map(|one| match &one.log {
            None => format!("{} at offset {}", one.event, one.offset),
            Some(log) => format!("{} at offset {} of {log}", one.event, one.offset),
        });
        let more = match answer.unknown_events - answer.unknown.len() as u64 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        notes.push(format!(
            "The fold does not know these events, so they changed nothing: {}{more}.",
            joined(unknown)
        ));
    }
    if !answer.unreadable.is_empty() {
        let ranges = answer.unreadable.iter().map(range);
        notes.push(format!(
            "Not looked at: offsets {} of partition {} cannot be read; they may belong here.",
            joined(ranges),
            answer.partition
        ));
    }
    for log in &answer.logs {
        let LogUsed { topic, partition, .. } = log;
        if !log.unreadable.is_empty() {
            let ranges = joined(log.unreadable.iter().map(range));
            notes.push(format!(
                "Not looked at: offsets {ranges} of {topic}/{partition} cannot be read; they may belong here."
            ));
        }
        if log.log_start_offset > 0 {
            notes.push(format!(
                "The log {topic}/{partition} begins at offset {}; older events have been removed.",
                log.log_start_offset
            ));
        }
    }
    if !answer.also_in_partitions.is_empty() {
        notes.push(format!(
            "Not looked at: partitions {} have records of this key too, in an order against these that nobody knows.",
            joined(answer.also_in_partitions.iter())
        ));
    }
    if answer.log_start_offset > 0 && answer.logs.is_empty() {
        notes.push(format!(
            "The log of partition {} begins at offset {}; older events have been removed.",
            answer.partition, answer.log_start_offset
        ));
    }
    notes
}

/// The offsets that made the state, and where they are.
fn offsets(answer: &Reconstruction) -> String {
    if answer.logs.is_empty() {
        let runs = runs(&answer.offsets_applied);
        return format!("{runs} of partition {}", answer.partition);
    }
    let logs = answer.logs.iter().map(|log| {
        let runs = joined(log.ranges.iter().map(range));
        format!("{runs} of {}/{}", log.topic, log.partition)
    });
    let logs = logs.collect::<Vec<_>>().join("; ");
    format!("{logs}: {} in all,", answer.offsets_applied.count)
}

/// The offsets as far as they are told: `0, 3 to 9, and more up to 90: 40 in all`.
fn runs(applied: &OffsetsApplied) -> String {
    let text = joined(applied.ranges.iter().map(range));
    let told: i64 = applied.ranges.iter().map(|run| run.last - run.first + 1).sum();
    match applied.last {
        Some(last) if told.unsigned_abs() < applied.count => {
            format!("{text}, and more up to {last}: {} in all,", applied.count)
        }
        _ => text,
    }
}

fn range(range: &OffsetRange) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{} to {}", range.first, range.last)
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
        let applied = |ranges: &[(i64, i64)], count: u64, last: Option<i64>| OffsetsApplied {
            count,
            first: ranges.first().map(|(first, _)| *first),
            last,
            ranges: ranges
                .iter()
                .map(|&(first, last)| OffsetRange { first, last })
                .collect(),
            sha256: String::new(),
        };
        let check = |applied: OffsetsApplied, wanted: &str| assert_eq!(runs(&applied), wanted);
        check(applied(&[], 0, None), "");
        check(applied(&[(3, 3)], 1, Some(3)), "3");
        check(
            applied(&[(1, 2), (4, 6), (9, 9)], 6, Some(9)),
            "1 to 2, 4 to 6, 9",
        );
        check(
            applied(&[(1, 2), (4, 4)], 80, Some(160)),
            "1 to 2, 4, and more up to 160: 80 in all,",
        );
    }
}
