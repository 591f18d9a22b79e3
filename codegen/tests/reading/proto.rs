//! Protobuf as people write it, and as nobody should: what is generated from it compiles, and says the same as
//! prost-reflect's messages, which are made of descriptors alone.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use annals_schema_model::{EventSet, Raw, Resolved, Schema, SchemaId, SchemaType, Seen, envelope, proto};
use prost::Message;
use prost_reflect::DynamicMessage;

use crate::dynamic::Dice;
use crate::one::One;

/// Types generated from `tests/proto`.
#[allow(unreachable_pub)]
pub(crate) mod generated {
    include!("../golden/proto.rs.txt");
}

/// Types generated from `tests/random`: several files that declare what they like in a few packages.
#[allow(unreachable_pub)]
mod random {
    include!("../golden/random.rs.txt");
}

use generated::{
    AvroEvent, BareEvent, LedgerEvent, ManyEvent, PaymentsEvent, SCHEMAS, StoreEvent, TwinsEvent, WordsEvent,
    ledger, p, shop, t,
};

/// A schema; what it imports is where the generator found it.
fn parsed(text: &str) -> Schema {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proto");
    let name = "shop/common/money.proto".to_owned();
    let text_of_import = std::fs::read_to_string(root.join(&name)).unwrap();
    let import = Resolved {
        name,
        text: text_of_import,
    };
    Schema::parse(SchemaType::Protobuf, text, &[import]).unwrap()
}

fn read<E: EventSet>(text: &str, body: &[u8]) -> Seen<E> {
    let schema = SchemaId::new(1).unwrap();
    E::decode(&Raw { schema, body }, &One::new(parsed(text))).unwrap()
}

/// Both read what the other writes, and see the same in it.
fn agree<M: Message + Default + PartialEq + Debug>(schema: &Schema, name: &str) {
    let Schema::Proto(schema) = schema else { panic!() };
    let descriptor = schema.file().parent_pool().get_message_by_name(name).unwrap();
    let mut dice = Dice(7);
    for _ in 0..200 {
        // Read once, because what was set to nothing is nothing when it is read.
        let bytes = dice.message(&descriptor, 0).encode_to_vec();
        let theirs = DynamicMessage::decode(descriptor.clone(), &bytes[..]).unwrap();
        let ours = M::decode(&bytes[..]).unwrap();
        let written = ours.encode_to_vec();
        let back = DynamicMessage::decode(descriptor.clone(), &written[..]).unwrap();
        // Members of a oneof stand elsewhere among the fields, and zeros in a map are left out: it is not these bytes that
        // are compared. What prost-reflect prints of its messages has no end.
        assert!(back == theirs, "{name}: {ours:?}");
        assert_eq!(back.encode_to_vec(), theirs.encode_to_vec(), "{name}");
        assert_eq!(M::decode(&written[..]).as_ref(), Ok(&ours));
    }
}

fn text(subject: &str) -> &'static str {
    SCHEMAS
        .iter()
        .find(|schema| schema.subject == subject)
        .unwrap()
        .text
}

#[test]
fn messages_are_what_their_descriptors_say() {
    let payments = parsed(PaymentsEvent::SCHEMA);
    agree::<shop::payments::v1::PaymentEvent>(&payments, "shop.payments.v1.PaymentEvent");
    agree::<shop::common::Money>(&payments, "shop.common.Money");
    let ledger = parsed(LedgerEvent::SCHEMA);
    agree::<ledger::old::Entry>(&ledger, "ledger.old.Entry");
    agree::<ledger::old::entry::Note>(&ledger, "ledger.old.Entry.Note");
    agree::<ledger::old::Batch>(&ledger, "ledger.old.Batch");
    agree::<ledger::old::Clash>(&ledger, "ledger.old.Clash");
    agree::<p::M2>(&parsed(text("many-p.M")), "p.M");
    agree::<p::outer::Inner2>(&parsed(text("many-p.Outer.Inner")), "p.Outer.Inner");
    agree::<t::One>(&parsed(text("twins-t.One")), "t.One");
    agree::<t::Two>(&parsed(text("twins-t.Two")), "t.Two");
    agree::<generated::Bare>(&parsed(BareEvent::SCHEMA), "Bare");
    words();
}

