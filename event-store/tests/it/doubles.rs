//! Doubles in states: their texts are RFC 8785's wherever a state is told, and the states themselves stay what they are,
//! whether they were kept as snapshots on the way or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::testing::golden;
use annals_event_store::{
    AnyFold, AnyState, AsOf, At, EventStore, Fold, Format, Halt, Question, canonical, declarative, http,
    typed,
};
use annals_schema_model::avro::Reading;
use annals_schema_model::{
    DecodeError, EncodeError, EventSet, Raw, Resolve, SchemaId, SchemaType, SchemaVersion, Seen, Value,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::http::get;
use crate::support::{Logs, Table};

const TOPIC: &str = "meters";
const MEASURED: &str = r#"{"type": "record", "name": "m.Measured", "fields": [
    {"name": "rate", "type": "double"}, {"name": "more", "type": {"type": "map", "values": "double"}}]}"#;

/// A fold that divides what it had before, and says what type that is of.
const FILE: &str = "
name: meter
rev: 1
topic: meters
events:
  m.Measured:
    begin:
      - set: { rate: event.rate, half: event.rate / 2.0, kind: type(event.rate), more: event.more }
    on:
      - set: { half: state.rate / 2.0, kind: type(state.rate) }
      - set: { rate: event.rate, more: event.more }
";

#[derive(Clone, Debug)]
struct Measured {
    rate: f64,
    more: BTreeMap<String, f64>,
}

impl EventSet for Measured {
    const READER: &'static [(&'static str, [u8; 32])] = &[("m.Measured", [1; 32])];

    fn decode(raw: &Raw<'_>, resolve: &dyn Resolve) -> Result<Seen<Measured>, DecodeError> {
        let event = Reading::of(match &raw.writer(resolve)?.schema {
            annals_schema_model::Schema::Avro(schema) => schema,
            _ => return Ok(Seen::UnknownKind),
        });
        let event = event
            .read(raw.body)
            .map_err(|error| DecodeError::Payload(error.to_string()))?;
        let double = |value: &Value| match value {
            Value::Float(value) => *value,
            other => panic!("{other:?} is no double"),
        };
        let Some(Value::Map(more)) = event.get("more") else {
            panic!("{event:?} has no map")
        };
        Ok(Seen::Known(Measured {
            rate: double(event.get("rate").unwrap()),
            more: more
                .iter()
                .map(|(name, value)| (name.to_string(), double(value)))
                .collect(),
        }))
    }

    fn encode(&self) -> Result<(&'static str, Vec<u8>), EncodeError> {
        unimplemented!("these tests write in JSON")
    }

    fn schema(&self) -> &'static SchemaVersion {
        unimplemented!("these tests write in JSON")
    }
}

#[derive(Serialize, Deserialize)]
struct Meter {
    rate: f64,
    half: Option<f64>,
    kind: String,
    more: BTreeMap<String, f64>,
}

struct MeterFold;

impl Fold for MeterFold {
    const NAME: &'static str = "meter";
    const REV: u32 = 1;
    type State = Meter;
    type Event = Measured;

    fn begin(Measured { rate, more }: Measured, _: &At<'_>) -> Result<Meter, Halt> {
        Ok(Meter {
            rate,
            half: Some(rate / 2.0),
            kind: "double".to_owned(),
            more,
        })
    }

    fn evolve(state: &mut Meter, Measured { rate, more }: Measured, _: &At<'_>) -> Result<(), Halt> {
        state.half = Some(state.rate / 2.0);
        (state.rate, state.more) = (rate, more);
        Ok(())
    }
}

fn table() -> (Table, SchemaId) {
    let mut table = Table::default();
    let id = table.register(SchemaType::Avro, TOPIC, MEASURED);
    (table, id)
}

fn store(logs: &Logs, is_declared: bool) -> EventStore {
    let table = Arc::new(table().0);
    let fold: Box<dyn AnyFold> = match is_declared {
        true => Box::new(declarative::load(FILE, &*table).unwrap()),
        false => Box::new(typed::<MeterFold>(TOPIC).with_snapshots()),
    };
    let store = EventStore::new(table);
    store.add_aggregate(fold, logs.source()).unwrap();
    store
}

