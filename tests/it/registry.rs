//! Unmodified Python clients of the registry: its API as they see it, and their serializers through the broker.

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
