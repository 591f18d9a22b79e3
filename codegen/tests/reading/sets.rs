//! Schemas as people write them, and as nobody should: what is generated from them compiles, and reads what it writes.

use std::collections::BTreeMap;

use annals_schema_model::jiff::civil::{date, time};
use annals_schema_model::{
    Decimal, EventSet, Exact, Reading, Schema, SchemaType, Seen, Timestamp, Walk, avro, uuid,
};

use crate::foreign_writers::read;

/// Types generated from `tests/sets`.
#[allow(unreachable_pub)]
pub(crate) mod generated {
    include!("../golden/sets.rs.txt");
}

use generated::k::{Digest, Kinds, KindsListOfMaybeItem, KindsOneOf, Suit};
use generated::l::{Both, R, REither};
use generated::{
    KindsEvent, ListsEvent, MovedEvent, OrderedEvent, PaidEvent, RebilledEvent, TracksEvent, geo, n, shop,
    tracks,
};

fn list(links: i32) -> R {
    let link = |next: Option<Box<R>>, v: i32| R {
        v,
        next,
        either: REither::String("x".to_owned()),
        ..R::default()
    };
    (1..links).fold(link(None, 0), |list, v| link(Some(Box::new(list)), v))
}

#[test]
fn a_record_that_holds_itself() {
    let long = list(100);
    assert_eq!(R::decode(&long.encode().unwrap()).as_ref(), Ok(&long));
    assert!(list(256).encode().is_ok_and(|bytes| R::decode(&bytes).is_ok()));
    assert!(list(257).encode().is_err());
    assert!(ListsEvent::from(list(257)).encode().is_err());

    let wide = R {
        branches: vec![list(2), list(1)],
        by_name: BTreeMap::from([("a".to_owned(), None)]),
        either: REither::Both(Box::new(Both {
            left: Box::new(list(3)),
            right: Box::new(list(1)),
        })),
        ..list(1)
    };
    assert_eq!(R::decode(&wide.encode().unwrap()).as_ref(), Ok(&wide));

    let endless = R::decode(&[2; 2_000]).unwrap_err();
    assert!(
        endless.path.starts_with("next.next.next") && endless.message.contains("deep"),
        "{endless}"
    );
}

fn kinds() -> Kinds {
    let far: Timestamp = "9999-12-31T23:59:59.999Z".parse().unwrap();
    let local = date(9999, 12, 30).at(23, 59, 59, 999_000_000);
    let cents = |text: &str| text.parse::<Exact<10, 2>>().unwrap();
    Kinds {
        uuid: uuid::Uuid::from_u128(7),
        date: date(-9999, 1, 1),
        time_millis: time(23, 59, 59, 999_000_000),
        time_micros: time(0, 0, 0, 1_000),
        timestamp_millis: far,
        timestamp_micros: far,
        timestamp_nanos: Timestamp::from_nanos(i64::MIN),
        local_timestamp_millis: local,
        local_timestamp_micros: local,
        local_timestamp_nanos: date(1969, 12, 31).at(23, 59, 59, 999_999_999),
        big: "-0.001".parse().unwrap(),
        uuid_fixed: uuid::Uuid::max(),
        duration: avro::Duration {
            months: 1,
            days: 2,
            millis: u32::MAX,
        },
        wide: format!("1{}", "0".repeat(40)).parse().unwrap(),
        maybe: Some(cents("-99999999.99")),
        list: vec![cents("0"), cents("99999999.99")],
        map: BTreeMap::from([("a".to_owned(), cents("-0.01"))]),
        one_of: Some(KindsOneOf::Duration(avro::Duration::default())),
        nothings: vec![(), ()],
        nothing: (),
        null_map: BTreeMap::from([("a".to_owned(), ())]),
        list_of_maybe: vec![
            None,
            Some(KindsListOfMaybeItem::String("s".to_owned())),
            Some(KindsListOfMaybeItem::Bytes(vec![0])),
        ],
        suit: Suit::Spades,
        digest: Some(Digest([7; 40])),
    }
}

