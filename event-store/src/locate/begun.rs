//! Points before an aggregate's first event, and why nobody may say that it did not exist there.

use super::{Located, Within, unreadable};
use crate::at::AsOf;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::index::PartitionIndex;
use crate::lanes::Reached;

/// Logs that are named as such in which earlier events may have been.
const LOGS_TOLD_MAX: usize = 4;

impl Located<'_> {
    /// What of an aggregate's events is within a point, for questions that mean nothing before the first one.
    pub(crate) fn begun(&self, at: &AsOf) -> Result<Within, StoreError> {
        let within = self.own_cut(at)?;
        // Of several topics one may have lost what it had, and the others not.
        self.is_left(at, &within.cut)?;
        if within.events > 0 {
            return Ok(within);
        }
        self.refuse(at, |log| {
            let starts = log.log.log_start_offset();
            log.last(&within.cut) < starts && starts > 0
        })?;
        let mut first = self.first_event()?;
        let starts = self.all_logs().iter().map(|log| log.log.log_start_offset()).max();
        if let Some(starts) = starts.filter(|starts| *starts > 0) {
            first.push_str(&format!(
                "; earlier ones may have been among the records before offset {starts}, which were deleted"
            ));
        }
        if let Some(gone) = self.gone(&within.cut)? {
            first.push_str(&format!(
                "; earlier ones may have been among {gone}, which were removed or cannot be read"
            ));
        }
        Err(StoreError::NotYet {
            aggregate: self.aggregate.name().to_owned(),
            id: self.id.clone(),
            at: at.to_string(),
            first,
        })
    }

    /// Where its first event is, and when it was recorded, in words.
    fn first_event(&self) -> Result<String, StoreError> {
        let spot = match self.logs.is_empty() {
            true => self.spot(0)?,
            false => {
                let counted = self.aggregate.index.counted(&self.key, &self.head)?;
                self.lanes(&counted, &|_| Reached::default())?.next_spot()?
            }
        };
        let Some(spot) = spot else {
            return Ok(String::new());
        };
        let (log, _) = self.log(&spot);
        let time = canonical::time_text(log.recorded_by(spot.offset)?);
        Ok(format!(
            "offset {} of {}, recorded {time}",
            spot.offset,
            named(log)
        ))
    }

    /// The offsets within a cut that may have had events of it and that nobody can read, in words: the first of each log. By a
    /// field any log of the topic may have had some.
    fn gone(&self, cut: &Cut) -> Result<Option<String>, StoreError> {
        let index = &self.aggregate.index;
        let logs = index
            .partitions
            .iter()
            .map(|log| &**log)
            .filter(|log| match self.logs.is_empty() {
                true => log.place == self.partition.place,
                false => log.field().is_some() || self.logs.iter().any(|mine| mine.place == log.place),
            });
        let mut told = Vec::new();
        for log in logs {
            let Some(gone) = unreadable(log, cut)?.into_iter().next() else {
                continue;
            };
            if told.len() == LOGS_TOLD_MAX {
                told.push("others".to_owned());
                break;
            }
            told.push(format!(
                "offsets {} to {} of {}",
                gone.first,
                gone.last,
                named(log)
            ));
        }
        Ok((!told.is_empty()).then(|| told.join(" and ")))
    }
}

/// What a log is called: by its topic too, where there are several.
fn named(log: &PartitionIndex) -> String {
    let name = log.log_name();
    name.map_or_else(|| format!("partition {}", log.number), |name| name.to_string())
}
