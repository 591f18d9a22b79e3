//! What the broker counts, and what it holds: its figures, for whoever shows them. It knows no format of theirs.
//!
//! Counting is an atomic addition where the work is done; figures are read when somebody asks. What is counted is bounded:
//! by APIs and error codes, by topics, by reasons of a refusal. A topic's counts go with the topic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::Message;
use annals_segment_log::{Timed, Timings};

use crate::broker::{Broker, Shared};
use crate::table::TABLE;
use crate::topic::Topic;

/// Error codes that are told apart: Kafka's table goes to 135 today. All beyond are counted as one.
const CODES: usize = 160;

/// What is counted of all connections.
pub(crate) struct Counts {
    /// By row of the table.
    apis: Vec<ApiCounts>,
    pub(crate) accepted: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    /// Connections closed for what was sent on them.
    pub(crate) closed: AtomicU64,
}

struct ApiCounts {
    requests: Timings,
    errors: Vec<AtomicU64>,
}

impl Counts {
    pub(crate) fn new() -> Counts {
        let api = || ApiCounts {
            requests: Timings::default(),
            errors: std::iter::repeat_with(AtomicU64::default).take(CODES).collect(),
        };
        Counts {
            apis: std::iter::repeat_with(api).take(TABLE.len()).collect(),
            accepted: AtomicU64::default(),
            turned_away: AtomicU64::default(),
            closed: AtomicU64::default(),
        }
    }

    /// A request of this row was answered.
    pub(crate) fn answered(&self, row: usize, took: std::time::Duration) {
        if let Some(api) = self.apis.get(row) {
            api.requests.note(took);
        }
    }

