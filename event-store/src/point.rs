//! From a point to the cut it means for the topics of an aggregate.

use crate::aggregates::Aggregate;
use crate::at::{AsOf, AtError};
use crate::cut::Cut;
use crate::error::StoreError;
use crate::index::PartitionIndex;

/// What to give in place of a point of one aggregate.
const INSTEAD: &str = "give a time, or a full cut such as 0=12,1=40";

/// Whether a cut has nothing of a partition that is still there, though it had something: to answer that there is nothing would
/// be untrue. The head has whatever there is, and before the log's first record there never was anything.
pub(crate) fn was_deleted(partition: &PartitionIndex, at: &AsOf, cut: &Cut, head: &Cut) -> bool {
    let (last, starts) = (partition.last(cut), partition.log.log_start_offset());
    let is_before = match last {
        -1 => starts > 0 && matches!(at, AsOf::Time(_)),
        last => last < starts,
    };
    is_before && last < partition.last(head)
}

impl PartitionIndex {
    /// What there was at a point was deleted from here.
    pub(crate) fn deleted(&self, of: String, at: &AsOf) -> StoreError {
        StoreError::Deleted {
            of,
            at: at.to_string(),
            topic: self.topic.clone(),
            partition: self.number,
            log_start_offset: self.log.log_start_offset(),
        }
    }
}

impl Aggregate {
    /// Refuses a cut of all aggregates that has lost something.
    pub(crate) fn is_left(&self, at: &AsOf, cut: &Cut, head: &Cut) -> Result<(), StoreError> {
        let mut partitions = self.index.partitions.iter();
        match partitions.find(|partition| was_deleted(partition, at, cut, head)) {
            Some(partition) => Err(partition.deleted(format!("any {}", self.name()), at)),
            None => Ok(()),
        }
    }

    /// The cut a point means for the whole topic. An offset does only where there is one partition; a revision never.
    pub(crate) fn topic_cut(&self, at: &AsOf, head: &Cut) -> Result<Cut, StoreError> {
        let wrong = |problem: &str| Err(AtError::new(at, problem).into());
        match at {
            AsOf::Head => Ok(head.clone()),
            AsOf::Time(ms) => {
                let lasts = self.index.partitions.iter().map(|partition| {
                    let last = partition.last_at(*ms, partition.last(head))?;
                    Ok((partition.in_cut(), last))
                });
                lasts.collect()
            }
            AsOf::Cut(cut) => {
                if let Err(problem) = self.knows(cut) {
                    return wrong(&problem);
                }
                let ends = head.logs();
                Ok(ends
                    .map(|(log, last)| (log.clone(), last.min(cut.last_of(log))))
                    .collect())
            }
            AsOf::Offset(_) if self.index.is_merged() => wrong(&self.says_too_little()),
            AsOf::Offset(offset) if self.index.partitions.len() == 1 => Ok(head
                .iter()
                .map(|(partition, last)| (partition, last.min(*offset)))
                .collect()),
            AsOf::Offset(_) => wrong(&format!(
                "the topic has several partitions, so one offset says too little here; {INSTEAD}"
            )),
            AsOf::Revision(_) => wrong(&format!("a revision is of one aggregate, not of all; {INSTEAD}")),
        }
    }

    /// Whether a cut names logs as this aggregate's are named, and only such as there are.
    fn knows(&self, cut: &Cut) -> Result<(), String> {
        let (topics, is_merged) = (&self.index.topics, self.index.is_merged());
        for (log, _) in cut.logs() {
            let topic = match &log.topic {
                None if is_merged => {
                    return Err(format!(
                        "the fold is {} ({}), so a cut names the topic of each partition, such as {}",
                        self.why_merged(),
                        self.index.told_topics().join(", "),
                        self.shown_cut()
                    ));
                }
                Some(topic) if !is_merged => {
                    return Err(format!(
                        "the fold is of one topic, so a cut names partitions alone: leave `{topic}/` out"
                    ));
                }
                Some(topic) => match topics.iter().find(|known| known.as_str() == &**topic) {
                    Some(topic) => topic,
                    None => {
                        let topics = topics.join(", ");
                        return Err(format!("the fold is of the topics {topics}, and not of {topic}"));
                    }
                },
                None => topics.first().map_or("", |topic| topic),
            };
            let partitions = self.index.partitions.iter();
            let count = match is_merged {
                true => partitions.filter(|partition| partition.topic == *topic).count(),
                false => partitions.len(),
            };
            if log.partition as usize >= count {
                return Err(format!(
                    "topic {topic} has {count} partitions, and no {}",
                    log.partition
                ));
            }
        }
        Ok(())
    }

    /// Why an offset is no point of several topics.
    fn says_too_little(&self) -> String {
        format!(
            "the fold is {}, so an offset alone says too little; give a cut such as {}",
            self.why_merged(),
            self.shown_cut()
        )
    }

    /// Why an aggregate's events may be in several logs.
    fn why_merged(&self) -> &'static str {
        match self.index.topics.len() {
            1 => "of a topic by a field of its events",
            _ => "of several topics",
        }
    }

    /// What a cut looks like here.
    fn shown_cut(&self) -> String {
        let topics = self.index.topics.iter().take(2).zip([12, 5]);
        let cut = topics.map(|(topic, offset)| format!("{topic}/0={offset}"));
        cut.collect::<Vec<_>>().join(",")
    }
}
