//! Records of types that other files define: written, read, and read from another writer's bytes.

use annals_schema_model::{Resolved, Schema, SchemaType, Seen};

use crate::one::One;
use crate::sets::generated::trade::Priced;
use crate::sets::generated::trade::common::{Currency, Money, Party};
use crate::sets::generated::{PricedEvent, SCHEMAS};

fn referred(without: &str) -> Vec<Resolved> {
    let referred = Priced::REFERENCES.iter().map(|(name, text)| Resolved {
        name: (*name).to_owned(),
        text: text.replace(without, ""),
    });
    referred.collect()
}

#[test]
fn a_record_holds_what_other_files_define() {
    let money = |cents| Money {
        cents,
        currency: Currency::Usd,
    };
    let priced = Priced {
        price: money(7),
        by: vec![Party {
            name: "a".to_owned(),
            limit: Some(money(9)),
        }],
    };
    let body = priced.encode().unwrap();
    assert_eq!(Priced::decode(&body).as_ref(), Ok(&priced));
    let own = Schema::parse(SchemaType::Avro, Priced::SCHEMA, &referred("nothing")).unwrap();
    let mut record = vec![0, 0, 0, 0, 1];
    record.extend(&body);
    let seen = PricedEvent::from_record(&record, &One::new(own));
    assert_eq!(seen, Ok(Seen::Known(PricedEvent::Priced(priced.clone()))));

    // A writer whose `Party` had no limit yet.
    let older = referred(",\n  { \"name\": \"limit\", \"type\": [\"null\", \"Money\"], \"default\": null }");
    let older = Schema::parse(SchemaType::Avro, Priced::SCHEMA, &older).unwrap();
    let record = [0, 0, 0, 0, 1, 14, 2, 2, 2, b'a', 0];
    let seen = PricedEvent::from_record(&record, &One::new(older));
    let mut without = priced;
    without.by[0].limit = None;
    assert_eq!(seen, Ok(Seen::Known(PricedEvent::Priced(without))));
}

#[test]
fn what_is_referred_to_is_listed_before() {
    let place = |subject: &str| {
        SCHEMAS
            .iter()
            .position(|listed| listed.subject == subject)
            .unwrap()
    };
    assert!(place("parties") < place("priced-value"));
    let priced = SCHEMAS[place("priced-value")].references;
    assert!(
        priced.contains(&("trade.common.Party", "parties", 1)),
        "{priced:?}"
    );
}
