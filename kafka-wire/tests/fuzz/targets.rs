//! What no bytes from a network may break: frames, every message in every version, and record batches, as functions of bytes.
//!
//! Used by the fuzz targets and, on a stable compiler, by the test beside this file.

use std::ops::ControlFlow;

use annals_kafka_wire::batch::{Batch, BatchBuilder, Compression, Marker, batches};
use annals_kafka_wire::frame::{RequestHeader, take_frame_within};
use annals_kafka_wire::message::{self, Message, Request};
use annals_kafka_wire::primitives::{Reader, Writer};
use bytes::{Bytes, BytesMut};

/// Bytes of memory that reading may take beside the bytes and as much again, as a broker has it.
const ALLOWANCE_BYTES: usize = 1 << 20;
/// What a batch may become when it is decompressed.
const DECOMPRESSED_BYTES: usize = 1 << 20;
/// The longest frame that is taken.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// A request and its response: their key, their versions, how each is read, and how each begins.
pub(crate) struct Row {
    pub(crate) key: i16,
    pub(crate) versions: std::ops::RangeInclusive<i16>,
    read: [fn(&Bytes, i16) -> bool; 2],
    default: [fn(i16) -> Bytes; 2],
}

macro_rules! rows {
    ($($file:ident $request:ident;)*) => {
        /// Every request with its response.
        pub(crate) const ROWS: &[Row] = &[$(Row {
            key: <message::$file::$request as Message>::KEY.code(),
            versions: <message::$file::$request as Message>::VERSIONS,
            read: [
                read::<message::$file::$request>,
                read::<<message::$file::$request as Request>::Response>,
            ],
            default: [
                default::<message::$file::$request>,
                default::<<message::$file::$request as Request>::Response>,
            ],
        }),*];
    };
}

rows! {
    add_offsets_to_txn AddOffsetsToTxnRequest;
    add_partitions_to_txn AddPartitionsToTxnRequest;
    alter_configs AlterConfigsRequest;
    alter_partition_reassignments AlterPartitionReassignmentsRequest;
    api_versions ApiVersionsRequest;
    consumer_group_describe ConsumerGroupDescribeRequest;
    consumer_group_heartbeat ConsumerGroupHeartbeatRequest;
    create_partitions CreatePartitionsRequest;
    create_topics CreateTopicsRequest;
    delete_groups DeleteGroupsRequest;
    delete_records DeleteRecordsRequest;
    delete_topics DeleteTopicsRequest;
    describe_acls DescribeAclsRequest;
    describe_client_quotas DescribeClientQuotasRequest;
    describe_cluster DescribeClusterRequest;
    describe_configs DescribeConfigsRequest;
    describe_groups DescribeGroupsRequest;
    describe_log_dirs DescribeLogDirsRequest;
    describe_producers DescribeProducersRequest;
    describe_quorum DescribeQuorumRequest;
    describe_topic_partitions DescribeTopicPartitionsRequest;
    describe_transactions DescribeTransactionsRequest;
    describe_user_scram_credentials DescribeUserScramCredentialsRequest;
    elect_leaders ElectLeadersRequest;
    end_txn EndTxnRequest;
    fetch FetchRequest;
    find_coordinator FindCoordinatorRequest;
    heartbeat HeartbeatRequest;
    incremental_alter_configs IncrementalAlterConfigsRequest;
    init_producer_id InitProducerIdRequest;
    join_group JoinGroupRequest;
    leave_group LeaveGroupRequest;
    list_config_resources ListConfigResourcesRequest;
    list_groups ListGroupsRequest;
    list_offsets ListOffsetsRequest;
    list_partition_reassignments ListPartitionReassignmentsRequest;
    list_transactions ListTransactionsRequest;
    metadata MetadataRequest;
    offset_commit OffsetCommitRequest;
    offset_delete OffsetDeleteRequest;
    offset_fetch OffsetFetchRequest;
    offset_for_leader_epoch OffsetForLeaderEpochRequest;
    produce ProduceRequest;
    sync_group SyncGroupRequest;
    txn_offset_commit TxnOffsetCommitRequest;
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.into_bytes()
}

fn default<M: Message>(version: i16) -> Bytes {
    encoded(&M::default(), version)
}

