//! Typed events, folds, decisions, and reconstruction at any cut.
//!
//! An [`EventStore`] follows the logs of topics, knows which records belong to which aggregate, and answers what the
//! state of one (or of all) was at a point in the log. How events become state is a fold: typed Rust ([`Fold`], behind
//! [`typed()`]) or a file ([`declarative`]). Schemas come from whoever implements
//! [`Resolve`](annals_schema_model::Resolve) or, for files, [`Subjects`].
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
//! # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
//! use annals_event_store::{Page, parse_at};
//!
//! let half_past_nine = parse_at("2026-01-05T09:30:00Z", 0)?;
//! let account = store.reconstruct("account", "a-1", &half_past_nine)?;
//! assert_eq!(account.state["balance"], 500);
//!
//! let now = parse_at("head", 0)?;
//! let since = store.diff("account", "a-1", &half_past_nine, &now, Page::default())?;
//! assert_eq!(since.changes[0].after, Some(530.into()));
//! assert_eq!(since.changes[0].by.as_ref().and_then(|event| event.actor.as_deref()), Some("jane"));
//! # Ok(()) }
//! ```
//!
//! Invariant: an answer depends on the log up to its cut, on the fold and on the schemas, and on nothing else; asked
//! again with the cut it names, the store gives the same answer.
//! Left out: proofs.
//!
//! The examples here and elsewhere are about two accounts; the page of [`EventStore`] lists their events.
//!
//! # Which type for what
//!
//! | to do what | there is |
//! |---|---|
//! | say how events become state | [`Fold`], given to a store by [`typed()`]; for a file, [`declarative::load`] |
//! | say which events a command has | [`Decide`], on a [`Decision`]; who sent it and when is its [`Cause`] |
//! | carry commands out | [`Repository`], over [`EventStore::log`] or the log of a broker ([`remote::Remote`]) |
//! | try both in tests | [`testing::Given`], [`testing::golden`], [`testing::keeps_laws`] |
//! | make a store, from the log up | [`Source::open`], [`EventStore::add_aggregate`]; [`Repository`] shows all of it |
//! | know schemas without a registry | [`Listed`] |
//! | name a point in the log | [`AsOf`], which [`parse_at`] reads; one that never moves is a [`Cut`] |
//! | follow events | [`Feed`], as [`EventStore::feed`] gives one; into tables, [`projection::Projection`] |
//! | serve the answers | [`http::routes`] |
//!
//! | what is asked of one aggregate | is answered by |
//! |---|---|
//! | what was its state? | [`EventStore::reconstruct`] |
//! | which events does it have? | [`EventStore::history`] |
//! | what differs between two points, and by which event? | [`EventStore::diff`] |
//! | where does each of its values come from? | [`EventStore::explain`] |
//!
//! | what is asked of all aggregates | is answered by |
//! |---|---|
//! | what were their states? | [`EventStore::list`] |
//! | which were like this, with which of their values, and with which sums? | [`EventStore::ask`] by pages, [`EventStore::rows`] in one go; both take a [`Question`], and a [`Format`] writes files |
//! | which appeared or changed between two points? | [`EventStore::differences`] |
//! | who did what? | [`EventStore::trail`], which takes what is [`Sought`] |
//! | what would another fold have made of them? | [`EventStore::what_if`] |
//!
//! Each question may be bounded ([`EventStore::at_work`]), and asked of the log alone ([`EventStore::without_snapshots`]).
//!
//! # Features
//!
//! Typed folds over logs on disk need no feature. What else there is, is off until it is asked for:
//!
//! | feature | what it adds |
//! |---|---|
//! | `declarative` | folds in YAML with CEL expressions, over events in Avro and Protobuf |
//! | `json` | the same over events in JSON Schema, too |
//! | `questions` | what is asked of all aggregates: conditions in CEL, columns, orders, sums, NDJSON and CSV |
//! | `http` | the audit routes, for an axum router |
//! | `avro-files` | rows of such questions as Avro container files |
//! | `projections` | read models in SQLite or PostgreSQL that follow a topic |
//! | `remote` | the log of a broker instead of one on disk, for a [`Repository`] or a projection |

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
mod kept;
pub mod key;
mod keyed;
mod lanes;
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
mod standing;
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
