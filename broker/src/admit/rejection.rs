//! Why a batch was not appended, as its producer is told.

use annals_kafka_wire::error::ErrorCode;

use crate::guard::Refusal;

/// How many refused records are told why; the others are only listed.
pub(super) const TOLD_MAX: usize = 32;

/// The longest sentence about one record, in characters.
const SENTENCE_CHARS_MAX: usize = 200;

/// Why a batch was not appended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) code: ErrorCode,
    /// How many records are at fault for each rule that was broken; none where it is the batch.
    pub(crate) rules: Vec<(&'static str, usize)>,
    pub(crate) sentence: String,
    /// Every record at fault by index, the first of them with their reason.
    pub(crate) records: Vec<(i32, Option<String>)>,
}

impl Rejection {
    pub(crate) fn new(code: ErrorCode, sentence: impl Into<String>) -> Rejection {
        Rejection {
            code,
            rules: Vec::new(),
            sentence: sentence.into(),
            records: Vec::new(),
        }
    }

    /// Of records: the batch gets the first one's sentence. The rule's code stands before each, since that is all the
    /// protocol has room for.
    pub(super) fn of_records(code: ErrorCode, mut refusals: Vec<Refusal>) -> Rejection {
        refusals.sort_by_key(|refusal| refusal.index);
        refusals.dedup_by_key(|refusal| refusal.index);
        let mut records: Vec<(i32, Option<String>)> = Vec::with_capacity(refusals.len());
        let rules = by_rule(&refusals);
        for Refusal {
            index,
            code,
            sentence,
            ..
        } in refusals
        {
            let told = records.len() < TOLD_MAX;
            let cut = || sentence.chars().take(SENTENCE_CHARS_MAX).collect::<String>();
            records.push((index, told.then(|| format!("{code}: {}", cut()))));
        }
        let sentence = records
            .first()
            .and_then(|first| first.1.clone())
            .unwrap_or_default();
        Rejection {
            code,
            rules,
            sentence,
            records,
        }
    }
}

/// How many records broke each rule; a record that broke one twice is one.
pub(super) fn by_rule(refusals: &[Refusal]) -> Vec<(&'static str, usize)> {
    let mut rules: Vec<(&'static str, usize)> = Vec::new();
    let mut before: Option<&Refusal> = None;
    for refusal in refusals {
        if before.is_some_and(|before| (before.index, before.code) == (refusal.index, refusal.code)) {
            continue;
        }
        before = Some(refusal);
        match rules.iter_mut().find(|(code, _)| *code == refusal.code) {
            Some((_, records)) => *records += 1,
            None => rules.push((refusal.code, 1)),
        }
    }
    rules
}
