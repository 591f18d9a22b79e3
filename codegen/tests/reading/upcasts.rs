//! Old versions that the user makes the newest of, one step after the other.

use annals_schema_model::{Exact, SchemaType, Seen};

use crate::foreign_writers::read;
use crate::sets::generated::RaisedEvent;
use crate::sets::generated::bids::{Bidder, Raised, v1, v2};

fn seen(text: &str, body: &[u8]) -> Raised {
    match read::<RaisedEvent>(SchemaType::Avro, text, 1, body) {
        Ok(Seen::Known(RaisedEvent::Raised(raised))) => raised,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_old_version_becomes_the_newest_by_way_of_those_between() {
    let bidder = || Bidder {
        name: "Ada".to_owned(),
    };
    let newest = |cents: i128, step: i32| Raised {
        bidder: bidder(),
        amount: Exact::from_unscaled(cents).unwrap(),
        step,
    };
    let first = |amount: &str| v1::Raised {
        bidder: bidder(),
        amount: amount.to_owned(),
    };
    let check =
        |text: &str, body: Vec<u8>, expected: Raised| assert_eq!(seen(text, &body), expected, "{text}");
    check(v1::Raised::SCHEMA, first("12").encode(), newest(1200, 1));
    check(v1::Raised::SCHEMA, first("twelve").encode(), newest(-1, 1));
    let second = v2::Raised {
        bidder: bidder(),
        amount: 250,
    };
    check(v2::Raised::SCHEMA, second.encode(), newest(250, 1));
    check(Raised::SCHEMA, newest(7, 9).encode(), newest(7, 9));

    // However it is laid out and documented, it is the same version; what is no version is resolved as ever.
    let other_words = v2::Raised::SCHEMA
        .replace("Cents.", "In cents")
        .replace(" }", "}");
    check(&other_words, second.encode(), newest(250, 1));
    let unheard_of = Raised::SCHEMA.replace("\"int\", \"default\": 3", "\"int\", \"default\": 4");
    check(&unheard_of, newest(7, 9).encode(), newest(7, 9));
    let without = Raised::SCHEMA.replace(
        ",\n  { \"name\": \"step\", \"type\": \"int\", \"default\": 3 }",
        "",
    );
    let body = newest(7, 9).encode();
    check(&without, body[..body.len() - 1].to_vec(), newest(7, 3));
}
