//! What a fold is: a pure function of an aggregate's events, in the order of the log.
//!
//! `Fold` is the typed face a user implements, over the events of an [`EventSet`]; `AnyFold` is the object-safe face behind which typed and declarative folds look the same to an auditor.
//! Invariant: a fold sees the log and nothing else. There is no clock, no random number and no default state;
//! an aggregate without a first event has no state. A fold may keep states as bytes (`freeze`, `thaw`), and reads none but its own.

use std::any::Any;
use std::fmt;

#[cfg(feature = "questions")]
use annals_schema_model::cel::{Node, Shape};
use annals_schema_model::{DecodeError, EventSet, Raw, Resolve, SchemaId, Value, Writer};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::by_field::IdField;
use crate::canonical;
use crate::cause::{Headers, told_by_headers};
use crate::explain::{RuleUsed, Touch, ValueFrom};
use crate::folding::{ReaderUsed, SchemaUsed};
use crate::hex::hex;

/// Where an event sits in the log. All of it comes from the log, none of it from a clock.
///
/// ```
/// use annals_event_store::{At, Cause};
/// # let now = annals_schema_model::Timestamp::from_millis(0);
/// let headers = Cause::new("pay-1", now).actor("jane").headers(0)?;
/// let at = At { partition: 0, offset: 7, revision: 2, recorded_ms: 1_767_600_000_000, headers: &headers };
/// assert_eq!((at.actor(), at.event_id(), at.correlation()), (Some("jane"), Some("pay-1/0"), Some("pay-1")));
/// assert_eq!((at.recorded().to_string().as_str(), at.business_time()), ("2026-01-05T08:00:00.000Z", None));
/// # Ok::<(), annals_event_store::CauseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Partition of the topic.
    pub partition: u32,
    /// Offset in that partition.
    pub offset: i64,
    /// Place among the aggregate's own events, from 0.
    pub revision: u64,
    /// The record's own time, in milliseconds since the epoch. On a topic with `LogAppendTime` that is when the log took it,
    /// on another what its producer said, and may run backwards.
    pub recorded_ms: i64,
    /// The record's headers as they were sent.
    pub headers: &'a Headers,
}

told_by_headers!(At);

/// An event where it sits. [`AnyFold`] has an example.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The topic it was read from.
    pub topic: &'a str,
    /// Where it sits.
    pub at: At<'a>,
    /// The aggregate's id: the record's key, or what its field says that names the aggregate.
    pub key: &'a [u8],
    /// What was written.
    pub raw: Raw<'a>,
    /// What folding it costs beside the reading.
    pub spent: &'a Spent,
}

/// What folding an event costs beside reading it, in steps of expressions: who evaluates some adds them, and whoever asked for
/// the folding pays for them.
///
/// ```
/// let spent = annals_event_store::Spent::default();
/// spent.add(30);
/// spent.add(2);
/// assert_eq!(spent.steps(), 32);
/// ```
#[derive(Debug, Default)]
pub struct Spent(std::cell::Cell<u64>);

impl Spent {
    /// So many steps more.
    pub fn add(&self, steps: u64) {
        self.0.set(self.0.get().saturating_add(steps));
    }

    /// How many.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.get()
    }
}

/// A fold met an event it cannot accept; the reason is a sentence for the auditor.
///
/// ```
/// let halt = annals_event_store::Halt::new("an account begins by being opened");
/// assert_eq!(halt.to_string(), "an account begins by being opened");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Halt(pub String);

impl Halt {
    /// A halt with its reason.
    pub fn new(reason: impl Into<String>) -> Halt {
        Halt(reason.into())
    }
}

/// A typed fold: how one aggregate's state follows from its events.
///
/// Pure and synchronous. `State` serialises to the canonical form an auditor sees; use the modules of
/// [`crate::canonical`] for timestamps and decimals.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/events.in"));
#[doc = include_str!("../tests/deciding/fold.in")]
///
/// # fn main() {
/// use annals_event_store::testing::Given;
///
/// # let owner = "Ada".to_owned();
/// let history = [AccountEvent::Opened { owner }, AccountEvent::Deposited { cents: 500 }];
/// Given::<AccountFold>::events(history)
///     .then_state(serde_json::json!({"owner": "Ada", "balance": 500, "last_actor": null}));
/// # }
/// ```
pub trait Fold: Send + Sync + 'static {
    /// The aggregate's name, as it stands in routes and on the command line.
    const NAME: &'static str;
    /// Meaning version: raise it when the same events shall give another state.
    const REV: u32;
    /// The aggregate's state.
    type State: Serialize + Send + 'static;
    /// The events it folds.
    type Event: EventSet;

    /// The state after the first event.
    fn begin(event: Self::Event, at: &At<'_>) -> Result<Self::State, Halt>;
    /// The state after one more event. What an `Err` leaves of the state is thrown away: an auditor sees the one before.
    fn evolve(state: &mut Self::State, event: Self::Event, at: &At<'_>) -> Result<(), Halt>;
}

/// The state after one more event, which is the first where there is none yet.
pub(crate) fn advance<F: Fold>(
    state: &mut Option<F::State>,
    event: F::Event,
    at: &At<'_>,
) -> Result<(), Halt> {
    match state {
        Some(state) => F::evolve(state, event, at)?,
        None => *state = Some(F::begin(event, at)?),
    }
    Ok(())
}

/// The state of any fold after some event.
pub type AnyState = Box<dyn Any + Send>;

/// The state of any fold, empty before the first event: what [`AnyFold::step`] changes.
pub type Cell = Option<AnyState>;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The event was folded.
    Applied,
    /// The event is knowingly not this fold's.
    NotMine,
    /// The fold has not heard of this kind of event.
    UnknownKind,
}

