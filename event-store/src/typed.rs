//! A typed `Fold` behind the face of `AnyFold`.
//!
//! The digest covers name, revision and reader schemas, and the topics where there are several or a field says whose events are; the Rust code itself is not part of it, so a fold that
//! changes its meaning must raise its revision.

use std::marker::PhantomData;

use annals_schema_model::{EventSet, Resolve, Seen, Writer};
use serde::de::DeserializeOwned;

use crate::by_field::IdField;
use crate::canonical;
use crate::explain::ValueFrom;
use crate::fold::{AnyFold, AnyState, Cell, Fold, FoldId, Halt, Recorded, Step, Stop};
use crate::folding::ReaderUsed;

/// A typed fold over the events of a topic, or of several: what [`typed()`] makes.
pub struct Typed<F: Fold> {
    id: FoldId,
    topics: Vec<(String, Option<IdField>)>,
    frozen: Option<Frozen<F>>,
    fold: PhantomData<fn() -> F>,
}

/// How states are kept as bytes, where that was asked for.
struct Frozen<F: Fold> {
    freeze: fn(&F::State) -> Option<Vec<u8>>,
    thaw: fn(&[u8]) -> Option<F::State>,
}

/// Puts a typed fold behind [`AnyFold`], over the events of `topic`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
/// use annals_event_store::{AnyFold, AsOf, Source, typed};
/// # use annals_segment_log::PartitionConfig;
///
/// let fold = typed::<AccountFold>("accounts");
/// assert_eq!((&*fold.id().name, fold.id().rev, fold.topic()), ("account", 1, "accounts"));
/// # let source = Source::open(&bank.log, "accounts", 1, &PartitionConfig::default())?;
/// store.add_aggregate(Box::new(fold), source)?;
/// assert_eq!(store.list("account", &AsOf::Head, 100, None)?.total, 2);
/// # Ok(()) }
/// ```
pub fn typed<F: Fold>(topic: impl Into<String>) -> Typed<F> {
    Typed {
        id: id_over::<F>(""),
        topics: vec![(topic.into(), None)],
        frozen: None,
        fold: PhantomData,
    }
}

fn id_over<F: Fold>(topics: &str) -> FoldId {
    let readers = F::Event::READER.iter();
    let readers = readers.map(|(name, fingerprint)| (*name, *fingerprint));
    FoldId::new(F::NAME, F::REV, readers, topics)
}

impl<F: Fold> Typed<F> {
    /// A fold is another over other topics: their order is that of events recorded at the same time, and a field says whose they
    /// are. One topic's events by their keys are in one order, by whatever name it goes.
    fn over_its_topics(mut self) -> Typed<F> {
        self.id = match self.topics.as_slice() {
            [(_, None)] => id_over::<F>(""),
            _ => id_over::<F>(&self.told_topics().join("\n")),
        };
        self
    }

    /// The same over the events of one more topic, whose keys are the aggregates' ids, too, unless [`Typed::by`] says otherwise. Of events that were recorded at the same time
    /// those of the topic that was named first come first.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
    /// # fn main() {
    /// use annals_event_store::{AnyFold, typed};
    ///
    /// let fold = typed::<AccountFold>("accounts").and_topic("cards");
    /// assert_eq!(fold.topics(), ["accounts", "cards"]);
    /// # }
    /// ```
    #[must_use]
    pub fn and_topic(mut self, topic: impl Into<String>) -> Typed<F> {
        self.topics.push((topic.into(), None));
        self.over_its_topics()
    }

    /// The events of the topic that was named last belong to the aggregate whose id they have in a field, or in one within it
    /// such as `order.id`, by the names of the schema that each was written with.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
    /// # fn main() {
    /// use annals_event_store::{AnyFold, typed};
    ///
    /// let fold = typed::<AccountFold>("accounts").and_topic("cards").by("account.id");
    /// assert_eq!(fold.told_topics(), ["accounts", "cards by account.id"]);
    /// # }
    /// ```
    #[must_use]
    pub fn by(mut self, field: impl Into<String>) -> Typed<F> {
        if let Some((_, by)) = self.topics.last_mut() {
            *by = Some(IdField::new(field));
        }
        self.over_its_topics()
    }
}

