//! What the history promises, counted.

use std::collections::{BTreeMap, BTreeSet};

use annals_schema_model::{EventSet, Schema, Walk};

use super::*;
use crate::events::shop::orders::{AddressChanged, OrderPaid, OrderPlaced, OrderRefunded};
use crate::events::shop::packages::PackageEvent;
use crate::events::{OrdersEvent, PackagesEvent};

const SEED: u64 = 1;

fn of_kind<'a>(records: &'a [DemoRecord], name: &'static str) -> impl Iterator<Item = &'a DemoRecord> {
    records.iter().filter(move |record| record.record_name == name)
}

/// Events of each order, those of its packages included: a package counts for every order with an item in it.
fn lengths(records: &[DemoRecord]) -> Vec<usize> {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    let mut inside: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for record in records {
        if record.topic == OrdersEvent::TOPIC {
            *lengths.entry(record.partition_key.clone()).or_default() += 1;
            continue;
        }
        let message: PackageEvent = prost::Message::decode(&record.body[1..]).unwrap();
        let package = PackagesEvent::from_message(message).unwrap();
        let orders = inside.entry(&record.partition_key).or_default();
        if let crate::events::shop::packages::package_event::Event::Created(created) = package.event {
            orders.extend(created.items.into_iter().map(|item| item.order_id));
        }
        for order in orders.iter() {
            *lengths.entry(order.clone()).or_default() += 1;
        }
    }
    let mut lengths: Vec<usize> = lengths.into_values().collect();
    lengths.sort_unstable();
    lengths
}

#[test]
fn a_seed_is_a_history() {
    let first: Vec<DemoRecord> = history(SEED).collect();
    assert!(history(SEED).eq(first.iter().cloned()));
    assert!(!history(SEED + 1).eq(first.iter().cloned()));
}

#[test]
fn every_seed_has_the_promised_shape() {
    for seed in [SEED, 2026, u64::MAX] {
        let records: Vec<DemoRecord> = history(seed).collect();
        let lengths = lengths(&records);
        let (median, longest) = (lengths[lengths.len() / 2], lengths[lengths.len() - 1]);
        assert_eq!(lengths.len(), ORDERS as usize);
        assert!(
            (22_000..=23_500).contains(&records.len()),
            "{} events",
            records.len()
        );
        assert!((9..=12).contains(&median), "median {median}");
        assert!(longest > 100, "longest {longest}");
        let packages = records
            .iter()
            .filter(|record| record.topic == PackagesEvent::TOPIC)
            .count();
        assert!(
            (4_000..6_500).contains(&packages),
            "{packages} events of packages"
        );
        let kinds: BTreeSet<_> = records.iter().map(|record| record.record_name).collect();
        assert_eq!(kinds.len(), OrdersEvent::READER.len() + 1, "{kinds:?}");
    }
}

#[test]
fn records_come_in_the_order_of_the_log_and_say_who_and_when() {
    let records: Vec<DemoRecord> = history(SEED).collect();
    assert!(records.is_sorted_by_key(|record| record.timestamp_ms));
    assert!(
        records
            .iter()
            .all(|record| (BEGIN_MS..END_MS).contains(&record.timestamp_ms))
    );
    let mut late = 0;
    for record in &records {
        let [("actor", actor), ("business-time", time)] = record.headers.as_slice() else {
            panic!("{:?}", record.headers);
        };
        assert!(!actor.is_empty());
        let business: annals_schema_model::Timestamp = time.parse().unwrap();
        assert!(business.as_millis() < record.timestamp_ms, "{record:?}");
        late += usize::from(business.as_millis() + 3_600_000 < record.timestamp_ms);
    }
    assert!(late > 20, "{late} records came more than an hour late");
}

#[test]
fn every_body_reads_with_the_schema_it_names() {
    let walks: BTreeMap<(&str, u32), Walk> = SCHEMAS
        .iter()
        .map(|listed| {
            let schema = Schema::parse(listed.schema_type, listed.text, &[]).unwrap();
            ((listed.subject, listed.version), Walk::new(&schema))
        })
        .collect();
    for record in history(SEED) {
        let walk = &walks[&(record.subject, record.schema_version)];
        walk.check(&record.body)
            .unwrap_or_else(|error| panic!("{record:?}: {error}"));
    }
}

#[test]
fn one_schema_evolves_half_way() {
    let records: Vec<DemoRecord> = history(SEED).collect();
    let mut versions = [0, 0];
    for record in of_kind(&records, OrderPlaced::NAME) {
        versions[record.schema_version as usize - 1] += 1;
        assert_eq!(
            record.schema_version == 1,
            record.timestamp_ms < CHANNELS_SINCE_MS + 120,
            "{record:?}"
        );
    }
    assert!(
        versions.iter().all(|count| (900..1_100).contains(count)),
        "{versions:?}"
    );
}

#[test]
fn one_order_went_wrong() {
    let records: Vec<DemoRecord> = history(SEED).collect();
    let mut changes: BTreeMap<&str, Vec<(i64, &str)>> = BTreeMap::new();
    for record in of_kind(&records, AddressChanged::NAME) {
        let changed_at = AddressChanged::decode(&record.body).unwrap().changed_at;
        let change = (changed_at.as_millis(), record.headers[0].1.as_str());
        changes.entry(&record.partition_key).or_default().push(change);
    }
    let twice: Vec<_> = changes.iter().filter(|(_, times)| times.len() > 1).collect();
    let [(order, times)] = twice.as_slice() else {
        panic!("{twice:?}")
    };
    let [(first, one), (second, other)] = times.as_slice() else {
        panic!("{times:?}")
    };
    assert_eq!(
        (**order, *one, *other),
        (MISTAKE_ORDER, MISTAKE_ACTOR, MISTAKE_ACTOR)
    );
    assert_eq!(second - first, MISTAKE_WINDOW_MS);

    let mut balance: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for record in of_kind(&records, OrderPaid::NAME) {
        balance.entry(&record.partition_key).or_default().0 +=
            record::cents(OrderPaid::decode(&record.body).unwrap().amount);
    }
    for record in of_kind(&records, OrderRefunded::NAME) {
        balance.entry(&record.partition_key).or_default().1 +=
            record::cents(OrderRefunded::decode(&record.body).unwrap().amount);
    }
    let wrong: Vec<_> = balance
        .iter()
        .filter(|(_, (paid, refunded))| refunded > paid)
        .collect();
    let euros = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    assert_eq!(
        wrong,
        [(&MISTAKE_ORDER, &(euros(MISTAKE_PAID), euros(MISTAKE_REFUNDED)))]
    );
    assert!(balance.values().filter(|(_, refunded)| *refunded > 0).count() > 40);
}