#[test]
fn every_logical_type() {
    let schema = Schema::parse(SchemaType::Avro, Kinds::SCHEMA, &[]).unwrap();
    let one_of = [
        None,
        Some(KindsOneOf::Decimal("0.07".parse().unwrap())),
        Some(KindsOneOf::Uuid(uuid::Uuid::nil())),
        Some(KindsOneOf::Timestamp(Timestamp::from_micros(i64::MAX))),
    ];
    let others = one_of.into_iter().map(|one_of| Kinds { one_of, ..kinds() });
    for kinds in others.chain([kinds(), Kinds::default()]) {
        let bytes = kinds.encode().unwrap();
        Walk::new(&schema).check(&bytes).unwrap();
        assert_eq!(Kinds::decode(&bytes).as_ref(), Ok(&kinds));
        let json = Reading::of(&schema).read(&bytes).unwrap().to_json();
        assert_eq!(json["uuid"], kinds.uuid.to_string());
        assert_eq!(json["date"].as_str().unwrap().trim_start_matches('-').len(), 10);
        assert_eq!(json["big"], kinds.big.to_string());
        assert_eq!(json["wide"], kinds.wide.to_string());
    }
    assert_eq!(Kinds::default().suit, Suit::Hearts, "the default of the schema");
    assert_eq!(Kinds::default().date, date(1970, 1, 1), "not the year 0");
}

#[test]
fn times_that_nanoseconds_do_not_tell_are_refused() {
    let far = Kinds {
        timestamp_nanos: "9999-12-31T00:00:00Z".parse().unwrap(),
        ..kinds()
    };
    let refused = |kinds: &Kinds| kinds.encode().unwrap_err().to_string();
    let expected = "9999-12-31T00:00:00.000Z is no time in nanoseconds, which are those of the years 1678 to 2261 and some days more";
    assert_eq!(refused(&far), expected);
    assert_eq!(KindsEvent::from(far).encode().unwrap_err().to_string(), expected);
    let early = Kinds {
        local_timestamp_nanos: date(0, 1, 1).at(0, 0, 0, 0),
        ..kinds()
    };
    assert!(refused(&early).starts_with("0000-01-01T00:00:00 is no time"));
}

#[test]
fn symbols_called_as_constants_are() {
    assert_eq!(
        Suit::ALL.map(Suit::as_str),
        ["SPADES", "HEARTS", "A_L_L", "S_C_H_E_M_A"]
    );
    assert!(Suit::SCHEMA.contains("S_C_H_E_M_A"));
    for suit in Suit::ALL {
        assert_eq!(Suit::decode(&suit.encode()), Ok(suit));
    }
}

#[test]
fn values_that_no_type_holds_are_errors_that_name_the_field() {
    let check = |change: fn(&mut avro::wire::Writer), field: &str, wanted: &str| {
        // The first fields alone: what follows is not come to.
        let mut bytes = avro::wire::Writer::new();
        change(&mut bytes);
        let error = Kinds::decode(&bytes.into_bytes()).unwrap_err();
        assert_eq!((error.path.as_str(), error.message.as_str()), (field, wanted));
    };
    check(|to| to.string("x"), "uuid", "\"x\" is no uuid");
    check(
        |to| {
            to.uuid(uuid::Uuid::nil());
            to.int(i32::MAX);
        },
        "date",
        "day 2147483647 is none of the years -9999 to 9999",
    );
    check(
        |to| {
            to.uuid(uuid::Uuid::nil());
            to.int(0);
            to.int(86_400_000);
        },
        "time_millis",
        "86400000 is no time of a day, which ends at 86400000",
    );
}

#[test]
fn types_of_other_files_are_types_of_their_own_namespaces() {
    let corner = |lat, lon| geo::Point { lat, lon };
    let moved = tracks::Moved {
        ship: uuid::Uuid::from_u128(1),
        at: corner(1.5, -2.0),
        within: Some(geo::Area {
            south_west: corner(0.0, 0.0),
            north_east: corner(3.0, 3.0),
        }),
        course: vec![corner(0.0, 0.5)],
    };
    assert_eq!(tracks::Moved::decode(&moved.encode()).as_ref(), Ok(&moved));
    let event = TracksEvent::from(moved);
    let references: Vec<&str> = event.schema().references.iter().map(|(name, ..)| *name).collect();
    assert_eq!(references, ["geo.Area", "geo.Point"]);
}

#[test]
fn zero_without_bytes_is_zero() {
    let mut to = avro::wire::Writer::new();
    to.bytes(&[]);
    let bytes = to.into_bytes();
    let read = avro::wire::Source::decimal::<9, 2>(&mut avro::wire::Reader::new(&bytes));
    assert_eq!(read, Ok(Exact::ZERO));
    assert_eq!(Exact::<9, 2>::ZERO.get(), Decimal::new(0, 2));
}

#[test]
fn enums_and_fixeds_are_events_too() {
    let seen = read::<KindsEvent>(SchemaType::Avro, Suit::SCHEMA, 1, &[2]);
    assert_eq!(seen, Ok(Seen::Known(KindsEvent::Suit(Suit::Hearts))));
    let digest = Digest([1; 40]);
    assert_eq!(Digest::decode(&digest.encode()), Ok(digest));
}

