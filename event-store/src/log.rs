//! The port behind which events are read and appended, wherever their log is.
//!
//! Invariant: an append enters whole or not at all, and only where nobody else wrote the key since it was read. Whoever
//! implements it says of a failure whether the events may have been written all the same; [`crate::Repository`] does the
//! rest. It blocks: whoever runs an async runtime calls it from a thread that may wait.

use annals_schema_model::Timestamp;

use crate::at::AsOf;
use crate::cause::Headers;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::fold::At;

/// An event as it stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// Where it stands.
    pub at: At<'a>,
    /// The record's value, or why it cannot be read.
    pub value: Result<Option<&'a [u8]>, &'a str>,
}

/// What was read of a key, and so what an append may rest on: what [`EventLog::read`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition of the key's events; where it has none, the one they will be in.
    pub partition: u32,
    /// How many events were read.
    pub events: u64,
    /// Up to where: asked for again with this cut, the same are read.
    pub cut: Cut,
}

/// An event that is to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The record's value: envelope and payload.
    pub value: Vec<u8>,
    /// Its headers.
    pub headers: Headers,
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadError {
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log's server cannot be asked, or says no.
    #[error("{0}")]
    Server(String),
}

/// Why events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum UnappendedError {
    /// Somebody else has written the key since it was read. Nothing was written.
    #[error("the aggregate has other events by now")]
    Conflict,
    /// Nothing was written, and the same append will not be taken later either.
    #[error("{0}")]
    Refused(String),
    /// Nobody knows whether they were written: reading the key again tells.
    #[error("the events may have been written or not: {0}")]
    Unknown(String),
}

/// A log of events by key.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, Cause, EventLog, NewEvent, UnappendedError};
///
/// let log = store.log("account")?;
/// let mut actors = Vec::new();
/// let place = log.read(b"a-1", &AsOf::Head, &mut |event| actors.extend(event.at.actor().map(str::to_owned)))?;
/// assert_eq!((place.events, actors), (3, vec!["ada".to_owned(), "ada".to_owned(), "jane".to_owned()]));
///
/// let now = annals_schema_model::Timestamp::from_millis(1_767_618_000_000);
/// let value = AccountEvent::Deposited { cents: 1 }.to_record(&*bank.schemas)?;
/// let event = NewEvent { value, headers: Cause::new("pay-1", now).headers(0)? };
/// assert_eq!(log.append(b"a-1", &place, &[event.clone()], now)?, 5);
///
/// // What was read of the key is not all that there is by now.
/// assert!(matches!(log.append(b"a-1", &place, &[event], now), Err(UnappendedError::Conflict)));
/// # Ok(()) }
/// ```
pub trait EventLog: Send + Sync {
    /// The topic.
    fn topic(&self) -> &str;

    /// Reads a key's events up to a point, oldest first. A key without any has no events, which is no error.
    ///
    /// # Errors
    /// When they cannot be had. An event that is there and cannot be read is given as such.
    fn read(&self, key: &[u8], at: &AsOf, each: &mut dyn FnMut(&Stored<'_>)) -> Result<Place, UnreadError>;

    /// Appends events behind those that were read at the head, all or none, and waits until they are durable. `now` is
    /// what they are stamped with. Gives the first one's offset.
    ///
    /// # Errors
    /// As [`UnappendedError`] says; it says whether they may have been written.
    fn append(
        &self,
        key: &[u8],
        behind: &Place,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, UnappendedError>;
}
