//! A small honest Kafka broker.
