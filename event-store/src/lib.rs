//! Typed events, folds, decisions, and reconstruction at any cut.
//!
//! An [`EventStore`] follows the logs of topics, knows which records belong to which aggregate, and answers what the
//! state of one (or of all) was at a point in the log. How events become state is a fold: typed Rust ([`Fold`], behind
//! [`typed()`]) or a file (`declarative`). Schemas come from whoever implements
//! [`Resolve`](annals_schema_model::Resolve) or, for files, [`Subjects`].
//!
//! Typed folds over logs on disk need no feature. What else there is, is off until it is asked for:
//!
//! | feature | what it adds |
//! |---|---|
//! | `declarative` | folds in YAML with CEL expressions, over events in Avro and Protobuf |
//! | `json` | the same over events in JSON Schema, too |
//! | `questions` | what is asked of all aggregates: conditions in CEL, columns, orders, sums, NDJSON and CSV |
//! | `http` | the audit routes, for an axum router |
//! | `projections` | read models in SQLite or PostgreSQL that follow a topic |
//! | `remote` | the log of a broker instead of one on disk, for a [`Repository`] or a projection |
//!
//! Invariant: an answer depends on the log up to its cut, on the fold and on the schemas, and on nothing else; asked
//! again with the cut it names, the store gives the same answer.
//! Left out: proofs.
//!
//! Who writes, decides first: [`Decide`] says which events a command has, and a [`Repository`] loads the aggregate and appends
//! them behind what it was decided on, over any [`EventLog`]. [`testing`] is for tests of both. Who makes something else of
//! events than the state of one aggregate follows them by a [`Feed`]; `projection` makes tables.

mod aggregates;
pub mod at;
pub mod between;
mod bookmark;
mod by_field;
pub mod canonical;
pub mod cause;
mod changes;
pub mod cut;
pub mod decide;
#[cfg(feature = "declarative")]
pub mod declarative;
pub mod diff;
pub mod differences;
mod effects;
mod embedded;
mod error;
pub mod explain;
pub mod feed;
pub mod fold;
mod folding;
#[cfg(feature = "questions")]
pub mod format;
mod hex;
pub mod history;
#[cfg(feature = "http")]
pub mod http;
mod index;
pub mod info;
pub mod key;
mod keyed;
pub mod list;
pub mod listed;
mod locate;
pub mod log;
mod members;
pub mod merged;
mod ordered;
mod origins;
mod page;
mod path;
mod point;
#[cfg(feature = "questions")]
pub mod population;
#[cfg(feature = "projections")]
pub mod projection;
#[cfg(feature = "questions")]
pub mod question;
#[cfg(feature = "questions")]
mod ranked;
pub mod reconstruct;
#[cfg(feature = "remote")]
pub mod remote;
pub mod repository;
pub mod resolve;
mod snapshots;
mod sought;
mod source;
pub mod store;
mod sweep;
mod tails;
pub mod testing;
mod time_source;
mod touched;
pub mod trail;
pub mod typed;
mod unhalted;
pub mod what_if;
mod work;

pub use aggregates::{revision_name, revision_of};
pub use at::{AsOf, AtError, parse_at};
pub use between::{CHANGES_SHOWN_MAX, CutTaken, ValueChange};
pub use by_field::IdField;
pub use cause::{Cause, CauseError, Headers, NO_HEADERS};
pub use changes::ChangeKind;
pub use cut::{Cut, CutError};
pub use decide::{Decide, Decision};
pub use diff::{ChangedBy, Diff, DiffSide, FieldChange};
pub use differences::{Difference, DifferenceKind, Differences};
pub use embedded::Embedded;
pub use error::StoreError;
pub use explain::{Explanation, LeafOrigin, OperationUsed, RuleUsed, ValueFrom};
pub use feed::{DiskFeed, Feed, FeedError, FeedRecord, Portion};
pub use fold::{AnyFold, AnyState, At, Cell, Fold, FoldId, Halt, Recorded, Spent, Step, Stop};
pub use folding::{FoldUsed, Halted, ReaderUsed, SchemaUsed, UnknownEvent};
#[cfg(feature = "questions")]
pub use format::Format;
pub use history::{History, HistoryEntry};
pub use index::IndexError;
pub use info::{AggregateInfo, Progress};
pub use list::{LIST_LIMIT_DEFAULT, Member, Population, Sum};
pub use listed::Listed;
pub use log::{EventLog, NewEvent, Place, Stored, UnappendedError, UnreadError};
pub use merged::{LogName, LogUsed};
pub use page::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, Page};
pub use path::StatePath;
#[cfg(feature = "questions")]
pub use population::{ORDERED_MAX, Rows, Summary};
#[cfg(feature = "questions")]
pub use question::Question;
pub use reconstruct::{OffsetRange, OffsetsApplied, Reconstruction, SnapshotUsed};
pub use repository::{Done, HandleError, LoadError, Loaded, Repository};
pub use resolve::{Registered, Subjects};
pub use snapshots::SnapshotFigures;
pub use sought::Sought;
pub use source::Source;
pub use store::{EventStore, NotLoaded};
pub use time_source::TimeSource;
pub use trail::{Deed, Trail};
pub use typed::{Typed, typed};
pub use what_if::{Differing, WhatIf};
pub use work::{WORK_PIECES_MAX, WaitedFor, Work};
