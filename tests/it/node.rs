//! Unmodified Node clients of the registry: their calls, and what they encode through the broker.

use std::process::Command;

use crate::server::{Server, clients};

/// Run a Node client on an empty server, or say why not; a failure panics with its output.
fn node(what: &str, script: &str) {
    let Some(modules) = std::env::var_os("ANNALS_NODE_MODULES") else {
        println!("skipped: {what}: ANNALS_NODE_MODULES is not set (./test.sh sets it)");
        return;
    };
    let server = Server::start(&[]);
    let out = Command::new("node")
        .arg(clients().join("node").join(script))
        .args([&server.kafka, &server.http])
        .env("NODE_PATH", modules)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&out.stdout);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success(),
        "{what} failed ({}):\n{stdout}\n{stderr}",
        out.status
    );
    println!("{}", stdout.trim_end());
}

#[test]
fn the_kafkajs_registry_client_is_understood() {
    node("the kafkajs registry client", "kafkajs.js");
}

#[test]
fn the_confluent_node_serializers_pass_through_the_broker() {
    node("Confluent's Node serializers", "confluent.js");
}
