//! Load, decide, append: the writing side of an aggregate, over any [`EventLog`].
//!
//! A command is carried out once, however often it is sent: its events carry ids that follow from its own, and before
//! anything is decided they are looked for among the aggregate's. So a sender that does not know what became of a command
//! sends it again, and so does this: after a conflict, and after a failure that leaves open whether events were written, the
//! aggregate is read again. Invariant: of all appends that rest on one revision one is made, and of all sendings of one
//! command one has events. What is decided on is every event up to the head: where one cannot be read, is not accepted by
//! the fold, or is of a kind that it has not heard of, nothing is decided.

mod error;

use std::sync::Arc;

use annals_schema_model::{EventSet, Identify, Resolve, Seen};

use crate::at::AsOf;
use crate::cause::Cause;
use crate::decide::{Decide, Decision};
use crate::fold::{Fold, advance};
use crate::folding::{Unknown, UnknownEvent, open};
use crate::key::key_bytes;
use crate::log::{EventLog, NewEvent, Place, Stored, UnappendedError};
pub use error::{HandleError, LoadError};

/// How often a command is decided on, when nothing else is said.
const ATTEMPTS_MAX: u32 = 32;
/// Events one command may have: they are appended as one batch.
const EVENTS_MAX: usize = 10_000;

/// An aggregate as it was read: what [`Repository::load`] gives.
#[derive(Debug)]
pub struct Loaded<S> {
    /// Its state; nothing before its first event.
    pub state: Option<S>,
    /// Where it stands, and up to where it was read.
    pub place: Place,
    /// How many events are of kinds that the fold has not heard of.
    pub unknown_events: u64,
    /// The first of them.
    pub unknown: Vec<UnknownEvent>,
}

impl<S> Loaded<S> {
    /// The last event's place among the aggregate's, from 0; nothing where it has none.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.place.events.checked_sub(1)
    }
}

/// What a command did: what [`Repository::handle`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The revision of its last event; where it has none, that of the aggregate, if that has any.
    pub revision: Option<u64>,
    /// How many events it has.
    pub events: u64,
    /// The partition they are in.
    pub partition: u32,
    /// The offset of the first of them.
    pub offset: Option<i64>,
    /// It had been carried out before; nothing was written now.
    pub repeated: bool,
}

/// One aggregate type, to be loaded and changed.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use annals_event_store::{AsOf, Cause, EventStore, Repository, Source, typed};
/// use annals_schema_model::Timestamp;
/// use annals_segment_log::{LogConfig, LogDir, PartitionConfig};
///
/// # let place = tempfile::tempdir()?;
/// let now = Timestamp::from_millis(1_767_600_000_000);
/// let log = LogDir::open(place.path(), LogConfig::default(), now.as_millis())?;
/// let schemas = Arc::new(schemas());
/// let store = EventStore::new(schemas.clone());
/// let source = Source::open(&log, "accounts", 2, &PartitionConfig::default())?;
/// store.add_aggregate(Box::new(typed::<AccountFold>("accounts")), source)?;
///
/// let accounts: Repository<AccountFold, _> = Repository::new(store.log("account")?, schemas);
/// let open = Open { owner: "Ada".to_owned() };
/// accounts.handle("a-1", &open, &Cause::new("open-a-1", now).actor("ada"))?;
/// let done = accounts.handle("a-1", &Deposit { cents: 500 }, &Cause::new("d-1", now))?;
/// assert_eq!(done.revision, Some(1));
///
/// // Sent again, it is known.
/// let again = accounts.handle("a-1", &Deposit { cents: 500 }, &Cause::new("d-1", now))?;
/// assert!(again.repeated && again.revision == done.revision);
/// let account = accounts.load("a-1", &AsOf::Head)?.state.expect("it is open");
/// assert_eq!(account.balance, 500);
/// log.close()?;
/// # Ok(())
/// # }
/// ```
pub struct Repository<F, L> {
    log: L,
    resolve: Arc<dyn Resolve>,
    identify: Arc<dyn Identify>,
    attempts_max: u32,
    fold: std::marker::PhantomData<fn() -> F>,
}

