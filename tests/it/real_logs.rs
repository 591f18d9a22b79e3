//! Real event logs through librdkafka, every aggregate rebuilt at the head and at random cuts.
//!
//! What a state should be is worked out by the Python suites from the log files themselves.

use std::fs;
use std::path::PathBuf;

use crate::server::{Server, clients, python};

/// Cuts of a log of 2,000 orders.
const ORDERS_CUTS: &str = "200";
/// Cuts of a log that has fifteen times as many events: each is one more fold of all of them.
const ITEMS_CUTS: &str = "40";

fn data(file: &str) -> Option<String> {
    let folder = std::env::var_os("ANNALS_TEST_DATA").map(PathBuf::from);
    match folder.map(|folder| folder.join(file)) {
        Some(path) if path.exists() => path.to_str().map(str::to_owned),
        _ => {
            println!("skipped: {file} is not there (ANNALS_TEST_DATA names its folder)");
            None
        }
    }
}

#[test]
fn order_management() {
    let Some(log) = data("order-management.csv") else {
        return;
    };
    let server = Server::start(&[]);
    for fold in ["order.yaml", "package.yaml"] {
        let text = fs::read_to_string(clients().join("../../examples/folds").join(fold)).unwrap();
        fs::write(server.data_dir().join("folds").join(fold), text).unwrap();
    }
    python(
        "order management",
        "order_management.py",
        &[&server.kafka, &server.http, &log, ORDERS_CUTS],
    );
}

#[test]
fn purchase_orders() {
    let Some(log) = data("bpic2019-sample.xes.gz") else {
        return;
    };
    let server = Server::start(&[]);
    let fold = fs::read_to_string(clients().join("purchase_item.yaml")).unwrap();
    fs::write(server.data_dir().join("folds/purchase_item.yaml"), fold).unwrap();
    python(
        "purchase orders",
        "bpic2019.py",
        &[&server.kafka, &server.http, &log, ITEMS_CUTS],
    );
}
