//! Unmodified Python clients of the registry: its API as they see it, and their serializers through the broker.

use crate::postgres::Postgres;
use crate::server::{Server, python};

#[test]
fn python_clients_speak_to_the_registry() {
    let server = Server::start(&[]);
    python("Python clients and the registry", "registry.py", &[&server.http]);
}

#[test]
fn python_serializers_pass_through_the_broker() {
    let server = Server::start(&[]);
    python(
        "Python serializers and the broker",
        "serdes.py",
        &[&server.kafka, &server.http],
    );
}

#[test]
fn python_clients_govern_subjects() {
    let server = Server::start(&[]);
    python(
        "Python clients and what governs a subject",
        "governance.py",
        &[&server.http],
    );
}

#[test]
fn python_json_serializers_and_header_ids_pass_through_the_broker() {
    let server = Server::start(&[]);
    python(
        "Python JSON Schema serializers, ids in headers, and the broker",
        "json_records.py",
        &[&server.kafka, &server.http],
    );
}

#[test]
fn python_clients_see_the_same_on_postgresql() {
    let what = "Python clients and a registry on PostgreSQL";
    let Some(postgres) = Postgres::start(what) else {
        return;
    };
    for (database, script) in [("registry", "registry.py"), ("governance", "governance.py")] {
        let server = Server::start(&["--database", &postgres.database(database)]);
        python(what, script, &[&server.http]);
    }
}
