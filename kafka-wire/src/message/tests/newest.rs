//! Versions newer than the oracle's, laid out byte by byte.

use super::{encoded, hex};
use crate::{
    message::{Message, list_offsets::*, offset_commit::*, offset_fetch::*},
    primitives::Reader,
};

const ID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const ID_HEX: &str = "0102030405060708 090a0b0c0d0e0f10";

fn stands_as<M: Message + PartialEq + std::fmt::Debug>(message: &M, version: i16, layout: &[&str]) {
    let bytes = hex(&layout.concat());
    assert_eq!(encoded(message, version), bytes);
    assert_eq!(&M::decode(&mut Reader::new(bytes), version).unwrap(), message);
}

/// Versions 10 name topics by id alone; before, the name stood in the same place.
#[test]
fn offsets_are_committed_by_topic_id() {
    let partition = OffsetCommitRequestPartition {
        partition_index: 3,
        committed_offset: 5,
        committed_leader_epoch: 6,
        committed_metadata: Some("x".into()),
    };
    let topic = OffsetCommitRequestTopic {
        topic_id: ID,
        partitions: vec![partition],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: 1,
        member_id: "m".into(),
        topics: vec![topic],
        ..Default::default()
    };
    let partition = "00000003 0000000000000005 00000006 0278 00";
    stands_as(
        &request,
        10,
        &["0267 00000001 026d 00", "02", ID_HEX, "02", partition, "00 00"],
    );

    let partition = OffsetCommitResponsePartition {
        partition_index: 3,
        error_code: 100,
    };
    let topic = OffsetCommitResponseTopic {
        topic_id: ID,
        partitions: vec![partition],
        ..Default::default()
    };
    let response = OffsetCommitResponse {
        throttle_time_ms: 1,
        topics: vec![topic],
    };
    stands_as(
        &response,
        10,
        &["00000001", "02", ID_HEX, "02", "00000003 0064 00", "00 00"],
    );
}

#[test]
fn offsets_are_fetched_by_topic_id() {
    let topic = OffsetFetchRequestTopics {
        topic_id: ID,
        partition_indexes: vec![3],
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        member_id: Some("m".into()),
        member_epoch: 2,
        topics: Some(vec![topic]),
    };
    let request = OffsetFetchRequest {
        groups: vec![group],
        require_stable: true,
        ..Default::default()
    };
    let group = "0267 026d 00000002";
    stands_as(
        &request,
        10,
        &["02", group, "02", ID_HEX, "02 00000003 00", "00", "01 00"],
    );

    let partition = OffsetFetchResponsePartitions {
        partition_index: 3,
        committed_offset: 5,
        committed_leader_epoch: 6,
        metadata: Some("x".into()),
        error_code: 0,
    };
    let topic = OffsetFetchResponseTopics {
        topic_id: ID,
        partitions: vec![partition],
        ..Default::default()
    };
    let group = OffsetFetchResponseGroup {
        group_id: "g".into(),
        topics: vec![topic],
        error_code: 0,
    };
    let response = OffsetFetchResponse {
        throttle_time_ms: 1,
        groups: vec![group],
        ..Default::default()
    };
    let partition = "00000003 0000000000000005 00000006 0278 0000 00";
    stands_as(
        &response,
        10,
        &[
            "00000001",
            "02 0267",
            "02",
            ID_HEX,
            "02",
            partition,
            "00 0000 00 00",
        ],
    );
}

/// Version 11 looks like 10: its clients know one more special time.
#[test]
fn offsets_in_tiered_storage_are_listed() {
    let partition = ListOffsetsPartition {
        partition_index: 3,
        current_leader_epoch: 6,
        timestamp: -6,
    };
    let topic = ListOffsetsTopic {
        name: "to".into(),
        partitions: vec![partition],
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: 1,
        topics: vec![topic],
        timeout_ms: 300,
    };
    let (topic, partition) = ("02 03 746f", "02 00000003 00000006 fffffffffffffffa 00");
    stands_as(
        &request,
        11,
        &["ffffffff 01", topic, partition, "00", "0000012c 00"],
    );

    let partition = ListOffsetsPartitionResponse {
        partition_index: 3,
        error_code: 0,
        timestamp: -1,
        offset: 5,
        leader_epoch: 6,
    };
    let topic = ListOffsetsTopicResponse {
        name: "to".into(),
        partitions: vec![partition],
    };
    let response = ListOffsetsResponse {
        throttle_time_ms: 1,
        topics: vec![topic],
    };
    let partition = "02 00000003 0000 ffffffffffffffff 0000000000000005 00000006 00";
    stands_as(&response, 11, &["00000001", "02 03 746f", partition, "00 00"]);
}