fn words() {
    use generated::core::std::crate_::r#type::self_ as w;

    let words = parsed(WordsEvent::SCHEMA);
    macro_rules! all {
        ($($type:ident $name:literal,)*) => { $(agree::<w::$type>(&words, concat!("core.std.crate.type.self.", $name));)* };
    }
    all! {
        Option "Option", Vec "Vec", Result "Result", String "String", Box "Box", Some "Some", None "None",
        Self_ "Self", Self2 "self", Bool "Bool", I32 "I32", Prost "Prost", Clone "Clone", Message "Message",
        _1 "_1", FooBar "fooBar", FooBar2 "FooBar", FooBar3 "foo_bar", Methods "Methods", OnlyOneof "OnlyOneof",
        Core "core", Type "type",
    }
}

#[test]
fn defaults_are_the_schemas() {
    let entry = ledger::old::Entry::default();
    assert_eq!(
        (entry.kind(), entry.small(), entry.large()),
        (ledger::old::entry::Kind::Debit, i32::MIN, i64::MIN)
    );
    assert_eq!(
        (entry.largest(), entry.single(), entry.huge()),
        (u64::MAX, 0.1, f64::INFINITY)
    );
    assert!(entry.below() == -1e300 && entry.none().is_nan() && entry.sure());
    assert_eq!(
        (entry.text(), entry.raw()),
        ("quo\"te\\ \u{fc} \n", &b"\0\xff\"\\n"[..])
    );
    assert_eq!(entry.other(), ledger::old::entry::Kind::Credit);
}

#[test]
fn which_message_it_is_stands_before_it() {
    let check = |event: ManyEvent, subject: &str, indexes: &[u8]| {
        let body = event.body();
        assert!(body.starts_with(indexes), "{body:?}");
        assert_eq!(event.subject(), subject);
        assert_eq!(event.schema().text, text(subject));
        assert_eq!(subject, format!("many-{}", event.name()));
        // A schema's own walk finds the message, and nothing wrong with it.
        annals_schema_model::Walk::new(&parsed(text(subject)))
            .check(&body)
            .unwrap();
        assert_eq!(read::<ManyEvent>(text(subject), &body), Seen::Known(event));
    };
    let m = p::M2 {
        m: "m".to_owned(),
        other: Some(p::Other { x: 1 }),
    };
    // The same message of another file is the same type.
    let n = p::N {
        n: "n".to_owned(),
        other: m.other,
    };
    let inner = p::outer::Inner2 {
        inner: -1,
        outer: Some(p::Outer::default()),
    };
    check(m.into(), "many-p.M", &[2, 2, 10, 1, b'm']);
    check(n.into(), "many-p.N", &[2, 2, 10, 1, b'n']);
    check(inner.into(), "many-p.Outer.Inner", &[4, 4, 2, 8, 1]);
    assert_eq!(
        (p::M2::NAME, p::M2::SUBJECT, p::M2::VERSION),
        ("p.M", "many-p.M", 1)
    );
    assert_eq!(ManyEvent::READER.map_names(), ["p.M", "p.N", "p.Outer.Inner"]);
}

#[test]
fn a_message_of_two_topics_is_one_type() {
    let n = p::N {
        n: "n".to_owned(),
        other: None,
    };
    let event = StoreEvent::from(n.clone());
    let (subject, body) = (event.subject(), event.body());
    assert_eq!((subject, &body[..]), ("store-p.N", &[0, 10, 1, b'n'][..]));
    assert_eq!(read::<StoreEvent>(text(subject), &body), Seen::Known(event));
    // What is the type's own is that of the first.
    assert_eq!(p::N::SUBJECT, "many-p.N");
    assert_eq!(
        StoreEvent::READER,
        &[("p.N", parsed(text(subject)).fingerprint())]
    );
    assert_eq!(
        ManyEvent::READER[1],
        ("p.N", parsed(text("many-p.N")).fingerprint())
    );
    // Either reads what is written for the other.
    assert_eq!(read::<ManyEvent>(text(subject), &body), Seen::Known(n.into()));
}

trait Names {
    fn map_names(&self) -> Vec<&'static str>;
}

impl Names for &[(&'static str, [u8; 32])] {
    fn map_names(&self) -> Vec<&'static str> {
        self.iter().map(|(name, _)| *name).collect()
    }
}

