//! Why an aggregate was not loaded, or a command not carried out.

use annals_schema_model::EncodeError;

use crate::cause::CauseError;
use crate::log::UnreadError;

/// Why an aggregate cannot be loaded.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AsOf, EventLog, Headers, LoadError, NewEvent};
/// # let (accounts, now) = (bank.accounts(), annals_schema_model::Timestamp::from_millis(NOW));
///
/// // Somebody who knows nothing of the fold opens the account again.
/// let value = AccountEvent::Opened { owner: "Eve".to_owned() }.to_record(&*bank.schemas)?;
/// let log = store.log("account")?;
/// let place = log.read(b"a-1", &AsOf::Head, &mut |_| ())?;
/// log.append(b"a-1", &place, &[NewEvent { value, headers: Headers::default() }], now)?;
///
/// let error = accounts.load("a-1", &AsOf::Head).expect_err("the fold does not accept it");
/// assert!(matches!(error, LoadError::Stopped { offset: 5, .. }));
/// assert_eq!(accounts.load("a-1", &AsOf::Offset(4))?.revision(), Some(2));
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] UnreadError),
    /// One of its events cannot be read, or the fold does not accept it.
    #[error("{aggregate} `{id}` stops at offset {offset} of partition {partition}: {reason}")]
    Stopped {
        /// The aggregate.
        aggregate: &'static str,
        /// Its id.
        id: String,
        /// The partition of its events.
        partition: u32,
        /// The event's offset.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a command was not carried out. Nothing was written, unless [`HandleError::Unknown`] says otherwise.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{Cause, HandleError};
/// # let (accounts, now) = (bank.accounts(), annals_schema_model::Timestamp::from_millis(1_767_618_000_000));
///
/// let again = accounts.handle("a-1", &Open { owner: "Eve".to_owned() }, &Cause::new("open-2", now));
/// assert!(matches!(again, Err(HandleError::Rejected(Rejected::Open))));
///
/// // Whoever sent it has seen one event, and there are three.
/// let cause = Cause::new("pay-1", now).expecting(Some(0));
/// let late = accounts.handle("a-1", &Deposit { cents: 1 }, &cause).expect_err("there are later ones");
/// assert_eq!(late.to_string(), "the aggregate was expected to have revision 0 and has revision 2");
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum HandleError<R> {
    /// The aggregate rejects it.
    #[error("rejected: {0}")]
    Rejected(R),
    /// It was to be decided on another revision than there is by now.
    #[error("{}", unexpected(*expected, *found))]
    Unexpected {
        /// The revision expected.
        expected: Option<u64>,
        /// The one there is.
        found: Option<u64>,
    },
    /// Others wrote the aggregate each time it was decided on.
    #[error("the aggregate was written by others {attempts} times while this was decided on; send it again")]
    Contended {
        /// How often it was decided on.
        attempts: u32,
    },
    /// The aggregate has events that the fold has not heard of: what is decided without them may be wrong.
    #[error(
        "{events} events are of kinds that this program has not heard of, the first {name} at offset {offset}: \
             it is older than who wrote them"
    )]
    UnheardOf {
        /// How many.
        events: u64,
        /// The first one's name.
        name: String,
        /// The first one's offset.
        offset: i64,
    },
    /// The aggregate cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What the command says of itself cannot be written.
    #[error(transparent)]
    Cause(#[from] CauseError),
    /// An event cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The command has more events than one may.
    #[error("the command has {events} events, and one may have {max}")]
    TooMany {
        /// How many.
        events: usize,
        /// How many there may be.
        max: usize,
    },
    /// The log does not take the events.
    #[error("the events were not written: {0}")]
    Refused(String),
    /// The events may have been written: sent again, with the same id, the command is carried out once.
    #[error("the events may have been written or not: {0}; send the command again with the same id")]
    Unknown(String),
}

fn unexpected(expected: Option<u64>, found: Option<u64>) -> String {
    let told = |revision: Option<u64>| match revision {
        Some(revision) => format!("revision {revision}"),
        None => "no events".to_owned(),
    };
    format!(
        "the aggregate was expected to have {} and has {}",
        told(expected),
        told(found)
    )
}
