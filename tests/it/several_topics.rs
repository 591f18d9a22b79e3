//! An order and its packages, whose events are in two topics, from the schemas to the auditor's answer.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;

const FOLD: &str = "\
name: order
rev: 1
topics: [orders, packages]
events:
  OrderPlaced:
    begin:
      - set: { total: event.total, paid: decimal('0.00'), packages: {} }
  OrderPaid:
    on:
      - add: { paid: event.amount }
  PackagePacked:
    on:
      - set: { \"packages[event.package_id]\": { carrier: null, paid: state.paid } }
  PackageShipped:
    on:
      - set: { \"packages[event.package_id].carrier\": event.carrier }
";

/// A schema whose branches are these events, with these properties.
fn schema(events: &[(&str, &[(&str, &str)])]) -> Value {
    let of = events.iter().map(|(name, properties)| {
        let typed = properties
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), json!({"type": kind})));
        let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
        json!({
            "type": "object", "title": name, "required": required, "additionalProperties": false,
            "properties": typed.collect::<serde_json::Map<_, _>>(),
        })
    });
    let text = json!({"oneOf": of.collect::<Vec<_>>()}).to_string();
    json!({"schemaType": "JSON", "schema": text})
}

/// What a command ends with, and says.
fn check(server: &Server, args: &[&str], code: i32, says: &[&str]) {
    let out = server.annals(args);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    for says in says {
        assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    }
}

/// A server with both topics and their schemas.
fn served() -> Server {
    let server = Server::start(&[]);
    for (topic, partitions) in [("orders", "2"), ("packages", "3")] {
        check(
            &server,
            &["topic", "create", topic, "--partitions", partitions],
            0,
            &[],
        );
    }
    let orders = schema(&[
        ("OrderPlaced", &[("total", "number")]),
        ("OrderPaid", &[("amount", "number")]),
    ]);
    let packages = schema(&[
        ("PackagePacked", &[("package_id", "string")]),
        (
            "PackageShipped",
            &[("package_id", "string"), ("carrier", "string")],
        ),
    ]);
    server.post("/subjects/orders-value/versions", &orders);
    server.post("/subjects/packages-value/versions", &packages);
    server
}

#[test]
fn events_that_a_fold_has_not_heard_of_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let path = file.to_str().unwrap();
    let server = served();
    let fold =
        "name: placed\nrev: 1\ntopic: orders\nevents: {OrderPlaced: {begin: [set: {total: event.total}]}}\n";
    fs::write(&file, fold).unwrap();
    check(&server, &["fold", "load", path], 0, &[]);
    for event in [json!({"total": 20}), json!({"amount": 5}), json!({"amount": 6})] {
        fs::write(&file, format!("{event}\n")).unwrap();
        check(
            &server,
            &["produce", "orders", "--key", "7", "--file", path],
            0,
            &[],
        );
    }
    let told =
        "2 events are no part of this, of a kind the fold has not heard of: OrderPaid at 1, OrderPaid at 2";
    check(&server, &["state", "placed/7"], 0, &[told]);
    check(
        &server,
        &["state", "placed/7", "--at", "revision:1"],
        0,
        &["1 event is no part of this"],
    );
    check(
        &server,
        &["list", "placed"],
        0,
        &["events of 1 of those shown are no part"],
    );
}

