//! Aggregates of several topics: what is asked of all of them, what they do not answer, and files that are wrong.

use std::sync::Arc;

use annals_event_store::{AnyFold, AsOf, Format, Page, Question, StoreError, declarative, parse_at, typed};
use annals_schema_model::SchemaType;
use serde_json::{Value, json};

use crate::merged::world::{FOLD, KEYS, Kind, RECORDS, Step, TOPICS, World};
use crate::support::Table;
use crate::till::TillFold;

/// Orders 0 to 3 have one event each in every topic, and one more in the first.
fn some() -> World {
    let all = (0..TOPICS.len()).chain([0]);
    let step = |topic, key| Step {
        kind: Kind::Event,
        topic,
        partition: usize::from(key % 2),
        key,
        ms: 1,
    };
    let steps: Vec<Step> = all
        .flat_map(|topic| (0..KEYS).map(move |key| step(topic, key)))
        .collect();
    World::of(&steps)
}

/// What one topic has lost is missed, though others have all that they had.
#[test]
fn what_one_topic_has_lost_is_missed() {
    let step = |topic, ms| Step {
        kind: Kind::Event,
        topic,
        partition: 0,
        key: 1,
        ms,
    };
    let World { store, logs, .. } = World::of(&[step(0, 1), step(1, 2), step(1, 3), step(1, 4), step(0, 5)]);
    logs[1].partitions[0].delete_before(2).unwrap();
    let check = |at: &str, events: Option<u64>| {
        let at = parse_at(at, 0).unwrap();
        let state = store.reconstruct("whole", "key 1", &at);
        let (history, diff) = (
            store.history("whole", "key 1", &at, Page::default()).err(),
            store
                .diff("whole", "key 1", &at, &AsOf::Head, Page::default())
                .err(),
        );
        match events {
            Some(events) => assert_eq!(state.unwrap().events, events, "{at}"),
            None => {
                let says = "partition 0 of topic packages before offset 2 were deleted";
                for error in [state.err(), history, diff] {
                    let error = error.unwrap();
                    assert!(matches!(error, StoreError::Deleted { .. }), "{at}: {error}");
                    assert!(error.to_string().contains(says), "{at}: {error}");
                }
            }
        }
    };
    check("head", Some(3));
    check("orders/0=1,packages/0=2", Some(3));
    check("orders/0=0", Some(1));
    check("packages/0=1", None);
    check("orders/0=0,packages/0=0", None);
    check("1970-01-01T00:00:00.003Z", None);
}

#[test]
fn questions_of_all_aggregates_are_answered() {
    let World { store, table, .. } = some();
    let question = Question {
        condition: Some("state.seen[0] > 1".to_owned()),
        select: Some("last".to_owned()),
        order: Some("-last".to_owned()),
        sum: Some("last".to_owned()),
        count: true,
    };
    let answer = store.ask("whole", &AsOf::Head, &question, 10, None).unwrap();
    let rows: Vec<(&str, &Value)> = answer
        .items
        .iter()
        .map(|one| (one.id.as_str(), &one.state))
        .collect();
    assert_eq!(
        rows,
        [("key 2", &json!({"last": 3})), ("key 3", &json!({"last": 3}))]
    );
    assert_eq!((answer.matched, answer.total), (Some(2), 4));
    assert_eq!(answer.sums.unwrap()["last"].sum, json!(6));

    let changed = FOLD.replace("seen: [event.n], last", "seen: [event.n, 7], last");
    let changed: Arc<dyn AnyFold> = Arc::new(declarative::load(&changed, &*table).unwrap());
    let page = store.what_if("whole", changed, &AsOf::Head, 10, None).unwrap();
    assert_eq!((page.items.len(), page.compared), (4, 4));
    let since = page.items[1].since.as_ref().unwrap();
    assert_eq!(
        (since.revision, since.log.as_ref().unwrap().to_string()),
        (0, "orders/1".to_owned())
    );
    let other = declarative::load(
        &FOLD.replace("[orders, packages, bills]", "[orders, bills, packages]"),
        &*table,
    );
    let error = store
        .what_if("whole", Arc::new(other.unwrap()), &AsOf::Head, 10, None)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("folds topic orders, packages, bills, not orders, bills, packages"),
        "{error}"
    );

    let info = store.aggregates().remove(0);
    assert_eq!(
        (info.topic.as_str(), info.topics),
        ("orders", TOPICS.map(str::to_owned).to_vec())
    );
    assert_eq!((info.aggregates, info.records, info.partitions), (4, 16, 6));
    assert_eq!(
        info.head.to_string(),
        "bills/0=1,bills/1=1,orders/0=3,orders/1=3,packages/0=1,packages/1=1"
    );
}

#[test]
fn what_several_topics_have_no_answer_to_is_refused() {
    let World { store, .. } = some();
    let check = |at: &str, wanted: &str| {
        let at = annals_event_store::parse_at(at, 0).unwrap();
        let error = store.reconstruct("whole", "key 1", &at).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    check(
        "offset:3",
        "so an offset alone says too little; give a cut such as orders/0=12,packages/0=5",
    );
    check(
        "0=12",
        "so a cut names the topic of each partition, such as orders/0=12,packages/0=5",
    );
    check("orders/2=12", "topic orders has 2 partitions, and no 2");
    check(
        "parcels/0=12",
        "the fold is of the topics orders, packages, bills, and not of parcels",
    );
    check("revision:4", "no revision 4: its revisions are 0 to 3");
    check("orders/0=2", "its first event is offset 0 of orders/1, recorded");
    let errors = [
        store.log("whole").err().unwrap(),
        store.feed("whole").err().unwrap(),
    ];
    for error in errors {
        assert!(
            error
                .to_string()
                .contains("does not work for whole, whose events are not those of one topic by key: "),
            "{error}"
        );
    }
    let unknown = store
        .reconstruct("whole", "key 9", &AsOf::Head)
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("topic orders or packages or bills has no record with this key"),
        "{unknown}"
    );
}

