//! Real clients against the guard: refusals are explained, and the producer that caused one goes on.

use serde_json::json;

use crate::server::{Server, clients, python};

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
    let Ok(classpath) = std::env::var("ANNALS_JAVA_CLASSPATH") else {
        println!(
            "skipped: the Java client and the guard: ANNALS_JAVA_CLASSPATH is not set (./test.sh sets it)"
        );
        return;
    };
    let server = Server::start(&[]);
    let schema = json!({"schema": r#"{"type":"record","name":"P","fields":[
        {"name":"order_id","type":"string"},{"name":"amount","type":"long"}]}"#});
    let answer = server.post("/subjects/java-payments-value/versions", &schema);
    let id = answer["id"].to_string();
    let out = std::process::Command::new("java")
        .args(["-cp", &classpath])
        .arg(clients().join("java/Refuse.java"))
        .args([&server.kafka, &id])
        .output()
        .unwrap();
    let said = [
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    ]
    .join("\n");
    assert!(out.status.success(), "{said}");
    println!("{said}");
}