/// Why a step was impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The fold does not accept the event.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The event cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The face every fold shows to the store.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use annals_event_store::{AnyFold, At, Recorded, Spent, Step, cause::NO_HEADERS, typed};
/// use annals_schema_model::Raw;
///
/// let fold = typed::<AccountFold>("accounts");
/// # let schemas = schemas();
/// let value = AccountEvent::Opened { owner: "Ada".to_owned() }.to_record(&schemas)?;
/// let at = At { partition: 0, offset: 0, revision: 0, recorded_ms: 0, headers: &NO_HEADERS };
/// let (raw, spent) = (Raw::from_value(&value)?, &Spent::default());
/// let event = Recorded { topic: "accounts", at, key: b"a-1", raw, spent };
///
/// let mut state = None;
/// assert_eq!(fold.step(&mut state, &event, &schemas)?, Step::Applied);
/// assert_eq!(fold.view(&state)?["owner"], "Ada");
/// # Ok(()) }
/// ```
pub trait AnyFold: Send + Sync {
    /// Name, revision and content of the fold.
    fn id(&self) -> &FoldId;
    /// The topic whose events it folds; the first of them, where these are several.
    fn topic(&self) -> &str;
    /// The topics whose events it folds. Of events in several that were recorded at the same time, those of the topic that is
    /// named first come first.
    fn topics(&self) -> Vec<&str> {
        vec![self.topic()]
    }
    /// The field of a topic's events that says which aggregate each is of; nothing where the record's key does.
    fn id_field(&self, topic: &str) -> Option<&IdField> {
        let _ = topic;
        None
    }
    /// What an event has in such a field, null where it has nothing there; `None` where the fold has no reader for the event, and it
    /// is read as it was written.
    ///
    /// # Errors
    /// The event cannot be read.
    fn id_value(
        &self,
        field: &IdField,
        raw: &Raw<'_>,
        resolve: &dyn Resolve,
    ) -> Result<Option<Value>, DecodeError> {
        let _ = (field, raw, resolve);
        Ok(None)
    }
    /// What [`AnyFold::id_value`] rests on besides the event and the field: where that is another text, ids are read anew.
    fn reads_ids_with(&self) -> String {
        String::new()
    }
    /// The topics as somebody is told of them: `orders`, `packages by order_id`.
    fn told_topics(&self) -> Vec<String> {
        let told = |topic: &str| match self.id_field(topic) {
            None => topic.to_owned(),
            Some(field) => format!("{topic} by {}", field.text()),
        };
        self.topics().into_iter().map(told).collect()
    }
    /// What each event is read with.
    fn readers(&self) -> Vec<ReaderUsed>;
    /// The kinds of events that the fold knows, taken or not; nothing where it cannot say them all.
    fn kinds(&self) -> Option<Vec<String>> {
        None
    }
    /// What the fold calls a schema that events are written with: by its id alone where it has no name for it. A
    /// registry has no part in it, so that an answer stays what it is whatever is deleted there.
    fn schema(&self, id: SchemaId) -> SchemaUsed {
        SchemaUsed::unnamed(id)
    }
    /// Folds one event. A fold that stops leaves `state` as it was, or takes it away; then it is made again from the
    /// events before. A state that is half the next one is never left behind.
    fn step(&self, state: &mut Cell, event: &Recorded<'_>, resolve: &dyn Resolve) -> Result<Step, Stop>;
    /// Folds one event as [`AnyFold::step`] does, and notes what each of its operations did, where it is made of such.
    fn step_noting(
        &self,
        state: &mut Cell,
        event: &Recorded<'_>,
        resolve: &dyn Resolve,
        touches: &mut Vec<Touch>,
    ) -> Result<Step, Stop> {
        let _ = touches;
        self.step(state, event, resolve)
    }
    /// How a field of an event (the event as a whole, where there are no steps) came from its writer to what the fold reads;
    /// nothing where the fold does not know. The event is named as answers name it.
    fn carried(&self, writer: &Writer, event: Option<&str>, field: &[String]) -> Option<ValueFrom> {
        let _ = (writer, event, field);
        None
    }
    /// The migration rule that made a field of an event of what was written; nothing where none did.
    fn migrated(&self, writer: &Writer, event: Option<&str>, field: &[String]) -> Option<RuleUsed> {
        let _ = (writer, event, field);
        None
    }
    /// The migration rules that events of a schema go through on their way to what the fold reads, in the order they run.
    fn rules_of(&self, schema: SchemaId, resolve: &dyn Resolve) -> Vec<RuleUsed> {
        let _ = (schema, resolve);
        Vec::new()
    }
    /// The names of the state's fields, in their order; none where the fold does not know them before there is a state.
    fn fields(&self) -> &[String] {
        &[]
    }
    /// The state as a value with the types of its fields, for conditions on it.
    fn value(&self, state: &Cell) -> Result<Value, Stop> {
        self.view(state).map(canonical::plain)
    }
    /// Whether a condition over `state` fits the types of its fields; everything does where the fold does not know them.
    ///
    /// # Errors
    /// What of it does not fit, in a sentence.
    #[cfg(feature = "questions")]
    fn condition_fits(&self, condition: &Node) -> Result<(), String> {
        let _ = condition;
        Ok(())
    }
    /// The type of what stands at a place of the state.
    ///
    /// # Errors
    /// Nothing can stand there.
    #[cfg(feature = "questions")]
    fn shape(&self, place: &[String]) -> Result<Shape, String> {
        let _ = place;
        Ok(Shape::Any)
    }
    /// The state as JSON (`null` before the first event). A double that is whole is one here, though its text is that of an integer.
    fn view(&self, state: &Cell) -> Result<serde_json::Value, Stop>;
    /// Adds the canonical text of what [`AnyFold::view`] shows to `out`. What was added before an error is of no use.
    fn show(&self, state: &Cell, out: &mut Vec<u8>) -> Result<(), Stop> {
        out.extend_from_slice(canonical::to_text(&self.view(state)?).as_bytes());
        Ok(())
    }
    /// Whether states of this fold can be kept as bytes and read back.
    fn keeps_snapshots(&self) -> bool {
        false
    }
    /// A state as bytes, from which [`AnyFold::thaw`] makes one that goes on in no other way; nothing where that cannot be.
    fn freeze(&self, _state: &AnyState) -> Option<Vec<u8>> {
        None
    }
    /// The state of these bytes; nothing where they are none of this fold's.
    fn thaw(&self, _bytes: &[u8]) -> Option<AnyState> {
        None
    }
}

/// Which fold made an answer. A fold whose content changed has another id, so nothing computed
/// by one fold can pass for another's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FoldId {
    /// The aggregate's name.
    pub name: String,
    /// Its meaning version.
    pub rev: u32,
    /// SHA-256 over name, revision, reader fingerprints and, for declarative folds, the reducer text and the readers'
    /// versions.
    pub digest: [u8; 32],
}