impl<F: Fold, L: EventLog> Repository<F, L> {
    /// Over a log, with the registry that knows the schemas of its events.
    pub fn new<R: Resolve + Identify + 'static>(log: L, registry: Arc<R>) -> Repository<F, L> {
        Repository {
            log,
            resolve: Arc::clone(&registry) as Arc<dyn Resolve>,
            identify: registry,
            attempts_max: ATTEMPTS_MAX,
            fold: std::marker::PhantomData,
        }
    }

    /// How often a command is decided on at most, when others write the same aggregate: 32 when nothing is said.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts.max(1);
        self
    }

    /// The aggregate at a point, by its id.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::AsOf;
    ///
    /// let accounts = bank.accounts();
    /// let loaded = accounts.load("a-1", &AsOf::Revision(1))?;
    /// assert_eq!((loaded.revision(), loaded.state.map(|account| account.balance)), (Some(1), Some(500)));
    /// assert!(accounts.load("a-9", &AsOf::Head)?.state.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the log cannot be read, or one of the events cannot be, or the fold does not accept it.
    pub fn load(&self, id: &str, at: &AsOf) -> Result<Loaded<F::State>, LoadError> {
        self.read(id, at, &mut |_| {})
    }

    /// The aggregate, each event of which is shown on the way.
    fn read(
        &self,
        id: &str,
        at: &AsOf,
        show: &mut dyn FnMut(&Stored<'_>),
    ) -> Result<Loaded<F::State>, LoadError> {
        let mut folded = Folded::<F>::default();
        let place = self.log.read(&key_bytes(id), at, &mut |stored| {
            show(stored);
            folded.fold(stored, &*self.resolve);
        })?;
        if let Some((offset, reason)) = folded.stopped {
            return Err(LoadError::Stopped {
                aggregate: F::NAME,
                id: id.to_owned(),
                partition: place.partition,
                offset,
                reason,
            });
        }
        Ok(Loaded {
            state: folded.state,
            place,
            unknown_events: folded.unknown.events,
            unknown: folded.unknown.first,
        })
    }

    /// Carries a command out: loads the aggregate, decides, appends what happens, and begins again where somebody else was
    /// quicker.
    ///
    /// # Errors
    /// As [`HandleError`] says.
    pub fn handle<C>(&self, id: &str, command: &C, cause: &Cause) -> Result<Done, HandleError<F::Reject>>
    where
        F: Decide<C>,
    {
        let mut unknown = None;
        for _ in 0..self.attempts_max {
            let mut earlier = Earlier::of(cause);
            let loaded = self.read(id, &AsOf::Head, &mut |stored| earlier.look(stored))?;
            if let Some(done) = earlier.done(loaded.place.partition) {
                return Ok(done);
            }
            let place = loaded.place.clone();
            let events = self.decide(command, cause, loaded)?;
            match self.append(id, &place, &events, cause) {
                Ok(done) => return Ok(done),
                Err(HandleError::Contended { .. }) => unknown = None,
                Err(HandleError::Unknown(why)) => unknown = Some(why),
                Err(error) => return Err(error),
            }
        }
        Err(match unknown {
            Some(why) => HandleError::Unknown(why),
            None => HandleError::Contended {
                attempts: self.attempts_max,
            },
        })
    }

    fn decide<C>(
        &self,
        command: &C,
        cause: &Cause,
        loaded: Loaded<F::State>,
    ) -> Result<Vec<F::Event>, HandleError<F::Reject>>
    where
        F: Decide<C>,
    {
        let found = loaded.revision();
        if let Some(expected) = cause.expected().filter(|expected| *expected != found) {
            return Err(HandleError::Unexpected { expected, found });
        }
        if let Some(first) = loaded.unknown.into_iter().next() {
            return Err(HandleError::UnheardOf {
                events: loaded.unknown_events,
                name: first.event,
                offset: first.offset,
            });
        }
        // What cannot be written is said before the logic is asked.
        cause.headers(0)?;
        let place = loaded.place;
        let decision: Decision<'_, F> = Decision::on(cause, place.partition, loaded.state, place.events);
        let (events, _) = decision.run(command).map_err(HandleError::Rejected)?;
        match events.len() {
            count if count > EVENTS_MAX => Err(HandleError::TooMany {
                events: count,
                max: EVENTS_MAX,
            }),
            _ => Ok(events),
        }
    }

    fn append<R>(
        &self,
        id: &str,
        place: &Place,
        events: &[F::Event],
        cause: &Cause,
    ) -> Result<Done, HandleError<R>> {
        let count = events.len() as u64;
        let mut done = Done {
            revision: (place.events + count).checked_sub(1),
            events: count,
            partition: place.partition,
            offset: None,
            repeated: false,
        };
        if events.is_empty() {
            return Ok(done);
        }
        let new = |(number, event): (usize, &F::Event)| {
            Ok(NewEvent {
                value: event.to_record(&*self.identify)?,
                headers: cause.headers(number)?,
            })
        };
        let new: Result<Vec<NewEvent>, HandleError<R>> = events.iter().enumerate().map(new).collect();
        let appended = self.log.append(&key_bytes(id), place, &new?, cause.now());
        done.offset = Some(appended.map_err(|error| match error {
            UnappendedError::Conflict => HandleError::Contended { attempts: 1 },
            UnappendedError::Refused(why) => HandleError::Refused(why),
            UnappendedError::Unknown(why) => HandleError::Unknown(why),
        })?);
        Ok(done)
    }
}

