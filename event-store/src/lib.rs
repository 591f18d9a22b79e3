//! Typed events, folds and reconstruction at any cut.
//!
//! An [`EventStore`] follows the logs of topics, knows which records belong to which aggregate, and answers what the
//! state of one (or of all) was at a point in the log. How events become state is a fold: typed Rust ([`Fold`], behind
//! [`typed()`]) or a file ([`declarative`]). Schemas come from whoever implements
//! [`Resolve`](annals_schema_model::Resolve) or, for files, [`Subjects`].
//!
//! Invariant: an answer depends on the log up to its cut, on the fold and on the schemas, and on nothing else; asked
//! again with the cut it names, the store gives the same answer.
//! Left out: snapshots, index files, proofs, writing.

pub mod at;
pub mod canonical;
mod changes;
pub mod cut;
pub mod declarative;
pub mod diff;
mod error;
pub mod fold;
mod folding;
pub mod history;
#[cfg(feature = "http")]
pub mod http;
mod index;
pub mod key;
mod kind;
mod known;
pub mod list;
mod locate;
mod page;
pub mod reconstruct;
pub mod resolve;
mod source;
pub mod store;
mod time_source;
mod touched;
pub mod typed;
mod unhalted;
mod work;

pub use at::{AsOf, AtError, parse_at};
pub use changes::ChangeKind;
pub use cut::{Cut, CutError};
pub use diff::{ChangedBy, Diff, DiffCursor, DiffSide, FieldChange};
pub use error::StoreError;
pub use fold::{AnyFold, At, Cell, Fold, FoldId, Halt, Recorded, Step, Stop};
pub use folding::{FoldUsed, Halted, ReaderUsed, SchemaUsed, UnknownEvent};
pub use history::{History, HistoryCursor, HistoryEntry};
pub use index::IndexError;
pub use list::{LIST_LIMIT_DEFAULT, Member, Population};
pub use page::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, Page};
pub use reconstruct::{OffsetRange, OffsetsApplied, Reconstruction, SnapshotUsed};
pub use resolve::{Registered, Subjects};
pub use source::Source;
pub use store::{AggregateInfo, EventStore, NotLoaded, Progress};
pub use time_source::TimeSource;
pub use typed::{Typed, typed};
pub use work::{WORK_PIECES_MAX, WaitedFor, Work};
