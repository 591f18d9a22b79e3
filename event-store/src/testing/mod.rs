//! Tests of folds and decisions: given, when, then; golden states; laws that every fold keeps.
//!
//! Everything here is for tests, and what does not hold panics, saying what was expected and what came instead. No log is
//! involved: events go through the fold as they are. Left out: strategies for random events; who has proptest has them.

mod golden;
mod laws;

use std::fmt::Debug;

use annals_schema_model::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::canonical;
use crate::cause::Cause;
use crate::decide::{Decide, Decided, Decision};
use crate::fold::{At, Fold, Halt, advance};

pub use golden::{GoldenError, golden};
pub use laws::{keeps_laws, keeps_snapshots};

/// An aggregate to which something has happened.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() {
/// use annals_event_store::testing::Given;
///
/// let opened = AccountEvent::Opened { owner: "Ada".to_owned() };
/// Given::<AccountFold>::events([opened.clone()])
///     .when(&Deposit { cents: 500 })
///     .then([AccountEvent::Deposited { cents: 500 }])
///     .then_state(serde_json::json!({"owner": "Ada", "balance": 500, "last_actor": null}));
///
/// Given::<AccountFold>::events([opened])
///     .when(&Open { owner: "Bob".to_owned() })
///     .then_rejected(&Rejected::Open);
/// # }
/// ```
pub struct Given<F: Fold> {
    state: Option<F::State>,
    events: u64,
    cause: Cause,
}

impl<F: Fold> Given<F> {
    /// An aggregate without events.
    pub fn nothing() -> Given<F> {
        Given {
            state: None,
            events: 0,
            cause: Cause::new("given", Timestamp::from_millis(0)),
        }
    }

    /// An aggregate with these events.
    ///
    /// # Panics
    /// When the fold does not accept one.
    #[track_caller]
    pub fn events(events: impl IntoIterator<Item = F::Event>) -> Given<F> {
        Given::nothing().and(events)
    }

    /// Who and what causes what comes next, and when: nobody, and 1970, when nothing is said.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
    /// # fn main() {
    /// use annals_event_store::{Cause, testing::Given};
    /// # let now = annals_schema_model::Timestamp::from_millis(0);
    ///
    /// let account = Given::<AccountFold>::nothing()
    ///     .by(Cause::new("open-1", now).actor("jane"))
    ///     .when(&Open { owner: "Ada".to_owned() })
    ///     .then_done();
    /// assert_eq!(account.state().and_then(|state| state.last_actor.as_deref()), Some("jane"));
    /// assert_eq!(account.view()["owner"], "Ada");
    /// # }
    /// ```
    pub fn by(mut self, cause: Cause) -> Given<F> {
        self.cause = cause;
        self
    }

    /// The aggregate with these events too.
    ///
    /// # Panics
    /// When the fold does not accept one.
    #[track_caller]
    pub fn and(mut self, events: impl IntoIterator<Item = F::Event>) -> Given<F> {
        for event in events {
            let number = self.events;
            if let Err(halt) = self.fold(event) {
                panic!("the fold {} does not accept event {number}: {halt}", F::NAME);
            }
        }
        self
    }

    fn fold(&mut self, event: F::Event) -> Result<(), Halt> {
        let headers = self.cause.headers(0);
        let headers = headers.map_err(|error| Halt::new(error.to_string()))?;
        let at = At {
            partition: 0,
            offset: self.events.cast_signed(),
            revision: self.events,
            recorded_ms: self.cause.now().as_millis(),
            headers: &headers,
        };
        advance::<F>(&mut self.state, event, &at)?;
        self.events += 1;
        Ok(())
    }

    /// The same after its state was kept as a snapshot and read back.
    #[track_caller]
    fn thawed(self) -> Given<F>
    where
        F::State: DeserializeOwned,
    {
        let thaw = |state: &F::State| serde_json::from_slice(&serde_json::to_vec(state)?);
        match self.state.as_ref().map(thaw).transpose() {
            Ok(state) => Given { state, ..self },
            Err(error) => panic!("a snapshot of fold {} is not read back: {error}", F::NAME),
        }
    }