    /// An answer of this row says so.
    pub(crate) fn failed(&self, row: usize, code: i16) {
        // -1 is Kafka's code for what it has no code for.
        let at = usize::try_from(i32::from(code) + 1)
            .unwrap_or(CODES)
            .min(CODES - 1);
        if code != ErrorCode::None.code()
            && let Some(count) = self.apis.get(row).and_then(|api| api.errors.get(at))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Counts the errors of an answer, once: it may be made again.
pub(crate) struct Errors {
    shared: Arc<Shared>,
    row: usize,
    are_counted: AtomicBool,
}

impl Errors {
    pub(crate) fn of(shared: &Arc<Shared>, row: usize) -> Errors {
        Errors {
            shared: Arc::clone(shared),
            row,
            are_counted: AtomicBool::new(false),
        }
    }

    pub(crate) fn count(&self, response: &impl Message) {
        if !self.are_counted.swap(true, Ordering::Relaxed) {
            response.error_codes(&mut |code| self.shared.counts.failed(self.row, code));
        }
    }
}

/// What is counted of a topic.
#[derive(Debug, Default)]
pub(crate) struct TopicCounts {
    records_in: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// By reason: names that stand in the program, so there are only so many.
    refused: Mutex<BTreeMap<&'static str, u64>>,
    /// Likewise, of records that were let in all the same.
    warned: Mutex<BTreeMap<&'static str, u64>>,
}

impl TopicCounts {
    pub(crate) fn appended(&self, records: i64, bytes: usize) {
        let records = u64::try_from(records).unwrap_or(0);
        self.records_in.fetch_add(records, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Records (or batches, of which no record is at fault) were refused for this reason.
    pub(crate) fn refused(&self, reason: &'static str, count: usize) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(reason).or_default() += count as u64;
    }

    /// Records were appended though a rule is against them.
    pub(crate) fn warned(&self, reason: &'static str, count: usize) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        *warned.entry(reason).or_default() += count as u64;
    }
}

fn by_reason(counts: &Mutex<BTreeMap<&'static str, u64>>) -> Vec<(&'static str, u64)> {
    let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.iter().map(|(reason, count)| (*reason, *count)).collect()
}

/// What the broker has counted since it was opened, and what it holds now.
#[derive(Debug, Clone)]
pub struct Figures {
    /// By API, those that were asked for.
    pub apis: Vec<ApiFigures>,
    /// Open connections.
    pub connections: usize,
    /// Connections that were accepted.
    pub connections_accepted: u64,
    /// Connections that were closed at once, because there were too many.
    pub connections_turned_away: u64,
    /// Connections that were closed for what was sent on them.
    pub connections_closed: u64,
    /// Name, bytes in use and bytes there are of each budget of memory.
    pub budgets: [(&'static str, usize, usize); 4],
    /// How long syncs of partitions took.
    pub syncs: Timed,
    /// Groups.
    pub groups: usize,
    /// Transactional ids.
    pub transactional_ids: usize,
    /// Transactions that are open.
    pub transactions_open: usize,
}

/// What was counted of one API.
#[derive(Debug, Clone)]
pub struct ApiFigures {
    /// Kafka's name of it.
    pub name: &'static str,
    /// Requests that were answered, and how long that took.
    pub requests: Timed,
    /// By Kafka's name of the error, how often answers held it.
    pub errors: Vec<(&'static str, u64)>,
}

/// What was counted of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicFigures {
    /// Records that were appended.
    pub records_in: u64,
    /// Bytes of batches that were appended.
    pub bytes_in: u64,
    /// Bytes of batches that were read.
    pub bytes_out: u64,
    /// Records that were refused, by the rule they broke; batches, by Kafka's name of the error.
    pub refused: Vec<(&'static str, u64)>,
    /// Records that were appended with a warning, by the rule they broke.
    pub warned: Vec<(&'static str, u64)>,
}

/// A group and what it has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFigures {
    /// Its id.
    pub id: String,
    /// What it is doing, by Kafka's name.
    pub state: &'static str,
    /// How many are in it.
    pub members: usize,
    /// The offset committed for each partition: of the next record to read.
    pub committed: Vec<(String, i32, i64)>,
}

impl Topic {
    /// How far behind the end who has committed this offset of a partition is; `None` where there is no such partition.
    #[must_use]
    pub fn lag(&self, partition: i32, committed: i64) -> Option<i64> {
        let end = self.partition(partition)?.high_watermark();
        // Clients commit any number they like.
        Some(end.saturating_sub(committed).max(0))
    }

    /// What was counted of the topic since the broker was opened.
    #[must_use]
    pub fn figures(&self) -> TopicFigures {
        let counts = &self.counts;
        TopicFigures {
            records_in: counts.records_in.load(Ordering::Relaxed),
            bytes_in: counts.bytes_in.load(Ordering::Relaxed),
            bytes_out: counts.bytes_out.load(Ordering::Relaxed),
            refused: by_reason(&counts.refused),
            warned: by_reason(&counts.warned),
        }
    }
}

impl Broker {
    /// What the broker counts and holds, topics and groups aside.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.figures()
    }

    /// Gives every group in turn; none is locked longer than it takes to copy what is said of it.
    pub fn each_group(&self, mut give: impl FnMut(GroupFigures)) {
        let groups = &self.shared.groups;
        for id in groups.cells.ids() {
            let figures = groups.cells.look(&id, |entry| GroupFigures {
                id: id.clone(),
                state: entry.kind.state_name(),
                members: entry.kind.members_len(),
                committed: entry.offsets.all().collect(),
            });
            figures.into_iter().for_each(&mut give);
        }
    }
}

impl Shared {
    fn figures(&self) -> Figures {
        let counts = &self.counts;
        let budgets = [
            ("requests", &self.request_bytes),
            ("answers", &self.answer_bytes),
            ("polls", &self.poll_bytes),
            ("surplus", &self.surplus_bytes),
        ];
        let (transactional_ids, transactions_open) = self.transactions.count();
        Figures {
            apis: counts.apis().collect(),
            connections: self
                .config
                .connections_max
                .saturating_sub(self.connections.available_permits()),
            connections_accepted: counts.accepted.load(Ordering::Relaxed),
            connections_turned_away: counts.turned_away.load(Ordering::Relaxed),
            connections_closed: counts.closed.load(Ordering::Relaxed),
            budgets: budgets.map(|(name, budget)| (name, budget.used_bytes(), budget.bytes_max())),
            syncs: self.log.syncs(),
            groups: self.groups.cells.len(),
            transactional_ids,
            transactions_open,
        }
    }
}

impl Counts {
    fn apis(&self) -> impl Iterator<Item = ApiFigures> + '_ {
        let rows = TABLE.iter().zip(&self.apis);
        rows.filter_map(|(row, counted)| {
            let requests = counted.requests.now();
            let errors = (-1..).zip(&counted.errors).filter_map(|(code, count)| {
                let count = count.load(Ordering::Relaxed);
                (count > 0).then(|| (ErrorCode::from(code).name(), count))
            });
            (requests.count > 0).then(|| ApiFigures {
                name: row.key.name(),
                requests,
                errors: errors.collect(),
            })
        })
    }
}
