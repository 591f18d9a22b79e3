//! Unmodified Node and Rust clients of the registry: their calls, and what they encode through the broker.
//!
//! Each suite is a program `CLIENT BOOTSTRAP REGISTRY` that wants an empty server and stops at the first surprise.

use std::ffi::OsString;
use std::process::Command;

use crate::server::{Server, clients};

/// Run a suite on a server of its own; a failure panics with its output.
fn suite(what: &str, command: &mut Command) {
    let server = Server::start(&[]);
    let out = command.args([&server.kafka, &server.http]).output().unwrap();
    let stdout = String::from_utf8_lossy(&out.stdout);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success(),
        "{what} failed ({}):\n{stdout}\n{stderr}",
        out.status
    );
    println!("{}", stdout.trim_end());
}

/// What `test.sh` hands over, or a line that says that the suite is skipped.
fn given(what: &str, variable: &str) -> Option<OsString> {
    let value = std::env::var_os(variable);
    if value.is_none() {
        println!("skipped: {what}: {variable} is not set (./test.sh sets it)");
    }
    value
}

fn node(what: &str, script: &str) {
    let Some(modules) = given(what, "ANNALS_NODE_MODULES") else {
        return;
    };
    let script = clients().join("node").join(script);
    suite(what, Command::new("node").arg(script).env("NODE_PATH", modules));
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
fn the_rust_client() {
    let what = "the Rust client";
    if let Some(program) = given(what, "ANNALS_RUST_CLIENT") {
        suite(what, &mut Command::new(program));
    }
}
