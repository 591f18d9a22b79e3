//! Every answer at every cut against a model that knows nothing of logs, indexes or schemas.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::{AsOf, Cut, EventStore, Page, StoreError, canonical, declarative, typed};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Logs, Table};
use crate::till::{FILE, TOPIC, Till, TillFold, table};

/// An event, where it went and when.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    key: u8,
    event: Till,
    ms: i64,
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Step>> {
    let note = proptest::option::of("[a-zé]{0,5}");
    let event = prop_oneof![
        4 => (-5i64..5, 0i64..3, note).prop_map(|(cents, payer, note)| Till::Paid { cents, payer, note }),
        2 => (-5i64..5, 0i32..3).prop_map(|(cents, who)| Till::PaidOld { cents, who }),
        1 => "[a-z]{1,4}".prop_map(|owner| Till::Renamed { owner }),
        1 => Just(Till::Closed),
    ];
    let step = (0u8..6, event, 0i64..50).prop_map(|(key, event, ms)| Step { key, event, ms });
    proptest::collection::vec(step, 1..120)
}

/// The model: fold the till's events by hand, into JSON.
fn naive(events: &[(&Till, i64)]) -> Value {
    let mut state = Value::Null;
    let mut cents: i64 = 0;
    let money = |cents: i64| {
        format!(
            "{}{}.{:02}",
            if cents < 0 { "-" } else { "" },
            cents.abs() / 100,
            cents.abs() % 100
        )
    };
    for (event, recorded_ms) in events {
        let (paid, payer, note) = match event {
            Till::Opened { owner, opened_at } => {
                state = json!({
                    "owner": owner, "names": [owner], "opened_at": canonical::time_text(*opened_at),
                    "last_paid": null, "balance": "0.00", "payments": 0, "payers": [], "notes": [],
                    "actor": "ada", "status": "open",
                });
                continue;
            }
            Till::Renamed { owner } => {
                state["owner"] = json!(owner);
                state["names"].as_array_mut().unwrap().push(json!(owner));
                continue;
            }
            Till::Closed => {
                state["status"] = json!(if cents < 0 { "overdrawn" } else { "closed" });
                continue;
            }
            Till::Counted => continue,
            Till::Paid { cents, payer, note } => (*cents, *payer, note.clone()),
            Till::PaidOld { cents, who } => (*cents, i64::from(*who), None),
        };
        cents += paid;
        state["balance"] = json!(money(cents));
        state["payments"] = json!(state["payments"].as_u64().unwrap() + 1);
        state["last_paid"] = json!(canonical::time_text(*recorded_ms));
        state["notes"]
            .as_array_mut()
            .unwrap()
            .extend(note.map(Value::from));
        let payers = state["payers"].as_array_mut().unwrap();
        match payers.iter_mut().find(|one| one["payer"] == json!(payer)) {
            Some(one) => one["amount"] = json!(money(paid)),
            None => payers.push(json!({"payer": payer, "amount": money(paid)})),
        }
        payers.retain(|one| one["amount"] != "0.00");
    }
    state
}

/// The stream as it went into the log: an aggregate's first event opens it.
pub(crate) struct Stream {
    /// Per partition: key, event, time; the place is the offset.
    pub(crate) partitions: [Vec<(String, Till, i64)>; 2],
}

impl Stream {
    pub(crate) fn of(steps: &[Step]) -> Stream {
        let mut partitions = [Vec::new(), Vec::new()];
        let mut opened = std::collections::BTreeSet::new();
        for step in steps {
            let partition: &mut Vec<(String, Till, i64)> = &mut partitions[usize::from(step.key % 2)];
            let key = format!("till {}/{}", step.key, step.key);
            let event = match opened.insert(step.key) {
                true => Till::Opened {
                    owner: format!("o{}", step.key),
                    opened_at: step.ms,
                },
                false => step.event.clone(),
            };
            partition.push((key, event, step.ms));
        }
        Stream { partitions }
    }

    /// Each till's state at a cut.
    pub(crate) fn states(&self, cut: &Cut) -> BTreeMap<String, (Value, u64)> {
        let mut by_key: BTreeMap<String, Vec<(&Till, i64)>> = BTreeMap::new();
        for (partition, number) in self.partitions.iter().zip(0..) {
            for ((key, event, ms), offset) in partition.iter().zip(0i64..) {
                if offset <= cut.last(number) {
                    by_key.entry(key.clone()).or_default().push((event, *ms));
                }
            }
        }
        by_key
            .into_iter()
            .map(|(key, events)| (key, (canonical::sorted(naive(&events)), events.len() as u64 - 1)))
            .collect()
    }
}

/// A store with the typed fold and one with the file, over the same logs.
pub(crate) fn stores(stream: &Stream) -> (Logs, [EventStore; 2]) {
    stores_in(stream, None)
}

/// The same over segments of so many bytes.
pub(crate) fn stores_in(stream: &Stream, segment_bytes: Option<u64>) -> (Logs, [EventStore; 2]) {
    let logs = Logs::in_segments(TOPIC, 2, segment_bytes);
    let (logs, table) = written_to(logs, stream);
    let stores = stores_over(&logs, table);
    (logs, stores)
}