/// What a command has done before.
struct Earlier<'c> {
    cause: &'c Cause,
    /// The id of the event that is looked for.
    next: String,
    /// Revision and offset of its first event, and how many there are.
    first: Option<(u64, i64)>,
    events: usize,
}

impl<'c> Earlier<'c> {
    fn of(cause: &'c Cause) -> Earlier<'c> {
        Earlier {
            cause,
            next: cause.event_id(0),
            first: None,
            events: 0,
        }
    }

    /// Its events stand behind each other, because they were appended together.
    fn look(&mut self, stored: &Stored<'_>) {
        if stored.at.event_id() == Some(&self.next) {
            self.first.get_or_insert((stored.at.revision, stored.at.offset));
            self.events += 1;
            self.next = self.cause.event_id(self.events);
        }
    }

    fn done(&self, partition: u32) -> Option<Done> {
        let (revision, offset) = self.first?;
        Some(Done {
            revision: Some(revision + self.events as u64 - 1),
            events: self.events as u64,
            partition,
            offset: Some(offset),
            repeated: true,
        })
    }
}

/// An aggregate on its way through its fold.
struct Folded<F: Fold> {
    state: Option<F::State>,
    unknown: Unknown,
    /// Where it stopped, and why.
    stopped: Option<(i64, String)>,
}

impl<F: Fold> Default for Folded<F> {
    fn default() -> Self {
        Folded {
            state: None,
            unknown: Unknown::default(),
            stopped: None,
        }
    }
}

impl<F: Fold> Folded<F> {
    fn fold(&mut self, stored: &Stored<'_>, resolve: &dyn Resolve) {
        if self.stopped.is_none()
            && let Err(reason) = self.step(stored, resolve)
        {
            self.stopped = Some((stored.at.offset, reason));
        }
    }

    /// Folds an event; the error is why the fold goes no further.
    fn step(&mut self, stored: &Stored<'_>, resolve: &dyn Resolve) -> Result<(), String> {
        let opened = open(&stored.at, stored.value?, resolve)?;
        let seen = F::Event::decode(&opened.raw(), resolve);
        match seen.map_err(|error| error.to_string())? {
            Seen::Known(event) => {
                let advanced = advance::<F>(&mut self.state, event, &stored.at);
                advanced.map_err(|halt| halt.to_string())?;
            }
            Seen::NotMine => {}
            Seen::UnknownKind => self.unknown.note(stored.at.offset, None, &opened),
        }
        Ok(())
    }
}
