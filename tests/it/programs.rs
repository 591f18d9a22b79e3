//! Programs of the Kafka world that are more than a client, and programs as people write them.

use crate::server::{Server, java, python};

/// Run a program of Kafka's own on an empty server.
fn program(what: &str, args: &[&str]) {
    let server = Server::start(&[]);
    java(
        what,
        "programs",
        args[0],
        &[&args[1..], &[server.kafka.as_str()]].concat(),
    );
}

#[test]
fn kafka_streams_counts_each_order_once_whenever_it_is_killed() {
    program("Kafka Streams", &["Streams", "drive"]);
}

#[test]
fn kafka_connect_carries_every_line_whenever_it_is_killed() {
    program("Kafka Connect", &["Connect"]);
}

#[test]
fn kafkas_command_line_tools() {
    program("Kafka's command-line tools", &["Tools"]);
}

#[test]
fn orders_of_a_java_producer_are_kept_in_three_places_by_three_groups() {
    let server = Server::start(&[]);
    let Some(told) = java("orders", "clients", "Orders", &[&server.kafka, &server.http]) else {
        return;
    };
    // What whoever reads the topic must find.
    let sent: Vec<&str> = told.lines().last().unwrap().split(' ').skip(1).collect();
    let args = [&["drive", &server.kafka, &server.http], sent.as_slice()].concat();
    python("orders fanned out", "fan_out.py", &args);
}