/// A topic that a fold has alone is not asked about by its name.
#[test]
fn a_fold_of_one_topic_beside_one_of_several_keeps_its_ways() {
    let world = some();
    let alone = FOLD
        .replace("topics: [orders, packages, bills]", "topic: orders")
        .replace("whole", "part");
    let mut table = Table::default();
    for record in RECORDS {
        let text =
            format!(r#"{{"type":"record","name":"{record}","fields":[{{"name":"n","type":"long"}}]}}"#);
        table.register(SchemaType::Avro, "orders", &text);
    }
    let fold = declarative::load(&alone, &table).unwrap();
    world
        .store
        .add_aggregate(Box::new(fold), world.logs[0].source())
        .unwrap();
    let answer = world.store.reconstruct("part", "key 1", &AsOf::Head).unwrap();
    assert_eq!(
        (answer.cut.to_string().as_str(), answer.logs.len()),
        ("0=3,1=3", 0)
    );
    assert_eq!(answer.state, json!({"seen": [1, 13], "last": 1}));
    let at = annals_event_store::parse_at("orders/1=1", 0).unwrap();
    let error = world
        .store
        .reconstruct("part", "key 1", &at)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("so a cut names partitions alone: leave `orders/` out"),
        "{error}"
    );
}

#[test]
fn a_wrong_file_is_told_where_it_is_wrong() {
    let World { table, .. } = some();
    let check = |topics: &str, place: (u32, u32), wanted: &str| {
        let text = FOLD.replace("topics: [orders, packages, bills]", topics);
        let error = declarative::load(&text, &*table).err().unwrap();
        assert_eq!((error.line, error.column), place, "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    };
    let many: Vec<String> = (0..17).map(|number| format!("t{number}")).collect();
    check(
        "topic: orders\ntopics: [orders]",
        (5, 9),
        "its `topic:` or its `topics:`, and not both",
    );
    check("", (1, 1), "its `topic:`, or its `topics:`");
    check("topics: []", (4, 9), "1 to 16 topics, and this one of 0");
    check(
        &format!("topics: [{}]", many.join(", ")),
        (4, 9),
        "1 to 16 topics, and this one of 17",
    );
    check(
        "topics: [orders, bills, orders]",
        (4, 25),
        "topic orders is named twice",
    );
    check(
        "topics: [orders, bills]",
        (12, 3),
        "no schema of record t.Packed is registered for topics orders, bills",
    );
}

/// A record of the same name may be in several topics, as long as it is the same schema.
#[test]
fn a_record_that_cannot_be_told_apart_is_refused() {
    let load = |other: &str| {
        let mut table = Table::default();
        let text = |field| {
            format!(r#"{{"type":"record","name":"t.Ordered","fields":[{{"name":"{field}","type":"long"}}]}}"#)
        };
        table.register(SchemaType::Avro, "orders", &text("n"));
        table.register(SchemaType::Avro, "packages", &text(other));
        let fold = "name: whole\nrev: 1\ntopics: [orders, packages]\nevents:\n  t.Ordered:\n    begin:\n      - set: { n: event.n }\n";
        declarative::load(fold, &table)
    };
    let error = load("m").err().unwrap();
    assert_eq!((error.line, error.column), (5, 3));
    let wanted = "t.Ordered is one schema under orders-t.Ordered and another under packages-t.Ordered";
    assert!(error.to_string().contains(wanted), "{error}");
}

#[test]
fn rows_for_files_tell_the_log_of_their_offset() {
    let World { store, .. } = some();
    let question = Question {
        select: Some("last".to_owned()),
        ..Question::default()
    };
    let rows = || store.rows("whole", &AsOf::Head, &question).unwrap();
    let mut csv = Vec::new();
    Format::Csv.write(rows(), Some(1), &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let (header, row) = csv.split_once("\r\n").unwrap();
    assert_eq!(
        header,
        "id,partition,events,revision,offset,recorded,halted,log,last"
    );
    assert!(
        row.starts_with("key 0,0,4,3,0,") && row.contains(",bills/0,"),
        "{row}"
    );
    #[cfg(feature = "avro-files")]
    {
        let mut avro = Vec::new();
        Format::Avro.write(rows(), None, &mut avro).unwrap();
        let text = String::from_utf8_lossy(&avro).into_owned();
        assert!(text.contains(r#""name":"log""#), "{text}");
    }
}

/// A typed fold over other topics is another one, as the order of events and whose they are may be.
#[test]
fn a_fold_over_other_topics_has_another_digest() {
    let of = |topics: &[&str], by: Option<&str>| {
        let first = typed::<TillFold>(topics[0]);
        let fold = topics[1..]
            .iter()
            .fold(first, |fold, topic| fold.and_topic(*topic));
        let fold = match by {
            Some(field) => fold.by(field),
            None => fold,
        };
        fold.id().digest
    };
    assert_eq!(
        of(&["a"], None),
        of(&["b"], None),
        "one topic's events are in one order"
    );
    let folds = [
        of(&["a"], None),
        of(&["a"], Some("x")),
        of(&["a", "b", "c"], None),
        of(&["a", "c", "b"], None),
        of(&["a", "b", "c"], Some("x")),
        of(&["a", "b", "c"], Some("y")),
    ];
    for (at, one) in folds.iter().enumerate() {
        assert!(!folds[at + 1..].contains(one), "{at}");
    }
}
