//! What a guard refused, or let in with a warning: the latest of each topic kept, and told in the log, because many
//! clients show their users nothing but a number. How many there were of each rule is counted in `figures.rs`.
//!
//! Invariant: memory is bounded by the topics there are. What is refused often is told seldom: some lines a topic in a
//! while, and the next one says how many were left out.

use std::collections::{HashMap, VecDeque};
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

/// All of it, of one broker.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<String, OfTopic>>);

#[derive(Debug, Default)]
struct OfTopic {
    latest: VecDeque<Refused>,
    lines: Lines,
}

/// Lines of the log about one thing: since when they are counted, how many there were, and how many were left out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    since_ms: i64,
    written: u32,
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
            if let Some(left_out) = of_topic.lines.line(at_ms) {
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

    pub(crate) fn latest(&self, topic: &str) -> Vec<Refused> {
        let topics = self.topics();
        let latest = topics
            .get(topic)
            .into_iter()
            .flat_map(|of_topic| &of_topic.latest);
        latest.cloned().collect()
    }
}

impl Lines {
    /// Whether a line may be written now, and how many were not since the last one.
    pub(crate) fn line(&mut self, now_ms: i64) -> Option<u64> {
        if now_ms.saturating_sub(self.since_ms) >= WHILE_MS {
            (self.since_ms, self.written) = (now_ms, 0);
        }
        if self.written >= LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
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
    fn the_latest_of_each_topic_are_kept_by_batch_and_rule() {
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
        let latest = refusals.latest("events");
        assert_eq!(latest.len(), LATEST_MAX);
        assert_eq!((latest[0].at_ms, latest[0].code, latest[0].records), (29, "B", 1));
        assert_eq!(
            (latest[1].code, latest[1].records, latest[1].sentence.as_str()),
            ("A", 2, "record 0")
        );
        refusals.forget("events");
        assert!(refusals.latest("events").is_empty() && refusals.latest("others").len() == 1);
    }

    #[test]
    fn what_is_refused_often_is_told_seldom() {
        let mut told = Lines::default();
        let lines: Vec<_> = (0..20).map(|now_ms| told.line(now_ms)).collect();
        assert_eq!(lines.iter().flatten().count(), LINES_MAX as usize);
        assert_eq!(told.line(WHILE_MS), Some(20 - u64::from(LINES_MAX)));
        assert_eq!(told.line(WHILE_MS), Some(0));
    }
}
