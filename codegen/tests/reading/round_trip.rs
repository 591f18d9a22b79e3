//! What generated types write, they read; and what they write is what the schema says.

use std::collections::BTreeMap;

use annals_schema_model::{Decimal, EventSet, Exact, Reading, Schema, SchemaType, Timestamp, Walk};
use jiff::civil::date;

use crate::events::other::Bear as OtherBear;
use crate::events::park::notes::{Note, note};
use crate::events::park::zoo::{
    Bear, Closed, Everything, EverythingAnimal, EverythingChoice, EverythingNumbersItem, Food, Md5, Tree,
    TreeRight,
};
use crate::events::{NotesEvent, ZooEvent};

fn price<const P: u32, const S: u32>(text: &str) -> Exact<P, S> {
    Exact::new(text.parse().unwrap()).unwrap()
}

fn leaf(value: i32) -> Tree {
    Tree {
        value,
        left: None,
        right: TreeRight::Int(0),
        more: vec![],
    }
}

pub(crate) fn everything() -> Everything {
    let tree = Tree {
        value: 1,
        left: Some(Box::new(leaf(2))),
        right: TreeRight::Tree(Box::new(leaf(3))),
        more: vec![
            leaf(4),
            Tree {
                right: TreeRight::String("x".to_owned()),
                ..leaf(5)
            },
        ],
    };
    Everything {
        count: i64::MIN,
        nothing: (),
        yes: true,
        small: 0.1,
        large: f64::MAX,
        raw: vec![0, 255],
        price: price("-1234567.89"),
        weight: price("-0.001"),
        uuid: "6f4b3bb2-6b5c-4a43-9d6c-1c1f3a8a1d11".parse().unwrap(),
        uuid_fixed: "00000000-0000-0000-0000-0000000000ff".parse().unwrap(),
        md5: Md5([1, 2, 3]),
        day: date(1969, 12, 31),
        millis: "2019-05-20T07:07:47.001Z".parse().unwrap(),
        micros: "0001-01-01T00:00:00.000001Z".parse().unwrap(),
        r#type: "τ".to_owned(),
        self_: String::new(),
        keeper_id: "a".to_owned(),
        keeper_id_2: "b".to_owned(),
        maybe: None,
        maybe_last: Some("last".to_owned()),
        choice: Some(EverythingChoice::Food(Food::Self_)),
        animal: EverythingAnimal::Bear2(OtherBear {
            name: "Bruno".to_owned(),
        }),
        numbers: vec![
            EverythingNumbersItem::Double(-0.5),
            EverythingNumbersItem::Int(i32::MIN),
        ],
        nothings: vec![(), ()],
        prices: BTreeMap::from([
            ("hay".to_owned(), vec![price("0.00"), price("9.99")]),
            (String::new(), vec![]),
        ]),
        nested: vec![
            BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            BTreeMap::new(),
        ],
        tree: Some(tree),
        foods: Food::ALL.to_vec(),
        elsewhere: Some(OtherBear { name: "B".to_owned() }),
    }
}

fn variations() -> Vec<Everything> {
    let change = |change: fn(&mut Everything)| {
        let mut changed = everything();
        change(&mut changed);
        changed
    };
    vec![
        everything(),
        change(|all| all.choice = None),
        change(|all| all.choice = Some(EverythingChoice::String("bread".to_owned()))),
        change(|all| all.choice = Some(EverythingChoice::Long(-7))),
        change(|all| all.animal = EverythingAnimal::Bear(Bear { name: String::new() })),
        change(|all| (all.maybe, all.maybe_last) = (Some("first".to_owned()), None)),
        change(|all| (all.tree, all.elsewhere) = (None, None)),
        change(|all| all.day = date(2400, 2, 29)),
        change(|all| all.price = Exact::ZERO),
        change(|all| all.weight = price("9999.999")),
    ]
}

