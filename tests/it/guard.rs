//! Real clients against the guard: refusals are explained, and the producer that caused one goes on.

use serde_json::json;

use crate::server::{Server, java, python};

#[test]
fn librdkafka_goes_on_after_a_refusal() {
    let server = Server::start(&[]);
    python(
        "librdkafka and the guard",
        "refuse.py",
        &[&server.kafka, &server.http],
    );
}

#[test]
fn schemas_named_in_headers_and_dead_letters() {
    let server = Server::start(&[]);
    python(
        "serializers, headers and dead letters",
        "guarded.py",
        &[&server.kafka, &server.http],
    );
}

#[test]
fn the_java_client_goes_on_after_a_refusal() {
    let server = Server::start(&[]);
    let schema = json!({"schema": r#"{"type":"record","name":"P","fields":[
        {"name":"order_id","type":"string"},{"name":"amount","type":"long"}]}"#});
    let answer = server.post("/subjects/java-payments-value/versions", &schema);
    let id = answer["id"].to_string();
    java(
        "the Java client and the guard",
        "clients",
        "Refuse",
        &[&server.kafka, &id],
    );
}