/// A log in which one meter has measured these.
fn measured(events: &[Measured]) -> Logs {
    let (logs, (table, id)) = (Logs::new(TOPIC, 1), table());
    let writes = events.iter().zip(0..).map(|(event, ms)| {
        let event = json!({"rate": event.rate, "more": event.more});
        table.written(id, ("a", ms), &event)
    });
    for batch in writes.collect::<Vec<_>>().chunks(50) {
        logs.append(0, batch);
    }
    logs
}

fn finite() -> impl Strategy<Value = f64> {
    let any = any::<u64>().prop_map(f64::from_bits);
    prop_oneof![
        any.prop_filter("a number", |value| value.is_finite()),
        (-9i32..9).prop_map(f64::from),
        prop_oneof![
            Just(-0.0),
            Just(1e16),
            Just(1e21),
            Just(1e-7),
            Just(5e-324),
            Just(f64::MAX)
        ],
    ]
}

fn event() -> impl Strategy<Value = Measured> {
    let more = proptest::collection::btree_map("[a\u{e000}\u{ffff}\u{10000}]{0,3}", finite(), 0..4);
    (finite(), more).prop_map(|(rate, more)| Measured { rate, more })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16, ..ProptestConfig::default() })]

    #[test]
    fn a_state_goes_on_from_a_snapshot_with_the_same_doubles(
        events in proptest::collection::vec(event(), 90..160),
        asked in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let logs = measured(&events);
        for is_declared in [false, true] {
            let store = store(&logs, is_declared);
            for at in asked.iter().map(|asked| asked.index(events.len())).chain([events.len() - 1]) {
                let at = AsOf::Revision(at as u64);
                // The second time there is a snapshot to begin with.
                let [first, again, without] = [&store, &store, &store.without_snapshots()].map(|store| {
                    let answer = store.reconstruct("meter", "a", &at).unwrap();
                    let text = canonical::to_text(&answer.state);
                    (answer.state, text)
                });
                prop_assert_eq!(&first, &without);
                prop_assert_eq!(&again, &without);
                let AsOf::Revision(revision) = at else { unreachable!() };
                let [before, last] = [revision.saturating_sub(1), revision].map(|at| &events[at as usize]);
                let state = Meter {
                    rate: last.rate,
                    half: Some(before.rate / 2.0),
                    kind: "double".to_owned(),
                    more: last.more.clone(),
                };
                let tree = serde_json::to_value(state).unwrap();
                prop_assert_eq!(canonical::to_text(&tree), without.1);
            }
            prop_assert!(store.snapshot_figures().used > 0);
            prop_assert_eq!(store.snapshot_figures().wrong, 0);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Wherever a state is told, it is the same bytes; and those are what a golden file has the hash of.
#[test]
fn a_state_is_the_same_bytes_wherever_it_is_told() {
    let more = [("\u{e000}", 1e16), ("\u{10000}", -0.0), ("a", 0.00001), ("", 0.1)];
    let more: BTreeMap<String, f64> = more.map(|(name, value)| (name.to_owned(), value)).into();
    let events = [
        Measured {
            rate: 1.0,
            more: BTreeMap::new(),
        },
        Measured { rate: 1e21, more },
    ];
    let text = "{\"half\":0.5,\"kind\":\"double\",\"more\":{\"\":0.1,\"a\":0.00001,\"\u{10000}\":0,\
                \"\u{e000}\":10000000000000000},\"rate\":1e+21}";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meter.json");
    golden::<MeterFold, _>(&path, true, [("two", events.to_vec())]).unwrap();
    let kept: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(kept["states"]["two"], hex(&Sha256::digest(text)));

    let logs = measured(&events);
    for is_declared in [false, true] {
        let store = Arc::new(store(&logs, is_declared));
        let (router, _) = http::routes(Arc::new(|| 10_000), http::Answers::default()).split_for_parts();
        let router: axum::Router = router.with_state(Arc::clone(&store));
        let check = |path: &str, wanted: &str| {
            let (_, _, told) = get(&router, path);
            assert!(told.contains(wanted), "{path}: {told} has no {wanted}");
        };
        let state = format!("\"state\":{text},");
        check("/v1/aggregates/meter/a", &state);
        check("/v1/aggregates/meter", &state);
        check("/v1/aggregates/meter?where=state.rate%20%3E%202.0", &state);
        check("/v1/aggregates/meter?format=ndjson", &state);
        check(
            "/v1/aggregates/meter?format=csv&select=rate,half,more",
            ",1e+21,0.5,\"{\"\"\"\":0.1,\"\"a\"\":0.00001,\"\"\u{10000}\"\":0,\"\"\u{e000}\"\":10000000000000000}\"\r\n",
        );
        check(
            "/v1/aggregates/meter?select=rate,more",
            "{\"more\":{\"\":0.1,\"a\":0.00001,\"\u{10000}\":0,\"\u{e000}\":10000000000000000},\"rate\":1e+21}",
        );
        check(
            "/v1/aggregates/meter/a/diff?from=revision:0",
            "{\"path\":\"/rate\",\"kind\":\"changed\",\"before\":1,\"after\":1e+21,",
        );
        check(
            "/v1/diff/meter?from=0%3D0",
            "{\"path\":\"/rate\",\"kind\":\"changed\",\"before\":1,\"after\":1e+21}",
        );
        check(
            "/v1/changes/meter?field=rate&format=ndjson",
            "{\"path\":\"/rate\",\"kind\":\"changed\",\"before\":1,\"after\":1e+21}",
        );
        check(
            "/v1/aggregates/meter/a/history",
            "\"data\":{\"more\":{},\"rate\":1}",
        );
        check(
            "/v1/aggregates/meter/a/history",
            "\"data\":{\"more\":{\"\":0.1,\"a\":0.00001,\"\u{10000}\":0,\"\u{e000}\":10000000000000000},\"rate\":1e+21}",
        );
        // What somebody reads of it is what the store has.
        let answer = store.reconstruct("meter", "a", &AsOf::Head).unwrap();
        let read: Json = serde_json::from_str(&get(&router, "/v1/aggregates/meter/a").2).unwrap();
        assert_eq!(read["state"], answer.state);
        assert_eq!(canonical::to_text(&read["state"]), text);
    }
}

/// A double that is shown as an integer is none to a condition.
#[test]
fn conditions_are_over_doubles() {
    let logs = measured(&[Measured {
        rate: 1.0,
        more: BTreeMap::new(),
    }]);
    for is_declared in [false, true] {
        let store = store(&logs, is_declared);
        let check = |condition: &str, wanted: u64| {
            let question = Question {
                condition: Some(condition.to_owned()),
                count: true,
                ..Question::default()
            };
            let found = store.ask("meter", &AsOf::Head, &question, 10, None).unwrap();
            assert_eq!(found.matched, Some(wanted), "{condition}");
        };
        check("type(state.rate) == 'double'", 1);
        check("state.rate / 2.0 == 0.5", 1);
        check("state.half / 2.0 == 0.25 && state.half < 1.0", 1);
        check("type(state.rate) == 'int'", 0);
        let mut rows = Vec::new();
        let all = store.rows("meter", &AsOf::Head, &Question::default()).unwrap();
        Format::NdJson.write(all, None, &mut rows).unwrap();
        let rows = String::from_utf8(rows).unwrap();
        assert!(rows.contains("\"rate\":1}"), "{rows}");
    }
}

/// What JSON has no number for is shown as null, and would be read back as nothing: such a state is not kept.
#[test]
fn a_state_that_json_cannot_say_is_no_snapshot() {
    let fold = typed::<MeterFold>(TOPIC).with_snapshots();
    let check = |rate: f64, half: Option<f64>, is_kept: bool| {
        let state: AnyState = Box::new(Meter {
            rate,
            half,
            kind: String::new(),
            more: BTreeMap::new(),
        });
        assert_eq!(fold.freeze(&state).is_some(), is_kept, "{rate} {half:?}");
    };
    check(-0.0, Some(5e-324), true);
    check(1.0, None, true);
    check(1.0, Some(f64::NAN), false);
    check(1.0, Some(f64::INFINITY), false);
    check(f64::NEG_INFINITY, None, false);
}