#[test]
fn records_read_what_they_write_and_the_schema_agrees() {
    let schema = Schema::parse(SchemaType::Avro, Everything::SCHEMA, &[]).unwrap();
    assert_eq!(schema.fingerprint(), Everything::FINGERPRINT);
    let (walk, reading) = (Walk::new(&schema), Reading::of(&schema));
    for all in variations() {
        let bytes = all.encode().unwrap();
        walk.check(&bytes).unwrap();
        assert_eq!(Everything::decode(&bytes).as_ref(), Ok(&all));
        let json = reading.read(&bytes).unwrap().to_json();
        let field = |name: &str| {
            json.get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(field("price"), all.price.to_string());
        assert_eq!(field("weight"), all.weight.to_string());
        assert_eq!(field("uuid"), all.uuid.to_string());
        assert_eq!(field("uuid_fixed"), all.uuid_fixed.to_string());
        assert_eq!(field("day"), all.day.to_string());
        assert_eq!(field("millis"), format!("{:.3}", all.millis));
        assert_eq!(field("keeperId"), all.keeper_id);
    }
}

#[test]
fn union_branches_are_told_apart_by_index() {
    let written = |animal: EverythingAnimal| {
        Everything {
            animal,
            ..everything()
        }
        .encode()
        .unwrap()
    };
    let bear = written(EverythingAnimal::Bear(Bear {
        name: "Bruno".to_owned(),
    }));
    let other = written(EverythingAnimal::Bear2(OtherBear {
        name: "Bruno".to_owned(),
    }));
    let differing = bear
        .iter()
        .zip(&other)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (*a, *b));
    assert_eq!(differing.collect::<Vec<_>>(), [(0, 2)]);
}

#[test]
fn damaged_payloads_are_errors_that_name_the_field() {
    let bytes = everything().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(Everything::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(
        Everything::decode(&longer)
            .unwrap_err()
            .to_string()
            .contains("left over")
    );
    // The tree stands behind everything else but an array and an option; what follows it is wrong anyway.
    let start = Everything {
        tree: None,
        foods: vec![],
        elsewhere: None,
        ..everything()
    };
    let start = start.encode().unwrap();
    let start = &start[..start.len() - 3];
    let check = |tree: &[u8], byte: usize, expected: &str| {
        let error = Everything::decode(&[start, &[2], tree].concat()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.position, Some(start.len() + 1 + byte));
    };
    check(
        &[2, 4],
        1,
        "tree.left: union branch 2 does not exist, the schema has 2",
    );
    check(
        &[2, 0, 6],
        2,
        "tree.right: union branch 3 does not exist, the schema has 3",
    );
    check(
        &[2, 0, 0, 0, 2, 2, 4],
        6,
        "tree.more[0].left: union branch 2 does not exist, the schema has 2",
    );
}

#[test]
fn a_decimal_fits_its_schema_or_is_none() {
    let fits =
        |text: &str| Exact::<4, 2>::new(text.parse::<Decimal>().unwrap()).map(|exact| exact.to_string());
    assert_eq!(fits("1.5"), Some("1.50".to_owned()));
    assert_eq!(fits("-99.99"), Some("-99.99".to_owned()));
    assert_eq!(fits("1.500"), Some("1.50".to_owned()));
    assert_eq!(fits("100"), None);
    assert_eq!(fits("0.001"), None);
}

#[test]
fn topic_events_name_their_record_and_subject() {
    let event = ZooEvent::from(Closed {});
    assert_eq!(event.encode(), Ok(("park.zoo.Closed", vec![])));
    assert_eq!((event.subject(), event.version()), ("zoo-park.zoo.Closed", 1));
    let event = ZooEvent::from(everything());
    assert_eq!(
        (event.name(), event.subject(), event.version()),
        ("park.zoo.Everything", "zoo-park.zoo.Everything", 2)
    );
    assert_eq!(event.body(), everything().encode());
}

#[test]
fn a_protobuf_event_is_written_with_message_indexes() {
    let message = Note {
        keeper: "k".to_owned(),
        ..Note::default()
    };
    let event = NotesEvent::new(note::Content::Text("t".to_owned()), message);
    assert_eq!(
        event.encode(),
        Ok(("park.notes.Note", vec![0, 10, 1, b'k', 34, 1, b't']))
    );
    assert_eq!(event.message.content, None);
}

#[test]
fn times_at_the_ends_are_times() {
    let check = |time: &str, millis: i64, micros: i64| {
        let time: Timestamp = time.parse().unwrap();
        let written = Everything {
            millis: time,
            micros: time,
            ..everything()
        };
        let read = Everything::decode(&written.encode().unwrap()).unwrap();
        assert_eq!(
            (read.millis.as_millis(), read.micros.as_micros()),
            (millis, micros),
            "{time}"
        );
    };
    check(
        "9999-12-31T23:59:59.999Z",
        253_402_300_799_999,
        253_402_300_799_999_000,
    );
    check("1969-12-31T23:59:59.500Z", -500, -500_000);
    check("1969-12-31T23:59:59.9999Z", -1, -100);
    check("2016-12-31T23:59:60Z", 1_483_228_799_999, 1_483_228_799_999_999);
}
