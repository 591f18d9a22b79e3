//! Which event touched a place of the state last: the place itself, something in it, or something around it.
//!
//! Places are JSON pointers. A place is noted together with all places around it, so that looking one up takes as many
//! steps as it is deep, however many there are.

use rustc_hash::FxHashMap;

/// Events in the order they happened, and the places they touched.
#[derive(Default)]
pub(crate) struct Touched(FxHashMap<String, Last>);

/// The last event that touched a place.
#[derive(Clone, Copy, Default)]
struct Last {
    /// The place as a whole.
    itself: Option<usize>,
    /// The place as a whole, or something in it.
    within: Option<usize>,
}

impl Touched {
    /// How many places are held.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that an event, by its number, touched a place. Events are noted in order.
    pub(crate) fn note(&mut self, path: &str, event: usize) {
        self.entry(path).itself = Some(event);
        for place in ways_up(path) {
            let last = self.entry(place);
            if last.within == Some(event) {
                return;
            }
            last.within = Some(event);
        }
    }

    fn entry(&mut self, place: &str) -> &mut Last {
        self.0.entry(place.to_owned()).or_default()
    }

    /// The last event that touched a place. An element of a list may have stood elsewhere when it was touched; then the
    /// list as a whole tells.
    pub(crate) fn last(&self, path: &str) -> Option<usize> {
        ways_up(path).find_map(|place| {
            let within = self.0.get(place).and_then(|last| last.within);
            let around = ways_up(place)
                .filter_map(|around| self.0.get(around)?.itself)
                .max();
            within.max(around)
        })
    }
}

/// A place and the places around it, from the inside out; the last is the whole state.
fn ways_up(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |place| Some(place.rsplit_once('/')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether one path is the other or leads to it.
    fn on_one_way(a: &str, b: &str) -> bool {
        let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// As it is meant, place by place.
    fn slowly(touched: &[Vec<String>], path: &str) -> Option<usize> {
        ways_up(path).find_map(|place| {
            touched
                .iter()
                .rposition(|paths| paths.iter().any(|touched| on_one_way(touched, place)))
        })
    }

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec("[ab]{1,2}", 0..4)
            .prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect())
    }

    proptest! {
        #[test]
        fn the_last_event_is_found(
            events in proptest::collection::vec(proptest::collection::vec(path(), 0..4), 0..6),
            asked in path(),
        ) {
            let mut touched = Touched::default();
            for (event, paths) in events.iter().enumerate() {
                paths.iter().for_each(|path| touched.note(path, event));
            }
            prop_assert_eq!(touched.last(&asked), slowly(&events, &asked));
        }
    }
}