#[test]
fn an_order_and_its_packages_are_one_aggregate() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = served();
    let good = file("order.yaml", FOLD);
    let sound = "fold order of revision 1, over topic orders, packages";
    check(&server, &["fold", "check", &good], 0, &[sound]);
    let bad = file("bad.yaml", &FOLD.replace("[orders, packages]", "[orders]"));
    let missing = "no schema of record PackagePacked is registered for topic orders";
    check(&server, &["fold", "check", &bad], 3, &[missing, "bad.yaml:11:3"]);
    let both = file("both.yaml", &FOLD.replace("rev: 1", "rev: 1\ntopic: orders"));
    let not_both = "a fold says its `topic:` or its `topics:`, and not both";
    check(
        &server,
        &["fold", "check", &both],
        3,
        &[not_both, "both.yaml:4:9"],
    );
    check(&server, &["fold", "load", &good], 0, &["order"]);
    check(&server, &["fold", "list"], 0, &["orders, packages"]);

    // One after the other, so each is recorded behind the one before.
    for (topic, key, event) in [
        ("orders", "7", json!({"total": 20})),
        ("packages", "7", json!({"package_id": "a"})),
        ("orders", "7", json!({"amount": 12.5})),
        ("packages", "7", json!({"package_id": "b"})),
        ("orders", "8", json!({"total": 1})),
        ("packages", "7", json!({"package_id": "a", "carrier": "DHL"})),
    ] {
        let lines = file("event.jsonl", &format!("{event}\n"));
        check(
            &server,
            &["produce", topic, "--key", key, "--file", &lines],
            0,
            &[],
        );
    }
    let asked = |args: &[&str]| -> Value {
        let out = server.annals(&[args, &["-o", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
    };
    let whole = json!({
        "total": "20", "paid": "12.50",
        "packages": {"a": {"carrier": "DHL", "paid": "0.00"}, "b": {"carrier": null, "paid": "12.50"}},
    });
    let answer = asked(&["state", "order/7"]);
    assert_eq!(answer["state"], whole);
    let cut = answer["cut"].as_str().unwrap();
    assert!(
        cut.starts_with("orders/0=") && cut.contains(",packages/2="),
        "{cut}"
    );
    assert_eq!(asked(&["state", "order/7", "--at", cut])["state"], whole);
    let logs: Vec<_> = answer["logs"].as_array().unwrap().iter().collect();
    let told: Vec<_> = logs.iter().map(|log| (&log["topic"], &log["events"])).collect();
    assert_eq!(
        told,
        [(&json!("orders"), &json!(2)), (&json!("packages"), &json!(3))]
    );

    let history = asked(&["history", "order/7"]);
    let entries = history["entries"].as_array().unwrap();
    let topics: Vec<_> = entries
        .iter()
        .map(|entry| entry["log"]["topic"].as_str().unwrap())
        .collect();
    assert_eq!(topics, ["orders", "packages", "orders", "packages", "packages"]);
    let first_packed =
        json!({"total": "20", "paid": "0.00", "packages": {"a": {"carrier": null, "paid": "0.00"}}});
    let at_time = asked(&[
        "state",
        "order/7",
        "--at",
        entries[1]["recorded"].as_str().unwrap(),
    ]);
    assert_eq!(at_time["state"], first_packed);
    let by_revision = asked(&["state", "order/7", "--at", "revision:1"]);
    assert_eq!(by_revision["state"], first_packed);
    let by_cut = asked(&["state", "order/7", "--at", by_revision["cut"].as_str().unwrap()]);
    assert_eq!(
        (&by_cut["state"], &by_cut["revision"]),
        (&first_packed, &json!(1))
    );

    let explained = asked(&["state", "order/7", "--explain"])["explanation"]["leaves"].clone();
    let of = |path: &str| {
        let mut leaves = explained.as_array().unwrap().iter();
        let leaf = leaves.find(|leaf| leaf["path"] == path).unwrap();
        (leaf["by"]["event"].clone(), leaf["by"]["log"]["topic"].clone())
    };
    assert_eq!(
        of("/packages/a/carrier"),
        (json!("PackageShipped"), json!("packages"))
    );
    assert_eq!(of("/paid"), (json!("OrderPaid"), json!("orders")));

    let listed = asked(&["list", "order", "--where", "state.packages.size() == 2"]);
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&json!(2), &json!("7"))
    );
    assert_eq!(listed["items"][0]["log"]["topic"], "packages");
    check(&server, &["list", "order"], 0, &["7 ", "8 "]);
    check(
        &server,
        &["history", "order/7"],
        0,
        &["packages/", "PackageShipped"],
    );
    check(
        &server,
        &["diff", "order/7", "--from", "revision:3"],
        0,
        &["/packages/a/carrier", "DHL"],
    );
    check(
        &server,
        &["state", "order/7", "--at", "offset:1"],
        2,
        &["give a cut such as orders/0=12,packages/0=5"],
    );
    check(
        &server,
        &["changes", "order", "--since", "-1h"],
        0,
        &["PackageShipped", "/packages/a/carrier", "packages/"],
    );
}

/// Parcels have keys of their own, and say in a field whose they are.
const BY_FIELD: &str = "\
name: order
rev: 1
topics:
  - orders
  - {topic: parcels, by: order_id}
