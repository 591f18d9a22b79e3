//! Produce (key 0): records from a producer, and where they went.
//!
//! Versions below 3 carried older message formats and are gone (KIP-896). In version 3 and later each partition's
//! `records` holds whole record batches, see [`crate::batch`]. Version 12 looks like 11: whoever sends it knows that a
//! partition comes into a transaction with the first records written to it (KIP-890). From version [`TOPIC_IDS_FROM`]
//! on topics are named by id alone.

use bytes::Bytes;

use super::{PARTITIONS_MAX, TOPICS_MAX};

/// The first version in which topics have ids and no names.
pub const TOPIC_IDS_FROM: i16 = 13;

message! {
    /// Records to append, by topic and partition.
    request ProduceRequest: Produce 3..=13 => ProduceResponse {
        transactional_id: Option<String>, 3.., null 3..; "The producer's transactional id, if it has one."
        acks: i16, 0..; "What to wait for: 0 nothing (no response is sent), 1 the write, -1 all replicas."
        timeout_ms: i32, 0..; "How long to wait for that, in milliseconds."
        topic_data: Vec<TopicProduceData>, 0.., most TOPICS_MAX; "Each topic."
    }

    /// The records of one topic.
    part TopicProduceData {
        name: String, 0..=12; "The topic."
        topic_id: [u8; 16], 13..; "The topic's id."
        partition_data: Vec<PartitionProduceData>, 0.., most PARTITIONS_MAX; "Each partition."
    }

    /// The records of one partition.
    part PartitionProduceData {
        index: i32, 0..; "The partition."
        records: Option<Bytes>, 0.., null 0..; "The batch, a slice of the request."
    }

    /// What became of the records.
    response ProduceResponse: Produce 3..=13 => {
        responses: Vec<TopicProduceResponse>, 0..; "Each topic."
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        node_endpoints: Vec<NodeEndpoint>, 10.., tag 0; "Where the leaders named below are."
    }

    /// What became of one topic's records.
    part TopicProduceResponse {
        name: String, 0..=12; "The topic."
        topic_id: [u8; 16], 13..; "The topic's id."
        partition_responses: Vec<PartitionProduceResponse>, 0..; "Each partition."
    }

    /// What became of one partition's records.
    part PartitionProduceResponse {
        index: i32, 0..; "The partition."
        error_code: i16, 0..; "0, or why nothing was appended."
        base_offset: i64, 0..; "The offset of the first record, -1 on an error."
        log_append_time_ms: i64, 2.., default -1; "The broker's time of the append, -1 if the producer's times stand."
        log_start_offset: i64, 5.., default -1; "The first offset the partition still has."
        record_errors: Vec<BatchIndexAndErrorMessage>, 8..; "The records that made the batch fail."
        error_message: Option<String>, 8.., null 8..; "Why the batch failed."
        current_leader: LeaderIdAndEpoch, 10.., tag 0; "Who leads the partition, when it is not this broker."
    }

    /// One record that made its batch fail.
    part BatchIndexAndErrorMessage {
        batch_index: i32, 0..; "Its place in the batch, from 0."
        batch_index_error_message: Option<String>, 0.., null 0..; "What is wrong with it."
    }

    /// A partition's leader.
    part LeaderIdAndEpoch {
        leader_id: i32, 0.., default -1; "The broker, -1 if not known."
        leader_epoch: i32, 0.., default -1; "Its epoch, -1 if not known."
    }

    /// Where a broker listens.
    part NodeEndpoint {
        node_id: i32, 0..; "The broker."
        host: String, 0..; "Its host name."
        port: i32, 0..; "Its port."
        rack: Option<String>, 0.., null 0..; "Its rack."
    }
}
