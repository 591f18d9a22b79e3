//! Groups and transactions as real clients use them.

use crate::server::{Server, java, python};

#[test]
fn consumer_groups_of_three_python_clients() {
    let server = Server::start(&[]);
    python("consumer groups", "groups.py", &[&server.kafka, &server.http]);
}

#[test]
fn transactions_of_three_python_clients() {
    let server = Server::start(&[]);
    python("transactions", "transactions.py", &[&server.kafka, &server.http]);
}

#[test]
fn the_java_clients_in_groups_and_transactions() {
    for (line, program) in [
        ("clients", "Groups"),
        ("older", "Groups"),
        ("clients", "NewProtocol"),
        ("clients", "Rolling"),
    ] {
        let server = Server::start(&[]);
        java("the Java client in groups", line, program, &[&server.kafka]);
    }
}