/// Stores that have read nothing yet of logs.
pub(crate) fn stores_over(logs: &Logs, table: Arc<Table>) -> [EventStore; 2] {
    let declarative = declarative::load(FILE, &*table).unwrap();
    let stores = [EventStore::new(table.clone()), EventStore::new(table)];
    stores[0]
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    stores[1]
        .add_aggregate(Box::new(declarative), logs.source())
        .unwrap();
    stores
}

/// The logs of a stream, and its schemas.
pub(crate) fn written(stream: &Stream) -> (Logs, Arc<Table>) {
    written_to(Logs::new(TOPIC, 2), stream)
}

fn written_to(logs: Logs, stream: &Stream) -> (Logs, Arc<Table>) {
    let (table, ids) = table();
    for (number, partition) in stream.partitions.iter().enumerate() {
        let writes: Vec<_> = partition
            .iter()
            .map(|(key, event, ms)| event.write(&ids, key, *ms))
            .collect();
        for batch in writes.chunks(7) {
            logs.append(number, batch);
        }
    }
    (logs, Arc::new(table))
}

fn check_cut(stream: &Stream, stores: &[EventStore; 2], at: &AsOf, cut: &Cut) -> Result<(), TestCaseError> {
    let expected = stream.states(cut);
    for store in stores {
        let mut listed = BTreeMap::new();
        let mut cursor = None;
        loop {
            let page = store.list("till", at, 2, cursor.as_deref()).unwrap();
            prop_assert_eq!(page.total, expected.len() as u64);
            listed.extend(
                page.items
                    .into_iter()
                    .map(|one| (one.id, (one.state, one.revision.unwrap()))),
            );
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        prop_assert_eq!(&listed, &expected);
        for key in (0..6).map(|key| format!("till {key}/{key}")) {
            match (store.reconstruct("till", &key, at), expected.get(&key)) {
                (Ok(answer), Some((state, revision))) => {
                    prop_assert_eq!(&answer.state, state);
                    prop_assert_eq!(answer.revision, Some(*revision));
                    prop_assert_eq!(answer.offsets_applied.count, revision + 1);
                    prop_assert!(answer.halted.is_none() && answer.unknown.is_empty());
                    let again = store
                        .reconstruct("till", &key, &AsOf::Cut(answer.cut.clone()))
                        .unwrap();
                    prop_assert_eq!(again.state, answer.state);
                }
                (Err(StoreError::NotYet { .. } | StoreError::UnknownId { .. }), None) => {}
                (got, expected) => prop_assert!(false, "{got:?}, expected {expected:?}"),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 20, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_stream(steps in events(), cuts in proptest::collection::vec((-1i64..70, -1i64..70), 3), time in -5i64..55) {
        let stream = Stream::of(&steps);
        let (_logs, stores) = stores(&stream);
        let ends = |number: u32| stream.partitions[number as usize].len() as i64 - 1;
        let head: Cut = [0, 1].into_iter().map(|number| (number, ends(number))).collect();
        check_cut(&stream, &stores, &AsOf::Head, &head)?;
        for (a, b) in cuts {
            let cut: Cut = [(0, a), (1, b)].into_iter().collect();
            check_cut(&stream, &stores, &AsOf::Cut(cut.clone()), &cut)?;
        }
        let at_time: Cut = [0u32, 1]
            .into_iter()
            .map(|number| {
                // Up to the first that is later, whatever comes behind it.
                let within = stream.partitions[number as usize].iter().take_while(|(_, _, ms)| *ms <= time);
                (number, within.count() as i64 - 1)
            })
            .collect();
        check_cut(&stream, &stores, &AsOf::Time(time), &at_time)?;
    }

    #[test]
    fn a_diff_leads_from_one_state_to_the_other(steps in events(), from in 0u64..20, to in 0u64..20) {
        let stream = Stream::of(&steps);
        let (_logs, [store, _]) = stores(&stream);
        let key = &stream.partitions.iter().flatten().next().unwrap().0;
        let last = store.reconstruct("till", key, &AsOf::Head).unwrap().revision.unwrap();
        let (from, to) = (AsOf::Revision(from.min(last)), AsOf::Revision(to.min(last)));
        let (before, after) = (store.reconstruct("till", key, &from).unwrap(), store.reconstruct("till", key, &to).unwrap());
        let diff = store.diff("till", key, &from, &to, Page::default()).unwrap();
        prop_assert_eq!(diff.changes.is_empty(), before.state == after.state);
        prop_assert_eq!(diff.total, diff.changes.len() as u64);
        for change in diff.changes {
            // A path counts in the state that has the value; what stands there in the other may be a neighbour.
            if change.before.is_some() {
                prop_assert_eq!(before.state.pointer(&change.path), change.before.as_ref(), "{}", change.path);
            }
            if change.after.is_some() {
                prop_assert_eq!(after.state.pointer(&change.path), change.after.as_ref(), "{}", change.path);
            }
            prop_assert_eq!(change.by.is_some(), before.revision < after.revision, "{}", change.path);
        }
    }
}
