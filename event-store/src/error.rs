//! What the store cannot answer, in sentences that say what was asked, what is wrong with it and what there is.

use crate::at::AtError;
use crate::index::IndexError;
use crate::store::NotLoaded;

/// How much of a wrong cursor is shown back.
const CURSOR_CHARS_SHOWN_MAX: usize = 80;

/// A question the store cannot answer.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, StoreError};
///
/// let error = store.reconstruct("account", "a-9", &AsOf::Head).expect_err("nobody has opened it");
/// assert!(matches!(&error, StoreError::UnknownId { id, .. } if id == "a-9"));
/// assert_eq!(error.to_string(), "account `a-9` does not exist: topic accounts has no record with this key");
///
/// let error = store.reconstruct("account", "a-2", &AsOf::Offset(1)).expect_err("it is opened at offset 2");
/// assert!(matches!(error, StoreError::NotYet { .. }));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// No fold of this name runs.
    #[error("{}", unknown_aggregate(name, known, not_loaded))]
    UnknownAggregate {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// Folds that would be there if they could be loaded.
        not_loaded: Vec<NotLoaded>,
    },
    /// No record with this key.
    #[error("{aggregate} `{id}` does not exist: topic {topic} has no record with this key{}", but(*unreadable))]
    UnknownId {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The topic that was searched.
        topic: String,
        /// How many of its batches and damaged places nobody can read.
        unreadable: u64,
    },
    /// The aggregate began after the point asked for.
    #[error("{aggregate} `{id}` does not exist yet at {at}: its first event is {first}")]
    NotYet {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The point asked for.
        at: String,
        /// Its first event's offset and time, in words.
        first: String,
    },
    /// What there was at the point asked for was deleted.
    #[error(
        "what {of} was at {at} is gone: the records of partition {partition} of topic {topic} before offset \
         {log_start_offset} were deleted; ask for a point from there on"
    )]
    Deleted {
        /// What was asked about, in words.
        of: String,
        /// The point asked for.
        at: String,
        /// The topic of the partition that has lost it.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first offset that is still there.
        log_start_offset: i64,
    },
    /// The aggregate has fewer events.
    #[error("{aggregate} `{id}` has no revision {revision}: its revisions are 0 to {last}")]
    NoSuchRevision {
        /// The aggregate.
        aggregate: String,
        /// The id asked for.
        id: String,
        /// The revision asked for.
        revision: u64,
        /// The last one there is.
        last: u64,
    },
    /// A point that means nothing here.
    #[error(transparent)]
    At(#[from] AtError),
    /// Events between a point and an earlier one.
    #[error(
        "{to} is earlier than {from}, in one log at least, so that nothing happened in between: give the earlier point first"
    )]
    Backwards {
        /// The point behind which events were asked for.
        from: String,
        /// The one up to which.
        to: String,
    },
    /// A cursor this store did not give out.
    #[error("`{0}` is not a cursor; use the next_cursor of the page before as it is")]
    Cursor(String),
    /// A cursor of a walk over other folds.
    #[error(
        "the folds are not those of the page before: one has changed since; ask for the first page again"
    )]
    OtherFolds,
    /// A cursor of a walk through the answer to something else.
    #[error(
        "the cursor is of another question; repeat the question of its first page as it was, or ask for the first page again"
    )]
    OtherQuestion,
    /// A cursor of a walk at other points.
    #[error("the cursor is of another point in the log, which it carries: leave the point out beside it")]
    OtherPoint,
    /// A cursor that stands at an aggregate with a long id, which has gone.
    #[error("the aggregate that the page before ended with is gone; ask for the first page again")]
    PlaceGone,
    /// A part of a question about all aggregates that is not understood, or does not fit the state.
    #[error("{part} `{text}`: {problem}")]
    Question {
        /// Which part of it.
        part: &'static str,
        /// What was asked, shortened.
        text: String,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// A question that has no answer for an aggregate.
    #[error("the question has no answer for {aggregate} `{id}`: {problem}")]
    Undecided {
        /// The aggregate.
        aggregate: String,
        /// Its id.
        id: String,
        /// Why not.
        problem: String,
    },
    /// More rows in an order of their own than there can be.
    #[error(
        "no more than {max} rows can be had in an order; give a limit (`limit=`, `--limit`) of so many at most, or leave the order out"
    )]
    Ordered {
        /// The bound.
        max: usize,
    },
    /// Rows in an order that are too large to be held.
    #[error("the rows that come first have more than {max} bytes; choose columns, or ask for fewer rows")]
    OrderedBytes {
        /// The bound.
        max: usize,
    },
    /// A page size out of bounds.
    #[error("limit {limit} is out of bounds; give 1 to {max}")]
    Limit {
        /// The limit asked for.
        limit: usize,
        /// The largest.
        max: usize,
    },
    /// A fold of one topic with the log of another.
    #[error("aggregate {aggregate} folds topic {wanted}, not {given}")]
    WrongTopic {
        /// The aggregate.
        aggregate: String,
        /// The fold's topic.
        wanted: String,
        /// The source's topic.
        given: String,
    },
    /// A fold of more topics than one may have.
    #[error("aggregate {aggregate} folds more than {max} topics")]
    TooManyTopics {
        /// The aggregate.
        aggregate: String,
        /// The bound.
        max: usize,
    },
    /// A question that aggregates do not answer whose events are in several topics, or belong to them by a field.
    #[error(
        "{what} does not work for {aggregate}, whose events are not those of one topic by key: {instead}"
    )]
    SeveralTopics {
        /// What was asked.
        what: &'static str,
        /// The aggregate.
        aggregate: String,
        /// What to do.
        instead: &'static str,
    },
    /// The answer takes more reading than one may.
    #[error(
        "the answer takes too much work: more than {max} records, headers, pieces of batches and values on the way would be read for it; \
         ask for an earlier point, or for a smaller page"
    )]
    TooMuchWork {
        /// The bound.
        max: u64,
    },
    /// Whoever asked is gone, or the server ends.
    #[error("the question was given up")]
    Stopped,
    /// Records went from the log while the answer was made of them.
    #[error(
        "records of partition {partition} of topic {topic} were deleted or compacted away while the answer was made; \
         ask again"
    )]
    Shortened {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// The key indexes of the log take as much memory as they may.
    #[error(
        "the key index of partition {partition} of topic {topic} does not fit into the {bytes_max} bytes that all key \
         indexes may take together; those of topics that nobody asks about are given back after ten minutes: ask again then"
    )]
    IndexFull {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// What they may take together.
        bytes_max: usize,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

fn but(unreadable: u64) -> String {
    match unreadable {
        0 => String::new(),
        1 => " that can be read; one place of it cannot".to_owned(),
        places => format!(" that can be read; {places} places of it cannot"),
    }
}

/// Folds that do not load, of those told beside an aggregate that nobody knows.
const FAULTS_TOLD_MAX: usize = 8;

fn unknown_aggregate(name: &str, known: &[String], not_loaded: &[NotLoaded]) -> String {
    let wanted: Vec<String> = not_loaded
        .iter()
        .filter(|fold| fold.name == name)
        .map(ToString::to_string)
        .collect();
    if !wanted.is_empty() {
        return format!("the fold of `{name}` does not load: {}", wanted.join("; "));
    }
    let mut text = format!(
        "there is no aggregate `{name}`; there are: {}",
        list_or_none(known)
    );
    if !not_loaded.is_empty() {
        // A file that cannot be read as YAML has no name to ask for: it may be the one that is meant.
        let faults: Vec<String> = not_loaded
            .iter()
            .take(FAULTS_TOLD_MAX)
            .map(ToString::to_string)
            .collect();
        text.push_str(&format!(" (and folds that do not load: {})", faults.join("; ")));
    }
    text
}

impl StoreError {
    /// What was given for a cursor, shortened.
    pub(crate) fn cursor(given: &str) -> StoreError {
        StoreError::Cursor(given.chars().take(CURSOR_CHARS_SHOWN_MAX).collect())
    }
}

fn list_or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