    /// The state; nothing before the first event.
    #[must_use]
    pub fn state(&self) -> Option<&F::State> {
        self.state.as_ref()
    }

    /// The state as auditors see it: canonical JSON, null before the first event.
    ///
    /// # Panics
    /// When the state does not serialise.
    #[must_use]
    #[track_caller]
    pub fn view(&self) -> Value {
        match serde_json::to_value(&self.state) {
            Ok(value) => canonical::as_read(canonical::sorted(value)),
            Err(error) => panic!("the state of fold {} does not serialise: {error}", F::NAME),
        }
    }

    /// The state is this, as auditors see it.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn then_state(self, expected: Value) -> Given<F> {
        let expected = canonical::as_read(canonical::sorted(expected));
        same("the state", &self.view(), &expected);
        self
    }

    /// The fold does not accept this event; the reason contains a text.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
    /// # fn main() {
    /// use annals_event_store::testing::Given;
    ///
    /// let opened = || AccountEvent::Opened { owner: "Ada".to_owned() };
    /// Given::<AccountFold>::nothing().and([opened()]).then_halts(opened(), "open already");
    /// # }
    /// ```
    ///
    /// # Panics
    /// When it does, or for another reason.
    #[track_caller]
    pub fn then_halts(mut self, event: F::Event, reason: &str) {
        match self.fold(event) {
            Ok(()) => panic!(
                "the fold {} accepts the event, and was to halt: {reason}",
                F::NAME
            ),
            Err(halt) => assert!(
                halt.0.contains(reason),
                "the fold halts for another reason: {halt}"
            ),
        }
    }

    /// Asks something of the aggregate.
    pub fn when<C>(self, command: &C) -> Outcome<F, F::Reject>
    where
        F: Decide<C>,
    {
        let decision: Decision<'_, F> = Decision::on(&self.cause, 0, self.state, self.events);
        Outcome {
            decided: decision.run(command),
            before: self.events,
            cause: self.cause,
        }
    }
}

/// What came of a command: what [`Given::when`] gives.
#[must_use]
pub struct Outcome<F: Fold, R> {
    decided: Result<Decided<F>, R>,
    before: u64,
    cause: Cause,
}

impl<F: Fold<Event: Debug + PartialEq>, R: Debug> Outcome<F, R> {
    /// These events happen, and no others. What comes next goes on with them.
    ///
    /// # Panics
    /// When others happen, or the command is rejected.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = F::Event>) -> Given<F> {
        let (events, given) = self.carried_out();
        let expected: Vec<F::Event> = expected.into_iter().collect();
        same("what happens", &events, &expected);
        given
    }

    /// It is carried out, whatever happens. What comes next goes on with that.
    ///
    /// # Panics
    /// When the command is rejected.
    #[track_caller]
    pub fn then_done(self) -> Given<F> {
        self.carried_out().1
    }

    #[track_caller]
    fn carried_out(self) -> (Vec<F::Event>, Given<F>) {
        match self.decided {
            Ok((events, state)) => {
                let given = Given {
                    state,
                    events: self.before + events.len() as u64,
                    cause: self.cause,
                };
                (events, given)
            }
            Err(reject) => panic!("the command is rejected: {reject:?}"),
        }
    }

    /// Nothing happens: the command is rejected, for this reason.
    ///
    /// # Panics
    /// When it is carried out, or rejected for another reason.
    #[track_caller]
    pub fn then_rejected(self, expected: &R)
    where
        R: PartialEq,
    {
        match self.decided {
            Ok((events, _)) => panic!("the command is carried out, and was to be rejected: {events:#?}"),
            Err(reject) => same("the rejection", &reject, expected),
        }
    }
}

#[track_caller]
fn same<T: Debug + PartialEq>(what: &str, found: &T, expected: &T) {
    assert!(
        found == expected,
        "{what} is not what was expected:\n{found:#?}\nexpected was\n{expected:#?}"
    );
}
