//! The Kafka protocol as plain values: bytes to messages and back.
