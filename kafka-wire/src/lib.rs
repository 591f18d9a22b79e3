//! The Kafka protocol as plain values: bytes to messages and back.
//!
//! Pure and synchronous: no IO, no clock, no async. Everything that comes from outside is bounded by the bytes
//! in hand: a count or a length is compared with what is left before anything is reserved for it, decompression
//! stops at the caller's limit, and no input makes this crate panic. Payloads (`records`, record keys and values)
//! are slices of the bytes they came in, never copies.
//!
//! * [`primitives`] reads and writes the protocol's numbers, strings and lengths;
//! * [`frame`] holds length-delimited frames and the headers of requests and responses;
//! * [`message`] has one file a message, each message declared once with a version span a field;
//! * [`batch`] is the record batch (magic 2), its records, checksum and compression;
//! * [`coordinator`] is what coordinators keep in their topics, and what the members of a group tell each other;
//! * [`partitioner`] is the rule by which a key has its partition;
//! * [`error`] and [`api_key`] are Kafka's tables.
//!
//! A record's way to a broker, in both directions of the wire:
//!
//! ```
//! use annals_kafka_wire::{
//!     batch::{Batch, BatchBuilder, Compression, DECOMPRESSED_BYTES_MAX},
//!     frame::{self, RequestHeader},
//!     message::{Message, produce::{PartitionProduceData, ProduceRequest, TopicProduceData}},
//!     primitives::Reader,
//! };
//!
//! // A producer packs a batch and sends it.
//! let mut batch = BatchBuilder::new().compression(Compression::Zstd);
//! batch.push(1_700_000_000_000, Some(b"order-1"), Some(b"placed"), &[]);
//! let partition_data = vec![PartitionProduceData { index: 0, records: Some(batch.build()) }];
//! let topic_data = vec![TopicProduceData { name: "orders".into(), partition_data, ..Default::default() }];
//! let request = ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data, ..Default::default() };
//! let sent = frame::encode_request(&request, 9, 1, Some("billing"))?;
//!
//! // A broker takes the frame off the wire, and reads it down to the record.
//! let mut received = bytes::BytesMut::from(&sent[..]);
//! let mut reader = Reader::new(frame::take_frame(&mut received)?.expect("a whole frame"));
//! let header = RequestHeader::decode(&mut reader)?;
//! assert_eq!(header.api_key, ProduceRequest::KEY.code());
//! let request = ProduceRequest::decode(&mut reader, header.api_version)?;
//! let records = request.topic_data[0].partition_data[0].records.as_ref().expect("not null");
//! let (batch, _) = Batch::parse(records, 0)?;
//! batch.verify_crc()?;
//! let record = batch.records(DECOMPRESSED_BYTES_MAX)?.next().expect("one record")?;
//! assert_eq!(record.value.as_deref(), Some(&b"placed"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out on purpose: which versions a broker advertises, what any request means, message formats older than
//! magic 2 and the protocol versions that Kafka 4 dropped (KIP-896).

pub mod api_key;
pub mod batch;
pub mod coordinator;
pub mod error;
pub mod frame;
pub mod message;
pub mod partitioner;
pub mod primitives;