events:
  OrderPlaced:
    begin:
      - set: { total: event.total, parcels: {} }
  ParcelSent:
    on:
      - set: { \"parcels[event.parcel_id]\": event.carrier }
";

#[test]
fn parcels_are_those_of_the_order_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_in(data.path(), &[]);
    for (topic, partitions) in [("orders", "2"), ("parcels", "3")] {
        let create = ["topic", "create", topic, "--partitions", partitions];
        check(&server, &create, 0, &[]);
    }
    let orders = schema(&[("OrderPlaced", &[("total", "number")])]);
    let parcels = schema(&[(
        "ParcelSent",
        &[
            ("parcel_id", "string"),
            ("order_id", "integer"),
            ("carrier", "string"),
            ("weight", "number"),
        ],
    )]);
    server.post("/subjects/orders-value/versions", &orders);
    server.post("/subjects/parcels-value/versions", &parcels);
    let wrong = |field: &str, says: &[&str]| {
        let bad = file("bad.yaml", &BY_FIELD.replace("order_id", field));
        check(&server, &["fold", "check", &bad], 3, says);
    };
    wrong(
        "order",
        &["ParcelSent has no field `order`", "bad.yaml:5:26", "by: order}"],
    );
    wrong(
        "weight",
        &[
            "weight of ParcelSent is a decimal, which is no id",
            "bad.yaml:5:26",
        ],
    );
    let good = file("order.yaml", BY_FIELD);
    let sound = "over topic orders, parcels by order_id";
    check(&server, &["fold", "check", &good], 0, &[sound]);
    check(&server, &["fold", "load", &good], 0, &["order"]);
    check(&server, &["fold", "list"], 0, &["orders, parcels by order_id"]);

    let parcel = |id: &str, order: u32, carrier: &str| json!({"parcel_id": id, "order_id": order, "carrier": carrier, "weight": 1});
    for (topic, key, event) in [
        ("orders", "7", json!({"total": 20})),
        ("parcels", "a", parcel("a", 7, "DHL")),
        ("orders", "8", json!({"total": 1})),
        ("parcels", "b", parcel("b", 8, "UPS")),
        ("parcels", "c", parcel("c", 7, "GLS")),
        ("parcels", "a", parcel("a", 7, "DPD")),
    ] {
        let lines = file("event.jsonl", &format!("{event}\n"));
        check(
            &server,
            &["produce", topic, "--key", key, "--file", &lines],
            0,
            &[],
        );
    }
    let whole = json!({"total": "20", "parcels": {"a": "DPD", "c": "GLS"}});
    let asked = |server: &Server, args: &[&str]| -> Value {
        let out = server.annals(&[args, &["-o", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
    };
    let answer = asked(&server, &["state", "order/7"]);
    assert_eq!(
        (&answer["state"], &answer["also_in_partitions"]),
        (&whole, &json!([]))
    );
    let logs = answer["logs"].as_array().unwrap();
    let by: Vec<_> = logs.iter().map(|log| (&log["topic"], log.get("by"))).collect();
    assert_eq!(by[0], (&json!("orders"), None));
    assert_eq!(by[1], (&json!("parcels"), Some(&json!("order_id"))));
    let history = asked(&server, &["history", "order/7"]);
    let carriers = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["data"]["carrier"].clone());
    assert_eq!(
        carriers.skip(1).collect::<Vec<_>>(),
        [json!("DHL"), json!("GLS"), json!("DPD")]
    );
    let listed = asked(
        &server,
        &["list", "order", "--where", "state.parcels.size() == 2"],
    );
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&json!(2), &json!("7"))
    );
    let cut = answer["cut"].as_str().unwrap();
    check(
        &server,
        &["changes", "order", "--since", "-1h"],
        0,
        &["ParcelSent", "/parcels/c", "parcels/"],
    );
    check(
        &server,
        &["diff", "order/7", "--from", "revision:1"],
        0,
        &["/parcels/c", "GLS"],
    );
    check(&server, &["state", "order/7", "--explain"], 0, &["ParcelSent"]);
    let other = file(
        "order.yaml",
        &BY_FIELD
            .replace("event.carrier", "event.weight")
            .replace("rev: 1", "rev: 2"),
    );
    check(&server, &["fold", "diff", &other], 3, &["order", "7"]);
    let keyed = file(
        "keyed.yaml",
        &BY_FIELD.replace("{topic: parcels, by: order_id}", "parcels"),
    );
    check(
        &server,
        &["fold", "diff", &keyed],
        1,
        &["orders, parcels by order_id, not orders, parcels"],
    );

    server.stop();
    let server = Server::start_in(data.path(), &[]);
    assert_eq!(asked(&server, &["state", "order/7", "--at", cut])["state"], whole);
}
