//! Unmodified clients: the Node and Rust clients of the registry and what they encode through the broker, and clients of
//! the broker in groups and transactions. The Java and Python ones are where what they do is tested.
//!
//! Each suite is a program `CLIENT BOOTSTRAP REGISTRY` that wants an empty server and stops at the first surprise.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{Server, binary, clients, given, run};

/// Run a suite on a server of its own.
fn suite(what: &str, command: &mut Command) {
    let server = Server::start(&[]);
    run(what, command.args([&server.kafka, &server.http]));
}

fn node(what: &str, script: &str) {
    let Some(modules) = given(what, "ANNALS_NODE_MODULES") else {
        return;
    };
    let script = clients().join("node").join(script);
    suite(what, Command::new("node").arg(script).env("NODE_PATH", modules));
}

/// A program that was built into a folder.
fn built(what: &str, variable: &str, program: &str) {
    if let Some(folder) = given(what, variable) {
        suite(what, &mut Command::new(PathBuf::from(folder).join(program)));
    }
}

#[test]
fn the_kafkajs_registry_client() {
    node("the kafkajs registry client", "kafkajs.js");
}

#[test]
fn the_confluent_node_client() {
    node("Confluent's Node client", "confluent.js");
}

#[test]
fn the_node_clients_in_groups_and_transactions() {
    node("the Node clients in groups", "groups.js");
}

#[test]
fn the_rust_registry_client() {
    built("the Rust registry client", "ANNALS_RUST_CLIENTS", "rust-client");
}

#[test]
fn the_rdkafka_crate() {
    built("the rdkafka crate", "ANNALS_RUST_CLIENTS", "rdkafka-client");
}

#[test]
fn typed_events_through_rdkafka() {
    built("typed events through rdkafka", "ANNALS_RUST_CLIENTS", "typed");
}

#[test]
fn typed_events_through_the_bundled_client() {
    let program = binary().with_file_name("examples").join("typed");
    if !program.exists() {
        println!("skipped: typed events: {} is not built", program.display());
        return;
    }
    let server = Server::start(&[]);
    let told = run(
        "typed events",
        Command::new(program).args([&server.kafka, &server.http]),
    );
    assert_eq!(told, "990001 is confirmed\n");
}

#[test]
fn franz_go() {
    built("franz-go", "ANNALS_GO_CLIENTS", "franz");
}

#[test]
fn sarama() {
    built("sarama", "ANNALS_GO_CLIENTS", "sarama");
}

#[test]
fn sarama_under_its_former_name() {
    built("sarama 1.38", "ANNALS_GO_CLIENTS", "sarama-older");
}

#[test]
fn kcat() {
    if Command::new("kcat").arg("-V").output().is_err() {
        println!("skipped: kcat: it is not installed");
        return;
    }
    suite("kcat", &mut Command::new(clients().join("kcat.sh")));
}