impl<F: Fold> Typed<F>
where
    F::State: DeserializeOwned,
{
    /// Keeps states on the way through long histories, so that a question begins near the point it is about: as JSON, from
    /// which serde must read the state back whole. What it skips is not there when the folding goes on.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, EventLog, Headers, NewEvent, Source, typed};
    /// # use annals_segment_log::PartitionConfig;
    ///
    /// # let source = Source::open(&bank.log, "accounts", 1, &PartitionConfig::default())?;
    /// store.add_aggregate(Box::new(typed::<AccountFold>("accounts").with_snapshots()), source)?;
    /// # let log = store.log("account")?;
    /// # let behind = log.read(b"a-1", &AsOf::Head, &mut |_| ())?;
    /// # let value = AccountEvent::Deposited { cents: 1 }.to_record(&*bank.schemas)?;
    /// # let event = NewEvent { value, headers: Headers::default() };
    /// # log.append(b"a-1", &behind, &vec![event; 1_000], Timestamp::from_millis(NOW))?;
    ///
    /// // There are a thousand further events by now.
    /// let first = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// let second = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// assert_eq!((first.snapshot.is_some(), second.snapshot.is_some()), (false, true));
    /// assert_eq!(second.state, first.state);
    /// assert_eq!(store.snapshot_figures().used, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_snapshots(self) -> Typed<F> {
        let frozen = Frozen {
            freeze: |state| {
                let bytes = serde_json::to_vec(state).ok()?;
                // A number that JSON cannot say, or a type that does not read what it writes.
                let back: F::State = serde_json::from_slice(&bytes).ok()?;
                let is_same = serde_json::to_value(&back).ok()? == serde_json::to_value(state).ok()?;
                (is_same && canonical::has_form(state)).then_some(bytes)
            },
            thaw: |bytes| serde_json::from_slice(bytes).ok(),
        };
        Typed {
            frozen: Some(frozen),
            ..self
        }
    }
}

impl<F: Fold> Typed<F> {
    /// The state, if there is one.
    fn typed<'s>(&self, state: &'s Cell) -> Result<Option<&'s F::State>, Halt> {
        let typed = |some: &'s AnyState| some.downcast_ref().ok_or_else(|| self.id.foreign_state());
        state.as_ref().map(typed).transpose()
    }

    fn unshown(&self, error: &serde_json::Error) -> Stop {
        Halt(format!("the state of {:?} does not serialise: {error}", self.id)).into()
    }
}

impl<F: Fold> AnyFold for Typed<F> {
    fn id(&self) -> &FoldId {
        &self.id
    }

    fn topic(&self) -> &str {
        self.topics.first().map_or("", |(topic, _)| topic)
    }

    fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|(topic, _)| topic.as_str()).collect()
    }

    fn id_field(&self, topic: &str) -> Option<&IdField> {
        self.topics.iter().find(|(known, _)| known == topic)?.1.as_ref()
    }

    fn readers(&self) -> Vec<ReaderUsed> {
        let readers = F::Event::READER.iter();
        readers
            .map(|(event, _)| ReaderUsed {
                event: (*event).to_owned(),
                schema: None,
            })
            .collect()
    }

    fn step(&self, state: &mut Cell, recorded: &Recorded<'_>, resolve: &dyn Resolve) -> Result<Step, Stop> {
        // An event is large: it goes from here to the fold without being moved to another place first.
        match F::Event::decode(&recorded.raw, resolve) {
            Ok(Seen::Known(event)) if state.is_none() => {
                *state = Some(Box::new(F::begin(event, &recorded.at)?));
            }
            Ok(Seen::Known(event)) => {
                let typed = state.as_mut().and_then(|some| some.downcast_mut::<F::State>());
                let typed = typed.ok_or_else(|| self.id.foreign_state())?;
                if let Err(halt) = F::evolve(typed, event, &recorded.at) {
                    // It may be half changed.
                    *state = None;
                    return Err(halt.into());
                }
            }
            Ok(Seen::NotMine) => return Ok(Step::NotMine),
            Ok(Seen::UnknownKind) => return Ok(Step::UnknownKind),
            Err(error) => return Err(error.into()),
        }
        Ok(Step::Applied)
    }

    fn carried(&self, writer: &Writer, _: Option<&str>, _: &[String]) -> Option<ValueFrom> {
        let name = writer.schema.record_name()?;
        let (_, reader) = F::Event::READER.iter().find(|(event, _)| *event == name)?;
        (*reader != writer.fingerprint).then_some(ValueFrom::Upcast)
    }

    fn view(&self, state: &Cell) -> Result<serde_json::Value, Stop> {
        match self.typed(state)? {
            None => Ok(serde_json::Value::Null),
            Some(typed) => match serde_json::to_value(typed) {
                Ok(value) => Ok(canonical::sorted(value)),
                Err(error) => Err(self.unshown(&error)),
            },
        }
    }

    fn show(&self, state: &Cell, out: &mut Vec<u8>) -> Result<(), Stop> {
        canonical::write(&self.typed(state)?, out).map_err(|error| self.unshown(&error))
    }

    fn keeps_snapshots(&self) -> bool {
        self.frozen.is_some()
    }

    fn freeze(&self, state: &AnyState) -> Option<Vec<u8>> {
        (self.frozen.as_ref()?.freeze)(state.downcast_ref()?)
    }

    fn thaw(&self, bytes: &[u8]) -> Option<AnyState> {
        Some(Box::new((self.frozen.as_ref()?.thaw)(bytes)?))
    }
}