#[test]
fn the_writers_file_says_which_message_it_is() {
    let text = "syntax = \"proto3\"; package p; message N { message M {} } message X {} message Outer { message Inner { sint64 inner = 1; } } message M { string more = 7; string m = 1; }";
    let check = |body: &[u8], expected: Seen<ManyEvent>| {
        assert_eq!(read::<ManyEvent>(text, body), expected, "{body:?}");
    };
    let m = p::M2 {
        m: "m".to_owned(),
        other: None,
    };
    check(&[2, 6, 10, 1, b'm', 58, 1, b'x'], Seen::Known(m.into()));
    check(&[0], Seen::Known(p::N::default().into()));
    check(&[2, 0], Seen::Known(p::N::default().into()));
    let inner = p::outer::Inner2 {
        inner: 2,
        outer: None,
    };
    check(&[4, 4, 0, 8, 4], Seen::Known(inner.into()));
    check(&[2, 2], Seen::UnknownKind);
    check(&[4, 0, 0], Seen::UnknownKind);
    check(&[2, 8], Seen::UnknownKind);
    let schema = SchemaId::new(1).unwrap();
    let wrong = |body: &[u8]| {
        ManyEvent::decode(&Raw { schema, body }, &One::new(parsed(text)))
            .unwrap_err()
            .to_string()
    };
    assert!(wrong(&[2, 6, 10, 9]).starts_with("p.M (schema id 1): "));
    assert!(wrong(&[1]).starts_with("schema id 1: the message indexes"));
}

#[test]
fn all_messages_of_a_file_are_a_topics_events() {
    let batch = ledger::old::Batch::default();
    let body = LedgerEvent::from(batch.clone()).body();
    assert_eq!(body[0], 0);
    assert_eq!(
        read::<LedgerEvent>(LedgerEvent::SCHEMA, &body),
        Seen::Known(LedgerEvent::Batch(batch))
    );
    assert_eq!(
        LedgerEvent::READER.map_names(),
        ["ledger.old.Batch", "ledger.old.Entry", "ledger.old.Clash"]
    );
    // A message inside of another is no event of the topic.
    assert_eq!(
        read::<LedgerEvent>(LedgerEvent::SCHEMA, &[4, 0, 0]),
        Seen::UnknownKind
    );
    let schema = parsed(WordsEvent::SCHEMA);
    for (index, (name, _)) in (0..).zip(WordsEvent::READER) {
        let mut body = Vec::new();
        envelope::write_message_indexes(&[index], &mut body);
        assert_eq!(schema.record_name_at(&[index]).as_deref(), Some(*name));
        let Seen::Known(event) = read::<WordsEvent>(WordsEvent::SCHEMA, &body) else {
            panic!("{name}");
        };
        assert_eq!((event.name(), event.body()), (*name, body));
    }
}

#[test]
fn members_of_a_oneof_are_events() {
    use shop::payments::v1::{PaymentEvent, payment_event::Event};

    let message = PaymentEvent {
        payment_id: "7".to_owned(),
        fees: BTreeMap::from([("a".to_owned(), shop::common::Money::default())]),
        ..PaymentEvent::default()
    };
    let event = PaymentsEvent::new(
        Event::Rounded(shop::common::Rounding::HalfEven.into()),
        message.clone(),
    );
    let seen = read::<PaymentsEvent>(PaymentsEvent::SCHEMA, &event.body());
    assert_eq!(seen, Seen::Known(event));
    // What stands in the message in its place is not written: of two members of a kind readers would make one.
    let other = PaymentEvent {
        event: Some(Event::Paid(shop::common::Money {
            units: 7,
            nanos: 1,
            ..Default::default()
        })),
        ..message.clone()
    };
    let paid = shop::common::Money {
        nanos: 2,
        ..Default::default()
    };
    let twice = PaymentsEvent {
        event: Event::Paid(paid),
        message: other,
    };
    let once = PaymentsEvent::new(twice.event.clone(), message.clone());
    assert_eq!(
        read::<PaymentsEvent>(PaymentsEvent::SCHEMA, &twice.body()),
        Seen::Known(once)
    );
    let nothing = proto::body(&[0], &message);
    assert_eq!(
        read::<PaymentsEvent>(PaymentsEvent::SCHEMA, &nothing),
        Seen::UnknownKind
    );
    let event = BareEvent::new(
        generated::bare::Event::Nothing(generated::Nothing {}),
        generated::Bare::default(),
    );
    assert_eq!(event.body(), [0, 10, 0]);
}

