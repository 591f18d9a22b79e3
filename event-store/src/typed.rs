//! A typed `Fold` behind the face of `AnyFold`.
//!
//! The digest covers name, revision and reader schemas; the Rust code itself is not part of it, so a fold that
//! changes its meaning must raise its revision.

use std::marker::PhantomData;

use annals_schema_model::{EventSet, Resolve, Seen};

use crate::canonical;
use crate::fold::{AnyFold, Cell, Fold, FoldId, Halt, Recorded, Step, Stop};
use crate::folding::ReaderUsed;

/// A typed fold over the events of one topic.
pub struct Typed<F> {
    id: FoldId,
    topic: String,
    fold: PhantomData<fn() -> F>,
}

/// Puts a typed fold behind [`AnyFold`], over the events of `topic`.
pub fn typed<F: Fold>(topic: impl Into<String>) -> Typed<F> {
    let readers = F::Event::READER
        .iter()
        .map(|(name, fingerprint)| (*name, *fingerprint));
    Typed {
        id: FoldId::new(F::NAME, F::REV, readers, ""),
        topic: topic.into(),
        fold: PhantomData,
    }
}

impl<F: Fold> AnyFold for Typed<F> {
    fn id(&self) -> &FoldId {
        &self.id
    }

    fn topic(&self) -> &str {
        &self.topic
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
        let event = match F::Event::decode(&recorded.raw, resolve)? {
            Seen::Known(event) => event,
            Seen::NotMine => return Ok(Step::NotMine),
            Seen::UnknownKind => return Ok(Step::UnknownKind),
        };
        match state {
            None => *state = Some(Box::new(F::begin(event, &recorded.at)?)),
            Some(some) => match some.downcast_mut::<F::State>() {
                Some(typed) => {
                    if let Err(halt) = F::evolve(typed, event, &recorded.at) {
                        // It may be half changed.
                        *state = None;
                        return Err(halt.into());
                    }
                }
                None => return Err(self.id.foreign_state().into()),
            },
        }
        Ok(Step::Applied)
    }

    fn view(&self, state: &Cell) -> Result<serde_json::Value, Stop> {
        let Some(some) = state else {
            return Ok(serde_json::Value::Null);
        };
        let typed = some
            .downcast_ref::<F::State>()
            .ok_or_else(|| self.id.foreign_state())?;
        let value = serde_json::to_value(typed)
            .map_err(|error| Halt(format!("the state of {:?} does not serialise: {error}", self.id)))?;
        Ok(canonical::sorted(value))
    }
}