#[test]
fn a_record_that_moved_is_read_by_its_short_name() {
    let [old, new] = [0, 1].map(|version| {
        let mut of_topic = generated::SCHEMAS
            .iter()
            .filter(|listed| listed.subject == "moved-value");
        of_topic.nth(version).unwrap().text
    });
    let seen = read::<MovedEvent>(SchemaType::Avro, old, 1, &[2]);
    let read_as = n::A {
        a: 1,
        b: "b".to_owned(),
    };
    assert_eq!(seen, Ok(Seen::Known(MovedEvent::A(read_as))));
    let newer = new.replace("n.A", "o.A");
    let seen = read::<MovedEvent>(SchemaType::Avro, &newer, 1, &[2, 2, b'x']);
    assert!(matches!(seen, Ok(Seen::Known(_))), "{seen:?}");
    let other = new.replace("n.A", "n.B");
    assert_eq!(
        read::<MovedEvent>(SchemaType::Avro, &other, 1, &[]),
        Ok(Seen::UnknownKind)
    );
}

#[test]
fn a_writer_is_read_but_for_what_does_not_fit() {
    let text = r#"{"type": "record", "name": "l.R", "fields": [
        {"name": "either", "type": ["int", "string"]},
        {"name": "branches", "type": {"type": "array", "items": "R"}},
        {"name": "gone", "type": ["null", "R"]},
        {"name": "by_name", "type": {"type": "map", "values": "null"}},
        {"name": "v", "type": "int"}
    ]}"#;
    // Its fields are in another order, and of its union one branch alone is the reader's.
    let leaf = |v: u8| [2, 2, b'x', 0, 0, 0, v];
    let fits = [
        &[2, 2, b'x', 2],
        &leaf(4)[..],
        &[0, 2],
        &leaf(6),
        &[2, 2, b'k', 0, 8],
    ]
    .concat();
    let read_as = R {
        v: 4,
        branches: vec![R { v: 2, ..list(1) }],
        by_name: BTreeMap::from([("k".to_owned(), None)]),
        ..list(1)
    };
    let seen = read::<ListsEvent>(SchemaType::Avro, text, 1, &fits);
    assert_eq!(seen, Ok(Seen::Known(ListsEvent::R(read_as))));

    let mut other = fits.clone();
    // The branch that the reader has not.
    other.splice(4..7, [0, 9]);
    let error = read::<ListsEvent>(SchemaType::Avro, text, 1, &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "l.R (schema id 1): branches[0].either: found int, the reader expects union (byte 4)"
    );
}

#[test]
fn a_record_that_subjects_define_differently_is_several_types() {
    let street = || "Kirchweg 1".to_owned();
    let buyer = shop::Buyer {
        name: "Ada".to_owned(),
        address: shop::Address { street: street() },
    };
    // What did not change is shared with the old version; what differs only in its defaults, with another subject.
    let old = shop::v1::Order { buyer: buyer.clone() };
    let bytes = old.encode();
    let order = |total| shop::Order {
        buyer: buyer.clone(),
        total,
    };
    let text = shop::v1::Order::SCHEMA;
    assert_eq!(
        read::<OrderedEvent>(SchemaType::Avro, text, 1, &bytes),
        Ok(Seen::Known(OrderedEvent::Order(order(7))))
    );
    assert_eq!(
        read::<PaidEvent>(SchemaType::Avro, text, 1, &bytes),
        Ok(Seen::Known(PaidEvent::Order(order(9))))
    );
    let (ordered, paid) = (OrderedEvent::Order(order(1)), PaidEvent::Order(order(1)));
    assert_eq!((ordered.subject(), ordered.version()), ("ordered-value", 2));
    assert_eq!((paid.subject(), paid.version()), ("paid-value", 1));

    use shop::rebilled_value;
    let billed = rebilled_value::Order {
        buyer: rebilled_value::Buyer {
            name: "Ada".to_owned(),
            address: rebilled_value::Address {
                lines: vec![street()],
            },
        },
        total: 1,
    };
    assert_eq!(rebilled_value::Order::NAME, shop::Order::NAME);
    let bytes = billed.encode();
    let seen = read::<RebilledEvent>(SchemaType::Avro, rebilled_value::Order::SCHEMA, 1, &bytes);
    assert_eq!(seen, Ok(Seen::Known(RebilledEvent::Order(billed))));
}