impl FoldId {
    /// Digests a fold's name, revision, readers and (for declarative folds) its canonical text.
    ///
    /// ```
    /// use annals_event_store::FoldId;
    /// let id = FoldId::new("account", 1, [("Opened", [1; 32])], "");
    /// assert_ne!(id, FoldId::new("account", 1, [("Opened", [2; 32])], ""), "another schema, another fold");
    /// assert_eq!(id.digest_hex().len(), 64);
    /// ```
    pub fn new<'a>(
        name: &str,
        rev: u32,
        readers: impl IntoIterator<Item = (&'a str, [u8; 32])>,
        text: &str,
    ) -> FoldId {
        let mut hash = Sha256::new();
        // Lengths go before texts, so that no two different folds feed the same bytes.
        let mut feed = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        feed(b"annals fold 1");
        feed(name.as_bytes());
        feed(&rev.to_be_bytes());
        for (event, fingerprint) in readers {
            feed(event.as_bytes());
            feed(&fingerprint);
        }
        feed(text.as_bytes());
        FoldId {
            name: name.to_owned(),
            rev,
            digest: hash.finalize().into(),
        }
    }

    /// Why a fold with this id stops that is handed a state it has not made.
    pub(crate) fn foreign_state(&self) -> Halt {
        Halt(format!("{self:?} was handed a state of another fold"))
    }

    /// The digest in lower-case hexadecimal.
    pub fn digest_hex(&self) -> String {
        hex(&self.digest)
    }
}

impl fmt::Debug for FoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rev {} {}", self.name, self.rev, self.digest_hex())
    }
}
