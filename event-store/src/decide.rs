//! Deciding: from what an aggregate is and what is asked of it to the events that happen, or to a rejection.
//!
//! [`Decide`] is what a user implements beside [`Fold`], once for each type of command. Its logic emits events on a
//! [`Decision`], which applies each at once: what comes next sees the state that results, as auditors will.
//! Invariant: deciding is a function of the state, the command and its [`Cause`]; there is no clock, no log, no async. An
//! event that the aggregate's own fold does not accept is never recorded.

use annals_schema_model::Timestamp;

use crate::cause::{Cause, Headers};
use crate::fold::{At, Fold, Halt, advance};

/// Offset of an event that is not in a log yet.
const NOT_YET: i64 = -1;

/// What commands of type `C` do to the aggregate.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/events.in"));
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/fold.in"));
#[doc = include_str!("../tests/deciding/commands.in")]
///
/// # fn main() {
/// use annals_event_store::testing::Given;
///
/// let open = Open { owner: "Ada".to_owned() };
/// Given::<AccountFold>::nothing()
///     .when(&open)
///     .then([AccountEvent::Opened { owner: "Ada".to_owned() }])
///     .when(&open)
///     .then_rejected(&Rejected::Open);
/// Given::<AccountFold>::nothing().when(&Deposit { cents: 500 }).then_rejected(&Rejected::Missing);
/// # }
/// ```
pub trait Decide<C>: Fold<Event: Clone> {
    /// Why a command is not carried out. The fold's own refusal of an event is one of the reasons.
    type Reject: From<Halt>;

    /// Emits what happens. When it rejects, nothing happens, whatever it has emitted before.
    ///
    /// # Errors
    /// The command is not carried out.
    fn decide(command: &C, decision: &mut Decision<'_, Self>) -> Result<(), Self::Reject>
    where
        Self: Sized;
}

/// What happens, and the state with it.
pub(crate) type Decided<F> = (Vec<<F as Fold>::Event>, Option<<F as Fold>::State>);

/// An aggregate while a command is decided on: its state, with what was emitted so far.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() {
/// use annals_event_store::testing::Given;
/// use annals_event_store::{Cause, Decide, Decision};
/// use annals_schema_model::Timestamp;
///
/// /// Doubles what there is, once.
/// struct Double;
///
/// impl Decide<Double> for AccountFold {
///     type Reject = Rejected;
///
///     fn decide(_: &Double, account: &mut Decision<'_, AccountFold>) -> Result<(), Rejected> {
///         let cents = account.state().ok_or(Rejected::Missing)?.balance;
///         account.emit(AccountEvent::Deposited { cents })?;
///         // The fold has seen it, and who asks.
///         let state = account.state().map(|state| (state.balance, state.last_actor.as_deref()));
///         assert_eq!(state, Some((2 * cents, account.cause().sent_by())));
///         // Nothing but the command tells the time.
///         assert_eq!(account.now(), Timestamp::from_millis(1_767_600_000_000));
///         Ok(())
///     }
/// }
///
/// # let owner = "Ada".to_owned();
/// Given::<AccountFold>::events([AccountEvent::Opened { owner }, AccountEvent::Deposited { cents: 20 }])
///     .by(Cause::new("double-1", Timestamp::from_millis(1_767_600_000_000)).actor("jane"))
///     .when(&Double)
///     .then([AccountEvent::Deposited { cents: 20 }]);
/// Given::<AccountFold>::nothing().when(&Double).then_rejected(&Rejected::Missing);
/// # }
/// ```
pub struct Decision<'a, F: Fold> {
    cause: &'a Cause,
    partition: u32,
    state: Option<F::State>,
    /// How many events the aggregate had before.
    before: u64,
    emitted: Vec<F::Event>,
    halted: Option<Halt>,
}

impl<'a, F: Fold<Event: Clone>> Decision<'a, F> {
    /// A decision on a state that so many events made.
    pub(crate) fn on(cause: &'a Cause, partition: u32, state: Option<F::State>, before: u64) -> Self {
        Decision {
            cause,
            partition,
            state,
            before,
            emitted: Vec::new(),
            halted: None,
        }
    }

    /// Has a command decided on, and gives what was emitted, and the state with it.
    pub(crate) fn run<C>(mut self, command: &C) -> Result<Decided<F>, F::Reject>
    where
        F: Decide<C>,
    {
        F::decide(command, &mut self)?;
        match self.halted {
            Some(halt) => Err(halt.into()),
            None => Ok((self.emitted, self.state)),
        }
    }

    /// The state with all that was emitted so far; nothing before the first event.
    #[must_use]
    pub fn state(&self) -> Option<&F::State> {
        self.state.as_ref()
    }

    /// The present, as the command's sender says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.cause.now()
    }

    /// What the command's sender says of it.
    pub fn cause(&self) -> &Cause {
        self.cause
    }

    /// Lets an event happen. The state has it when this returns; the fold is told of it what is known before it is
    /// recorded: its revision, its headers, the present for its time, and for its offset -1.
    ///
    /// # Errors
    /// The fold does not accept the event. Then the command is not carried out, even where this is passed over.
    pub fn emit(&mut self, event: impl Into<F::Event>) -> Result<(), Halt> {
        if let Some(halt) = &self.halted {
            return Err(halt.clone());
        }
        let event = event.into();
        let headers = self.cause.headers(self.emitted.len());
        let applied = headers
            .map_err(|error| Halt::new(error.to_string()))
            .and_then(|headers| self.apply(event.clone(), &headers));
        match applied {
            Ok(()) => self.emitted.push(event),
            Err(halt) => {
                // It may be half changed.
                self.state = None;
                self.halted = Some(halt.clone());
                return Err(halt);
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: F::Event, headers: &Headers) -> Result<(), Halt> {
        let at = At {
            partition: self.partition,
            offset: NOT_YET,
            revision: self.before + self.emitted.len() as u64,
            recorded_ms: self.cause.now().as_millis(),
            headers,
        };
        advance::<F>(&mut self.state, event, &at)
    }
}