#[test]
fn what_is_written_can_be_read() {
    use generated::core::std::crate_::r#type::self_::{OnlyOneof, only_oneof::One as Choice};

    let nested = |depth: usize| {
        (1..depth).fold(
            OnlyOneof {
                one: Some(Choice::A(1)),
            },
            |inner, _| OnlyOneof {
                one: Some(Choice::B(Box::new(inner))),
            },
        )
    };
    let check = |depth: usize, readable: bool| {
        let event = WordsEvent::from(nested(depth));
        let written = event.encode();
        assert_eq!(written.is_ok(), readable, "{depth}");
        let schema = SchemaId::new(1).unwrap();
        let raw = Raw {
            schema,
            body: &event.body(),
        };
        let read = WordsEvent::decode(&raw, &One::new(parsed(WordsEvent::SCHEMA)));
        assert_eq!(read.is_ok(), readable, "{depth}");
    };
    check(1, true);
    check(100, true);
    check(102, false);
    check(1_000, false);
}

#[test]
fn twins_are_two_types() {
    let one = t::One {
        s: Some(t::S {
            x: 1,
            e: t::E::B.into(),
        }),
    };
    let two = t::Two {
        s: Some(t::S2 {
            x: "x".to_owned(),
            e: t::E2::C.into(),
        }),
        r#in: Some(t::s2::In {}),
    };
    for event in [TwinsEvent::One(one), TwinsEvent::Two(two)] {
        assert_eq!(
            read::<TwinsEvent>(event.schema().text, &event.body()),
            Seen::Known(event)
        );
    }
    // The Avro record has the plain name, its module the type of the other.
    let avro = p::M {
        m: "m".to_owned(),
        outer: p::outer::Inner {},
    };
    assert_eq!(AvroEvent::from(avro.clone()).body(), avro.encode());
}

#[test]
fn names_of_enums_are_the_schemas() {
    use ledger::old::clash::Loud;

    let names = ["LOUD_X", "LOUD_1", "X1Y", "loudly", "Self", "LOUD"];
    for (number, name) in (0..).zip(names) {
        let value = Loud::try_from(number).unwrap();
        assert_eq!(
            (value.as_str_name(), Loud::from_str_name(name)),
            (name, Some(value))
        );
    }
    assert_eq!(ledger::old::Clash::default().loud(), Loud::Self_);
}

#[test]
fn files_like_chance_are_read_by_their_indexes() {
    fn check<E: EventSet + Debug>(subject: &str) {
        let listed = random::SCHEMAS
            .iter()
            .find(|schema| schema.subject == subject)
            .unwrap();
        let imports = listed.references.iter().map(|(name, ..)| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/random")
                .join(name);
            Resolved {
                name: (*name).to_owned(),
                text: std::fs::read_to_string(path).unwrap(),
            }
        });
        let imports: Vec<Resolved> = imports.collect();
        let schema = Schema::parse(SchemaType::Protobuf, listed.text, &imports).unwrap();
        let id = SchemaId::new(1).unwrap();
        let registry = One::new(schema.clone());
        let Schema::Proto(proto) = &schema else { panic!() };
        let mut dice = Dice(3);
        let mut known = 0;
        for (index, message) in (0..).zip(proto.file().messages()) {
            for _ in 0..20 {
                let body = proto::body(&[index], &dice.message(&message, 0));
                let Seen::Known(event) = E::decode(
                    &Raw {
                        schema: id,
                        body: &body,
                    },
                    &registry,
                )
                .unwrap() else {
                    continue;
                };
                let (name, written) = event.encode().unwrap();
                assert_eq!(name, message.full_name());
                let [ours, theirs] = [&written, &body].map(|body| {
                    let (indexes, bytes) = envelope::read_message_indexes(body).unwrap();
                    assert_eq!(indexes, [index]);
                    DynamicMessage::decode(message.clone(), bytes).unwrap()
                });
                assert!(ours == theirs, "{name}: {event:?}");
                known += 1;
            }
        }
        assert!(known > 0, "{subject}");
    }
    check::<random::R0Event>("r0-value");
    check::<random::R1Event>("r1-value");
    check::<random::R2Event>("r2-value");
    check::<random::R3Event>("r3-value");
    check::<random::R4Event>("r4-value");
    check::<random::R5Event>("r5-value");
    check::<random::R6Event>("r6-value");
}
