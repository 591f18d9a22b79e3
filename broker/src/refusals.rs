//! What a guard refused, or let in with a warning: counted by topic and rule, the latest of each topic kept, and told in
//! the log, because many clients show their users nothing but a number.
//!
//! Invariant: memory is bounded by the topics there are. What is refused often is told seldom: some lines a topic in a
//! while, and the next one says how many were left out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::guard::Refusal;
use crate::table::Caller;

/// How many of a topic's refusals are kept.
const LATEST_MAX: usize = 20;

/// How many lines the log gets of a topic within [`WHILE_MS`].
const LINES_MAX: u32 = 5;
const WHILE_MS: i64 = 10_000;

/// Records of one batch that broke one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Where they were to go.
    pub partition: i32,
    /// What the client that sent them calls itself.
    pub client_id: Option<String>,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// The rule.
    pub code: &'static str,
    /// Why, of the first of them.
    pub sentence: String,
    /// How many of the batch's records broke it.
    pub records: u64,
    /// Whether they were let in all the same.
    pub is_warning: bool,
}

/// How many records of a topic broke a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCount {
    /// The topic.
    pub topic: String,
    /// The rule.
    pub code: &'static str,
    /// Whether they were let in all the same.
    pub is_warning: bool,
    /// How many, since the broker was opened.
    pub records: u64,
}

/// All of it, of one broker.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<String, OfTopic>>);

#[derive(Debug, Default)]
struct OfTopic {
    counts: BTreeMap<(&'static str, bool), u64>,
    latest: VecDeque<Refused>,
    /// Since when lines are counted, how many there were, and how many there would have been.
    since_ms: i64,
    lines: u32,
    left_out: u64,
}

impl Refusals {
    fn topics(&self) -> MutexGuard<'_, HashMap<String, OfTopic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what one batch came to.
    pub(crate) fn note(
        &self,
        topic: &str,
        partition: i32,
        caller: &Caller,
        at_ms: i64,
        refusals: &[Refusal],
    ) {
        let mut by_rule: Vec<Refused> = Vec::new();
        for refusal in refusals {
            let same = |one: &&mut Refused| (one.code, one.is_warning) == (refusal.code, refusal.is_warning);
            match by_rule.iter_mut().find(same) {
                Some(one) => one.records += 1,
                None => by_rule.push(Refused {
                    at_ms,
                    partition,
                    client_id: caller.client_id.clone(),
                    peer: caller.peer,
                    code: refusal.code,
                    sentence: refusal.sentence.clone(),
                    records: 1,
                    is_warning: refusal.is_warning,
                }),
            }
        }
        let mut topics = self.topics();
        let of_topic = topics.entry(topic.to_owned()).or_default();
        for refused in by_rule {
            *of_topic
                .counts
                .entry((refused.code, refused.is_warning))
                .or_default() += refused.records;
            if let Some(left_out) = of_topic.line(at_ms) {
                tell(topic, &refused, left_out);
            }
            of_topic.latest.truncate(LATEST_MAX - 1);
            of_topic.latest.push_front(refused);
        }
    }

    /// Forgets a topic that is gone.
    pub(crate) fn forget(&self, topic: &str) {
        self.topics().remove(topic);
    }

    pub(crate) fn counts(&self) -> Vec<RefusedCount> {
        let topics = self.topics();
        let counts = topics.iter().flat_map(|(topic, of_topic)| {
            let counts = of_topic.counts.iter();
            counts.map(|(&(code, is_warning), &records)| RefusedCount {
                topic: topic.clone(),
                code,
                is_warning,
                records,
            })
        });
        let mut counts: Vec<RefusedCount> = counts.collect();
        counts.sort_by(|a, b| (&a.topic, a.code, a.is_warning).cmp(&(&b.topic, b.code, b.is_warning)));
        counts
    }

    pub(crate) fn latest(&self, topic: &str) -> Vec<Refused> {
        let topics = self.topics();
        let latest = topics
            .get(topic)
            .into_iter()
            .flat_map(|of_topic| &of_topic.latest);
        latest.cloned().collect()
    }
}

impl OfTopic {
    /// Whether a line may be written now, and how many were not since the last one.
    fn line(&mut self, now_ms: i64) -> Option<u64> {
        if now_ms.saturating_sub(self.since_ms) >= WHILE_MS {
            (self.since_ms, self.lines) = (now_ms, 0);
        }
        if self.lines >= LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

fn tell(topic: &str, refused: &Refused, left_out: u64) {
    let Refused {
        partition,
        client_id,
        peer,
        code,
        sentence,
        records,
        is_warning,
        ..
    } = refused;
    let client_id = client_id.as_deref().unwrap_or_default();
    let what = match is_warning {
        true => "records were let in that break a rule",
        false => "a batch was refused",
    };
    tracing::info!(topic, partition, client_id, %peer, code, reason = sentence, records, left_out, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(index: i32, code: &'static str, is_warning: bool) -> Refusal {
        Refusal {
            index,
            code,
            sentence: format!("record {index}"),
            schema_id: None,
            is_warning,
        }
    }

    #[test]
    fn records_are_counted_by_topic_and_rule_and_the_latest_are_kept() {
        let refusals = Refusals::default();
        let caller = Caller {
            client_id: Some("app".to_owned()),
            peer: ([127, 0, 0, 1], 9).into(),
        };
        for at_ms in 0..30 {
            let batch = [
                refusal(0, "A", false),
                refusal(1, "B", true),
                refusal(2, "A", false),
            ];
            refusals.note("events", 3, &caller, at_ms, &batch);
        }
        refusals.note("others", 0, &caller, 0, &[refusal(0, "A", false)]);
        let counts: Vec<_> = refusals.counts();
        let counts: Vec<_> = counts
            .iter()
            .map(|one| (one.topic.as_str(), one.code, one.is_warning, one.records))
            .collect();
        assert_eq!(
            counts,
            [
                ("events", "A", false, 60),
                ("events", "B", true, 30),
                ("others", "A", false, 1)
            ]
        );
        let latest = refusals.latest("events");
        assert_eq!(latest.len(), LATEST_MAX);
        assert_eq!((latest[0].at_ms, latest[0].code, latest[0].records), (29, "B", 1));
        assert_eq!(
            (latest[1].code, latest[1].records, latest[1].sentence.as_str()),
            ("A", 2, "record 0")
        );
        refusals.forget("events");
        assert!(refusals.latest("events").is_empty() && refusals.counts().len() == 1);
    }

    #[test]
    fn what_is_refused_often_is_told_seldom() {
        let mut of_topic = OfTopic::default();
        let lines: Vec<_> = (0..20).map(|now_ms| of_topic.line(now_ms)).collect();
        assert_eq!(lines.iter().flatten().count(), LINES_MAX as usize);
        assert_eq!(of_topic.line(WHILE_MS), Some(20 - u64::from(LINES_MAX)));
        assert_eq!(of_topic.line(WHILE_MS), Some(0));
    }
}