/// What can be read can be written, and is then read as the same. Whether it can be read.
fn read<M: Message>(bytes: &Bytes, version: i16) -> bool {
    let allowance = bytes.len() + ALLOWANCE_BYTES;
    let Ok(read) = M::decode(&mut Reader::within(bytes.clone(), allowance), version) else {
        return false;
    };
    let written = encoded(&read, version);
    let again = M::decode(&mut Reader::new(written.clone()), version).unwrap();
    assert_eq!(encoded(&again, version), written);
    true
}

/// The first byte names a message, the second a version, and the rest is one.
pub(crate) fn message(data: &[u8]) {
    let [which, version, rest @ ..] = data else {
        return;
    };
    let row = &ROWS[usize::from(*which) / 2 % ROWS.len()];
    let count = row.versions.end() - row.versions.start() + 1;
    let version = row.versions.start() + i16::from(*version) % count;
    row.read[usize::from(*which) % 2](&Bytes::copy_from_slice(rest), version);
}

/// Frames one after the other, as from a socket, each with a request.
pub(crate) fn frame(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(frame)) = take_frame_within(&mut buffer, FRAME_BYTES_MAX) {
        assert!(frame.len() <= FRAME_BYTES_MAX);
        let mut reader = Reader::within(frame.clone(), frame.len() + ALLOWANCE_BYTES);
        let Ok(header) = RequestHeader::decode(&mut reader) else {
            return;
        };
        let known = ROWS.iter().find(|row| row.key == header.api_key);
        if let Some(row) = known.filter(|row| row.versions.contains(&header.api_version)) {
            row.read[0](reader.rest(), header.api_version);
        }
    }
}

/// Batches one after the other; and the bytes as one batch whose length and magic are right.
pub(crate) fn batch(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    batches(&bytes)
        .map_while(Result::ok)
        .for_each(|batch| one(&batch));
    let mut right = data.to_vec();
    if let (Some(length), Some(at)) = (data.len().checked_sub(12), right.get_mut(8..12)) {
        at.copy_from_slice(&(length as u32).to_be_bytes());
        right.get_mut(16).into_iter().for_each(|magic| *magic = 2);
        if let Ok((batch, _)) = Batch::parse(&right.into(), 0) {
            one(&batch);
        }
    }
}

/// What passes the check is read, as many records as it was told of; what is left of a batch without them is a batch of
/// the same offsets.
fn one(batch: &Batch) {
    let _ = (
        batch.verify_crc(),
        batch.check_produced(),
        batch.marker(),
        batch.delete_horizon(),
    );
    let mut seen = 0;
    let checked = batch.check_records(DECOMPRESSED_BYTES, "header", &mut |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    let read = batch
        .records(DECOMPRESSED_BYTES)
        .and_then(|records| records.collect::<Result<Vec<_>, _>>());
    if checked.is_ok() {
        let read = read.expect("what passes the check is read").len();
        assert_eq!((seen, read), (read, batch.count() as usize));
    }
    let (left, _) = Batch::parse(&batch.emptied(), 0).unwrap();
    assert_eq!(
        (left.base_offset(), left.last_offset(), left.count()),
        (batch.base_offset(), batch.last_offset(), 0)
    );
    left.verify_crc().unwrap();
}

/// What each target begins with.
pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let each = ROWS.iter();
    match target {
        "message" => each
            .enumerate()
            .flat_map(|(n, row)| row.versions.clone().enumerate().map(move |at| (n, row, at)))
            .flat_map(|(n, row, (at, version))| {
                [0, 1]
                    .map(|kind| [&[(n * 2 + kind) as u8, at as u8], &row.default[kind](version)[..]].concat())
            })
            .collect(),
        "frame" => each
            .flat_map(|row| row.versions.clone().map(move |version| (row, version)))
            .map(|(row, version)| {
                let header = RequestHeader {
                    api_key: row.key,
                    api_version: version,
                    correlation_id: 7,
                    client_id: None,
                };
                let mut writer = Writer::new();
                header.encode(&mut writer).unwrap();
                let frame = [&writer.into_bytes()[..], &row.default[0](version)].concat();
                [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
            })
            .collect(),
        _ => {
            let marker = Marker {
                committed: true,
                coordinator_epoch: 4,
            };
            Compression::ALL
                .into_iter()
                .map(|codec| {
                    let mut builder = BatchBuilder::new().compression(codec).producer(7, 1, 3);
                    for n in 0..3 {
                        builder.push(n, Some(b"key"), Some(&[b'v'; 90]), &[("header", &b"of it"[..])]);
                    }
                    builder.build().to_vec()
                })
                .chain([marker.build(1, 7, 1).to_vec()])
                .collect()
        }
    }
}
