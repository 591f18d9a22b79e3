//! The revision that a record expects of its key, named in a header of it.
//!
//! | `annals-expected-revision` | the record is appended if |
//! |---|---|
//! | `any` | its key is not null |
//! | `none` | its key has no record in the partition |
//! | a number, in decimal digits | the last record of its key in the partition has this revision: the first has 0 |
//!
//! Records of one batch count for those behind them, and a batch enters whole or not at all. What a refusal says can be
//! acted on by a program: its code is the first word, and the revision found its last.

use annals_kafka_wire::batch::Records;
use annals_kafka_wire::error::ErrorCode;
use annals_segment_log::{ConditionError, Conditions, Unexpected};

use super::Rejection;
use crate::guard::Refusal;
use crate::topic::Topic;

/// The header's name.
pub(super) const HEADER: &str = "annals-expected-revision";

/// Records of one batch that may expect a revision: each is looked for while nobody else appends to the partition.
const EXPECTED_MAX: usize = 10_000;

/// A key has another revision.
const UNEXPECTED: &str = "EXPECTED_REVISION";
/// The header has no meaning here.
const INVALID: &str = "INVALID_EXPECTED_REVISION";
/// An open transaction decides the revision.
const UNDECIDED: &str = "UNDECIDED_REVISION";
/// The topic does not keep every record, so counting them tells no revision.
const UNKNOWABLE: &str = "UNKNOWABLE_REVISION";

/// What the records expect, read from their headers; `None` when that is nothing.
pub(super) fn conditions(topic: &Topic, records: Records) -> Result<Option<Conditions>, Rejection> {
    let (mut keys, mut expected, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    // They have been read to their end.
    for record in records.map_while(Result::ok) {
        let mut values = record.headers.iter().filter(|(name, _)| *name == HEADER);
        let refused = |what: &str| {
            let sentence = format!("record {}: {what}", record.index);
            Refusal::new(record.index, INVALID, sentence)
        };
        match (values.next(), values.next()) {
            (None, _) => {}
            (Some(_), Some(_)) => faults.push(refused("it has the header annals-expected-revision twice")),
            (Some(_), None) if record.key.is_none() => {
                faults.push(refused(
                    "it expects a revision and has no key whose revision that could be",
                ));
            }
            (Some((_, value)), None) => match revision(value) {
                Ok(Some(revision)) => expected.push((keys.len(), revision)),
                Ok(None) => {}
                Err(what) => faults.push(refused(what)),
            },
        }
        keys.push(record.key);
    }
    if !faults.is_empty() {
        return Err(Rejection::of_records(ErrorCode::InvalidRecord, faults));
    }
    let Some((first, _)) = expected.first() else {
        return Ok(None);
    };
    if expected.len() > EXPECTED_MAX {
        // Clients answer this code by splitting the batch.
        let sentence = format!(
            "{} records of the batch expect a revision; this broker takes at most {EXPECTED_MAX} at once",
            expected.len()
        );
        return Err(Rejection::new(ErrorCode::MessageTooLarge, sentence));
    }
    if topic.settings.compacts {
        let why = "the topic is compacted: it does not keep every record of a key";
        return Err(unknowable(*first, why));
    }
    let mut conditions = Conditions::new(keys);
    for (index, revision) in expected {
        conditions.expect(index, revision);
    }
    Ok(Some(conditions))
}

/// The revision that the header's value names: -1 for none, nothing where any will do.
fn revision(value: Option<&[u8]>) -> Result<Option<i64>, &'static str> {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    match text {
        Some("any") => Ok(None),
        Some("none") => Ok(Some(-1)),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let revision = digits.parse();
            revision
                .map(Some)
                .map_err(|_| "annals-expected-revision is a greater number than revisions are")
        }
        _ => Err("annals-expected-revision must be any, none, or a revision in decimal digits"),
    }
}

/// What it means to a client that conditions do not hold.
pub(super) fn not_held(error: &ConditionError) -> Rejection {
    match error {
        ConditionError::Revision(unexpected) => {
            let refusals = unexpected
                .iter()
                .map(|unexpected| Refusal::new(number(unexpected.index), UNEXPECTED, sentence(unexpected)));
            Rejection::of_records(ErrorCode::InvalidRecord, refusals.collect())
        }
        ConditionError::Undecided { index, offset } => {
            let sentence = format!(
                "record {index} expects a revision of its key, which another producer's open transaction has written at offset {offset}: send it again when that has ended"
            );
            let refusal = Refusal::new(number(*index), UNDECIDED, sentence);
            Rejection::of_records(ErrorCode::InvalidRecord, vec![refusal])
        }
        ConditionError::NotWhole { index, reason } => unknowable(*index, reason),
        _ => Rejection::new(ErrorCode::KafkaStorageError, error.to_string()),
    }
}

fn unknowable(index: usize, why: &str) -> Rejection {
    let sentence = format!("record {index} expects a revision, which nobody can tell here: {why}");
    let refusal = Refusal::new(number(index), UNKNOWABLE, sentence);
    Rejection::of_records(ErrorCode::InvalidRecord, vec![refusal])
}

fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn sentence(unexpected: &Unexpected) -> String {
    let Unexpected {
        index,
        expected,
        found,
    } = unexpected;
    let name = |revision: &i64| match revision {
        -1 => "none".to_owned(),
        revision => revision.to_string(),
    };
    format!(
        "record {index} expects revision {} of its key, and found {}",
        name(expected),
        name(found)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use annals_kafka_wire::batch::{Batch, BatchBuilder};
    use uuid::Uuid;

    use super::*;

    fn read(policy: &str, expected: &[&[u8]]) -> Result<Option<Conditions>, Rejection> {
        let config = BTreeMap::from([("cleanup.policy".to_owned(), policy.to_owned())]);
        let topic = Topic::new("t", Uuid::nil(), Vec::new(), config);
        let mut builder = BatchBuilder::new();
        for value in expected {
            builder.push(0, Some(b"key"), None, &[(HEADER, value)]);
        }
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        conditions(&topic, batch.records(1 << 20).unwrap())
    }

    #[test]
    fn a_compacted_topic_has_no_revisions_to_expect() {
        for policy in ["compact", "compact,delete"] {
            let refused = read(policy, &[b"any", b"none"]).unwrap_err();
            assert_eq!(
                (refused.code, refused.rules),
                (ErrorCode::InvalidRecord, vec![(UNKNOWABLE, 1)])
            );
            assert!(refused.sentence.contains("record 1 expects") && refused.sentence.contains("compacted"));
            assert_eq!(read(policy, &[b"any"]), Ok(None), "any is no condition");
        }
        assert!(read("delete", &[b"none"]).unwrap().is_some());
    }

    #[test]
    fn as_many_records_as_may_expect_a_revision() {
        assert!(
            read("delete", &vec![&b"none"[..]; EXPECTED_MAX])
                .unwrap()
                .is_some()
        );
        let refused = read("delete", &vec![&b"none"[..]; EXPECTED_MAX + 1]).unwrap_err();
        assert_eq!(refused.code, ErrorCode::MessageTooLarge);
    }
}
