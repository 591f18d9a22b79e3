//! Aggregates of topics whose events say in a field whose they are, against the model that those by keys are held to.

use std::fs;
use std::sync::Arc;

use annals_event_store::{AnyFold, AsOf, Cut, EventStore, Page, StoreError, declarative, typed};
use annals_schema_model::avro::wire;
use annals_schema_model::{SchemaId, SchemaType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::merged::world::{
    FOLD, KEYS, Kind, PARTITIONS, Step, TOPICS, World, ends, fold_by_field, id, mixed_steps, steps,
};
use crate::merged::{any_cut, comes_later, two_cuts};
use crate::support::{Logs, Table, Write, enveloped};
use crate::till::{TOPIC, Till, TillFold, table};

/// Spoils a byte of each file that has the field's ids, or takes it away.
fn spoil(world: &World, at: usize) {
    let logs = world.logs.iter().skip(1);
    for file in logs.flat_map(|logs| (0..PARTITIONS).flat_map(|number| logs.files(number, "keys"))) {
        let mut bytes = fs::read(&file).unwrap();
        let place = at % (bytes.len() + 1);
        match bytes.get_mut(place) {
            Some(byte) => {
                *byte ^= 4;
                fs::write(&file, bytes).unwrap();
            }
            None => fs::remove_file(&file).unwrap(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_by_a_field(
        steps in mixed_steps(),
        cuts in proptest::collection::vec(ends(), 2),
        time in -1i64..13,
        spoilt in any::<usize>(),
        is_restarted in any::<bool>(),
    ) {
        let mut world = World::by_field(&steps);
        any_cut(&world, &cuts, time)?;
        spoil(&world, spoilt);
        if is_restarted {
            world.restart();
        }
        any_cut(&world, &cuts, time)?;
    }

    #[test]
    fn what_comes_later_changes_no_answer_by_a_field(steps in steps(), before in any::<prop::sample::Index>()) {
        comes_later(&World::by_field(&steps[..=before.index(steps.len())]), &World::by_field(&steps))?;
    }

    #[test]
    fn two_cuts_by_a_field(steps in mixed_steps(), cuts in [ends(), ends()], key in 0..KEYS) {
        two_cuts(&World::by_field(&steps), cuts, key)?;
    }
}

/// Each order has so many events in each topic, ten milliseconds apart.
fn some(rounds: usize) -> World {
    let all = (0..rounds).flat_map(|round| (0..TOPICS.len()).map(move |topic| (round, topic)));
    let step = |round: usize, topic, key: u8| Step {
        kind: Kind::Event,
        topic,
        partition: (round + usize::from(key)) % PARTITIONS,
        key,
        ms: 10 * round as i64,
    };
    let steps: Vec<Step> = all
        .flat_map(|(round, topic)| (0..KEYS).map(move |key| step(round, topic, key)))
        .collect();
    World::by_field(&steps)
}

#[test]
fn what_was_deleted_is_told_of_every_log_that_may_have_had_some() {
    let world = some(4);
    let at = |log: &Logs, partition: usize| log.partitions[partition].high_watermark();
    let packages = &world.logs[1];
    let ask = || world.store.reconstruct("whole", &id(1), &AsOf::Head).unwrap();
    assert_eq!((ask().events, ask().logs.len()), (12, 6));
    packages.partitions[0].delete_before(at(packages, 0)).unwrap();
    let answer = ask();
    assert_eq!(answer.events, 10, "two packages are gone");
    let gone = answer
        .logs
        .iter()
        .find(|log| log.topic == "packages" && log.partition == 0)
        .unwrap();
    assert_eq!((gone.events, gone.by.as_deref()), (0, Some("of")));
    assert_eq!(
        (gone.unreadable[0].first, gone.unreadable[0].last),
        (0, at(packages, 0) - 1)
    );
    let orders = answer.logs.iter().find(|log| log.topic == "orders").unwrap();
    assert_eq!(orders.by, None);
}

#[test]
fn what_is_asked_says_the_field() {
    let world = some(1);
    let info = world.store.aggregates().remove(0);
    let by = [("packages", "of"), ("bills", "whose.id")]
        .map(|(topic, field)| (topic.to_owned(), field.to_owned()));
    assert_eq!(
        (info.by, info.aggregates, info.records, info.keyless_records),
        (by.into(), 4, 12, 0)
    );
    let unknown = world
        .store
        .reconstruct("whole", "key 9", &AsOf::Head)
        .unwrap_err()
        .to_string();
    let wanted = "topic orders or packages by of or bills by whose.id has no record with this key";
    assert!(unknown.contains(wanted), "{unknown}");
    // The same topics by other fields are another aggregate's.
    let load = |text: &str| -> Arc<dyn AnyFold> { Arc::new(declarative::load(text, &*world.table).unwrap()) };
    let changed = load(&fold_by_field().replace("last: at.revision", "last: at.offset"));
    assert_eq!(
        world
            .store
            .what_if("whole", changed, &AsOf::Head, 10, None)
            .unwrap()
            .compared,
        4
    );
    let error = world
        .store
        .what_if("whole", load(FOLD), &AsOf::Head, 10, None)
        .unwrap_err();
    let wanted = "folds topic orders, packages by of, bills by whose.id, not orders, packages, bills";
    assert!(error.to_string().contains(wanted), "{error}");
}

const ONE: &str = "\
name: whole
rev: 1
topics: [{topic: packages, by: of}]
ignore: [t.Lost]
events:
  t.Packed:
    begin:
      - set: { seen: [event.n] }
    on:
      - append: { seen: event.n }
";

/// A topic with a record of this field, and of others that the fold has no use for.
struct One {
    table: Table,
    ids: [SchemaId; 3],
    logs: Logs,
}

fn one(kind: &str) -> One {
    let mut table = Table::default();
    let record = |name: &str, kind: &str| {
        format!(
            r#"{{"type":"record","name":"t.{name}","fields":[{{"name":"n","type":"long"}},{{"name":"of","type":{kind}}}]}}"#
        )
    };
    let text = [
        record("Packed", kind),
        record("Lost", kind),
        record("Found", kind),
    ];
    let ids = text.map(|text| table.register(SchemaType::Avro, "packages", &text));
    let logs = Logs::in_segments("packages", PARTITIONS, Some(300));
    One { table, ids, logs }
}

impl One {
    fn write(&self, partition: usize, schema: usize, n: i64, of: &dyn Fn(&mut wire::Writer)) {
        let mut body = wire::Writer::new();
        body.long(n);
        of(&mut body);
        let write = Write {
            ms: n,
            key: Some(format!("package {n}").into_bytes()),
            value: Some(enveloped(self.ids[schema], &body.into_bytes())),
            headers: vec![],
        };
        self.logs.append(partition, &[write]);
    }

    fn store(self) -> (EventStore, Logs) {
        let fold = declarative::load(ONE, &self.table).unwrap();
        let store = EventStore::new(Arc::new(self.table));
        store
            .add_merged(Box::new(fold), vec![self.logs.source()])
            .unwrap();
        (store, self.logs)
    }
}

/// One topic, whose partitions an aggregate's events are in as they come.
#[test]
fn one_topic_by_a_field() {
    let one = one(r#"["null","string"]"#);
    let mine = |body: &mut wire::Writer| {
        body.long(1);
        body.string("7");
    };
    let nobodys = |body: &mut wire::Writer| {
        body.long(0);
    };
    for (partition, schema, n) in [(1, 0, 1), (0, 0, 2), (1, 1, 3), (0, 2, 4), (1, 0, 5)] {
        one.write(partition, schema, n, &mine);
        one.write(partition, schema, 10 + n, &nobodys);
    }
    let (store, _logs) = one.store();
    let answer = store.reconstruct("whole", "7", &AsOf::Head).unwrap();
    assert_eq!(answer.state, json!({"seen": [1, 2, 5]}));
    // What the fold ignores is an event of it, and so is what it has not heard of.
    assert_eq!((answer.events, answer.unknown_events), (5, 1));
    assert_eq!(
        (answer.cut.to_string().as_str(), answer.also_in_partitions.len()),
        ("packages/0=3,packages/1=5", 0)
    );
    let at = AsOf::Cut("packages/0=3,packages/1=1".parse::<Cut>().unwrap());
    assert_eq!(
        store.reconstruct("whole", "7", &at).unwrap().state,
        json!({"seen": [1, 2]})
    );
    let unknown = store.reconstruct("whole", "8", &AsOf::Head);
    assert!(
        matches!(unknown, Err(StoreError::UnknownId { .. })),
        "{unknown:?}"
    );
    let error = store
        .reconstruct("whole", "7", &AsOf::Offset(1))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("of a topic by a field of its events, so an offset alone says too little"),
        "{error}"
    );
    assert_eq!(store.aggregates()[0].keyless_records, 5);
}

/// Before its first event, where others cannot be read, nobody can say that an aggregate did not exist yet.
#[test]
fn what_cannot_be_read_may_have_been_earlier_events() {
    let one = one(r#"["null","string"]"#);
    let cut_short = |_: &mut wire::Writer| {};
    let mine = |body: &mut wire::Writer| {
        body.long(1);
        body.string("7");
    };
    for partition in [0, 0, 1] {
        one.write(partition, 0, 1, &cut_short);
    }
    one.write(1, 0, 2, &mine);
    let (store, _logs) = one.store();
    let check = |at: &str, wanted: &str| {
        let at = AsOf::Cut(at.parse::<Cut>().unwrap());
        let errors = [
            store.reconstruct("whole", "7", &at).unwrap_err(),
            store.history("whole", "7", &at, Page::default()).unwrap_err(),
        ];
        for error in errors.map(|error| error.to_string()) {
            assert!(
                error.contains("its first event is offset 1 of packages/1, recorded"),
                "{error}"
            );
            assert!(error.ends_with(wanted), "{error}");
        }
    };
    let may = |which: &str| {
        format!("Z; earlier ones may have been among {which}, which were removed or cannot be read")
    };
    check("packages/0=-1,packages/1=-1", "Z");
    check("packages/0=1,packages/1=-1", &may("offsets 0 to 0 of packages/0"));
    let both = may("offsets 0 to 0 of packages/0 and offsets 0 to 0 of packages/1");
    check("packages/0=0,packages/1=0", &both);
}

/// What can be an id is as the text of it, and nothing else loads.
#[test]
fn ids_are_texts() {
    let check = |kind: &str, of: &dyn Fn(&mut wire::Writer), wanted: &str| {
        let one = one(kind);
        one.write(0, 0, 1, of);
        let (store, _logs) = one.store();
        let answer = store.reconstruct("whole", wanted, &AsOf::Head).unwrap();
        assert_eq!(answer.events, 1, "{kind}");
    };
    check("\"string\"", &|body| body.string("order 7"), "order 7");
    check("\"long\"", &|body| body.long(-70_000_000_000), "-70000000000");
    check("\"int\"", &|body| body.long(7), "7");
    check(
        r#"{"type":"enum","name":"E","symbols":["A","B"]}"#,
        &|body| body.long(1),
        "B",
    );
    check(
        r#"["string","long"]"#,
        &|body| {
            body.long(1);
            body.long(7);
        },
        "7",
    );
    let uuid = "01234567-89ab-cdef-0123-456789abcdef";
    check(
        r#"{"type":"string","logicalType":"uuid"}"#,
        &|body| body.string(uuid),
        uuid,
    );
    for kind in [
        "\"double\"",
        "\"boolean\"",
        "\"bytes\"",
        r#"{"type":"array","items":"string"}"#,
        r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
        r#"["null",{"type":"long","logicalType":"timestamp-millis"}]"#,
    ] {
        let error = declarative::load(ONE, &one(kind).table).err().unwrap();
        assert_eq!((error.line, error.column), (3, 32), "{error}");
        assert!(error.message.contains("of of t.Packed is "), "{error}");
        assert!(
            error
                .message
                .contains("which is no id; that is a text, a whole number, an enum or a uuid"),
            "{error}"
        );
    }
}

#[test]
fn a_wrong_field_is_told_where_it_is_wrong() {
    let World { table, .. } = some(1);
    let check = |topics: &str, place: (u32, u32), wanted: &str| {
        let text = FOLD.replace("topics: [orders, packages, bills]", topics);
        let error = declarative::load(&text, &*table).err().unwrap();
        assert_eq!((error.line, error.column), place, "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    };
    check(
        "topics: [orders, {topic: packages, by: off}, bills]",
        (4, 40),
        "t.Packed has no field `off`; it has n, of",
    );
    check(
        "topics: [orders, packages, {topic: bills, by: whose.name}]",
        (4, 47),
        "t.Billed.whose has no field `name`; it has id",
    );
    check(
        "topics: [orders, packages, {topic: bills, by: whose}]",
        (4, 47),
        "which is no id",
    );
    check(
        "topics: [orders, packages, {topic: bills, by: whose..id}]",
        (4, 47),
        "names a field of the topic's events",
    );
    check(
        "topics: [orders, {topic: orders, by: n}]",
        (4, 18),
        "topic orders is named twice",
    );
    for topics in [
        "topics: [orders, {topic: packages}]",
        "topics: [orders, {topic: packages, by: of, at: 1}]",
    ] {
        let text = FOLD.replace("topics: [orders, packages, bills]", topics);
        assert_eq!(declarative::load(&text, &*table).err().unwrap().line, 4);
    }
    let long = |bytes: usize| {
        format!(
            "topics: [orders, {{topic: packages, by: {}}}, bills]",
            "o".repeat(bytes)
        )
    };
    check(&long(1_024), (4, 40), "t.Packed has no field");
    check(&long(1_025), (4, 40), "names a field of the topic's events");
}

/// The field is the one that the fold reads, whatever its writer called it.
#[test]
fn a_field_that_had_another_name_is_read_as_the_fold_reads_it() {
    let mut table = Table::default();
    let text = |field: &str| {
        format!(
            r#"{{"type":"record","name":"t.Packed","fields":[{{"name":"n","type":"long"}},{{"type":"string",{field}}}]}}"#
        )
    };
    let fields = [
        r#""name":"order""#,
        r#""name":"of","aliases":["order"]"#,
        r#""name":"of","default":"none""#,
    ];
    let ids = [0, 1].map(|of| table.register(SchemaType::Avro, "packages", &text(fields[of])));
    let logs = Logs::new("packages", PARTITIONS);
    let one = One {
        table,
        ids: [ids[0], ids[1], ids[1]],
        logs,
    };
    one.write(0, 0, 1, &|body| body.string("7"));
    one.write(1, 1, 2, &|body| body.string("7"));
    let (store, logs) = one.store();
    let answer = store.reconstruct("whole", "7", &AsOf::Head).unwrap();
    assert_eq!(answer.state, json!({"seen": [1, 2]}));
    drop(store);
    // Another reader makes other ids of the same events.
    let mut table = Table::default();
    for of in [0, 2] {
        table.register(SchemaType::Avro, "packages", &text(fields[of]));
    }
    let one = One {
        table,
        ids: [ids[0]; 3],
        logs,
    };
    let (store, _logs) = one.store();
    let page = store.list("whole", &AsOf::Head, 10, None).unwrap();
    let listed: Vec<(&str, &Value)> = page
        .items
        .iter()
        .map(|one| (one.id.as_str(), &one.state["seen"]))
        .collect();
    assert_eq!(listed, [("7", &json!([2])), ("none", &json!([1]))]);
}

#[test]
fn an_event_whose_schema_comes_later_is_found_after_a_restart() {
    let mut one = one("\"string\"");
    let later = SchemaId::new(4).unwrap();
    one.ids[2] = later;
    let mine = |body: &mut wire::Writer| body.string("7");
    for n in 0..20 {
        one.write(0, 0, 2 * n, &mine);
        one.write(0, 2, 2 * n + 1, &mine);
    }
    let (store, logs) = one.store();
    let answer = store.reconstruct("whole", "7", &AsOf::Head).unwrap();
    assert_eq!((answer.events, answer.logs[0].unreadable.len()), (20, 16));
    drop(store);
    let mut again = self::one("\"string\"").table;
    let text = r#"{"type":"record","name":"t.Kept","fields":[{"name":"n","type":"long"},{"name":"of","type":"string"}]}"#;
    assert_eq!(again.register(SchemaType::Avro, "packages", text), later);
    let again = One {
        table: again,
        ids: [later; 3],
        logs,
    };
    let (store, _logs) = again.store();
    let answer = store.reconstruct("whole", "7", &AsOf::Head).unwrap();
    assert_eq!(
        (
            answer.events,
            answer.unknown_events,
            answer.logs[0].unreadable.len()
        ),
        (40, 20, 0)
    );
}

/// In Rust the field is the one of its writer's schema.
#[test]
fn a_fold_in_rust_by_a_field() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 2);
    let opened = |owner: &str| Till::Opened {
        owner: owner.to_owned(),
        opened_at: 0,
    };
    logs.append(0, &[opened("ada").write(&ids, "till 1", 1)]);
    logs.append(1, &[opened("bob").write(&ids, "till 1", 2)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC).by("owner")), logs.source())
        .unwrap();
    let page = store.list("till", &AsOf::Head, 10, None).unwrap();
    let listed: Vec<(&str, &Value)> = page
        .items
        .iter()
        .map(|one| (one.id.as_str(), &one.state["owner"]))
        .collect();
    assert_eq!(listed, [("ada", &json!("ada")), ("bob", &json!("bob"))]);
}
