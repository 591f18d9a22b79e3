//! What holds of every fold, tried on a history.

use annals_schema_model::{EventSet, Identify, Raw, Resolve, Seen};
use serde::de::DeserializeOwned;

use crate::fold::Fold;
use crate::testing::Given;

/// Tries on a history what a fold promises: that it is a function of its events. Folded again from the first event up to
/// any other, they give the state that they gave on the way; and so they do after they were written and read back. Random
/// histories show more than chosen ones: give this to a property test.
///
/// What it finds are folds that look at a clock, at chance or at what an earlier fold left behind, states that show a hash
/// map's order, and events that lose something when they are written.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() {
/// use annals_event_store::testing::keeps_laws;
///
/// let history = [
///     AccountEvent::Opened { owner: "Ada".to_owned() },
///     AccountEvent::Deposited { cents: 500 },
///     AccountEvent::Withdrawn { cents: 20 },
/// ];
/// keeps_laws::<AccountFold, _>(&history, &schemas());
/// # }
/// ```
///
/// # Panics
/// When one does not hold, or the fold does not accept one of the events.
#[track_caller]
pub fn keeps_laws<F, R>(history: &[F::Event], registry: &R)
where
    F: Fold<Event: Clone>,
    R: Resolve + Identify,
{
    let mut going = Given::<F>::nothing();
    for (number, event) in history.iter().enumerate() {
        going = going.and([event.clone()]);
        let on_the_way = going.view();
        let parts = Given::<F>::events(history[..=number].iter().cloned());
        assert!(
            parts.view() == on_the_way,
            "folded again, the events up to {number} give another state:\n{:#}\nand at first\n{on_the_way:#}",
            parts.view()
        );
    }
    let read: Vec<F::Event> = history
        .iter()
        .enumerate()
        .map(|(number, event)| read_back(number, event, registry))
        .collect();
    let read = Given::<F>::events(read).view();
    assert!(
        read == going.view(),
        "written and read back, the events give another state:\n{read:#}\nand before\n{:#}",
        going.view()
    );
}

/// Tries on a history that a fold goes on from each of its snapshots ([`Typed::with_snapshots`](crate::Typed::with_snapshots))
/// as it would have without: nothing of its state is lost on the way through JSON and back.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() {
/// use annals_event_store::testing::keeps_snapshots;
///
/// keeps_snapshots::<AccountFold>(&[
///     AccountEvent::Opened { owner: "Ada".to_owned() },
///     AccountEvent::Deposited { cents: 500 },
///     AccountEvent::Withdrawn { cents: 20 },
/// ]);
/// # }
/// ```
///
/// # Panics
/// When one gives another state in the end, or cannot be read back, or the fold does not accept one of the events.
#[track_caller]
pub fn keeps_snapshots<F>(history: &[F::Event])
where
    F: Fold<Event: Clone, State: DeserializeOwned>,
{
    let whole = Given::<F>::events(history.iter().cloned()).view();
    for number in 1..history.len() {
        let (before, after) = history.split_at(number);
        let thawed = Given::<F>::events(before.iter().cloned()).thawed();
        let state = thawed.and(after.iter().cloned()).view();
        assert!(
            state == whole,
            "the fold {} goes on in another way from the snapshot of {number} events:\n{state:#}\nand without\n{whole:#}",
            F::NAME
        );
    }
}

#[track_caller]
fn read_back<E: EventSet, R: Resolve + Identify>(number: usize, event: &E, registry: &R) -> E {
    let value = match event.to_record(registry) {
        Ok(value) => value,
        Err(error) => panic!("event {number} cannot be written: {error}"),
    };
    let seen = Raw::from_value(&value).and_then(|raw| E::decode(&raw, registry));
    match seen {
        Ok(Seen::Known(event)) => event,
        Ok(_) => panic!("event {number} is not known when it is read back"),
        Err(error) => panic!("event {number} cannot be read back: {error}"),
    }
}
