//! What hostile bytes may cost in memory, measured: a forged count reserves nothing, a message never takes much more
//! than the bytes it came in, and decompression holds its limit and half of it again. (zstd's own state is C memory, which is
//! not counted here.)

// Outside tests nothing may panic; here a helper that cannot go on should.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use allocation_counter::measure;
use annals_kafka_wire::{
    batch::{Batch, BatchBuilder, BatchError, Compression},
    error::Fault,
    message::{
        self, Message, create_topics::*, delete_topics::*, fetch::*, find_coordinator::*, join_group::*,
        leave_group::*, list_offsets::*, metadata::*, offset_commit::*, offset_fetch::*, produce::*,
        sync_group::*,
    },
    primitives::{Reader, Writer},
};
use bytes::Bytes;

/// For an error's text, and what a test run itself needs.
const SLACK_BYTES: u64 = 8 << 10;

fn decode_costs<M: Message>(bytes: &Bytes, version: i16) -> u64 {
    measure(|| {
        let _ = M::decode(&mut Reader::new(bytes.clone()), version);
    })
    .bytes_max
}

/// Forges a huge count at every place of a few frames: no place may make the decoder reserve memory for it.
fn check<M: Message>() {
    const HUGE: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x7f, 0xff],
        &[0x00, 0xff, 0xff, 0xff],
    ];
    for version in M::VERSIONS {
        for filler in [0u8, 1, 2, 3] {
            for place in 0..64 {
                for huge in HUGE {
                    let mut bytes = vec![filler; 128];
                    bytes[place..place + huge.len()].copy_from_slice(huge);
                    let cost = decode_costs::<M>(&bytes.into(), version);
                    assert!(cost < SLACK_BYTES, "{:?} v{version}: {cost} bytes", M::KEY);
                }
            }
        }
    }
}

macro_rules! check_all {
    ($($file:ident: $request:ident, $response:ident;)*) => {$(
        check::<message::$file::$request>();
        check::<message::$file::$response>();
    )*};
}

#[test]
fn forged_counts_reserve_nothing() {
    check_all! {
        produce: ProduceRequest, ProduceResponse;
        fetch: FetchRequest, FetchResponse;
        list_offsets: ListOffsetsRequest, ListOffsetsResponse;
        metadata: MetadataRequest, MetadataResponse;
        offset_commit: OffsetCommitRequest, OffsetCommitResponse;
        offset_fetch: OffsetFetchRequest, OffsetFetchResponse;
        find_coordinator: FindCoordinatorRequest, FindCoordinatorResponse;
        join_group: JoinGroupRequest, JoinGroupResponse;
        heartbeat: HeartbeatRequest, HeartbeatResponse;
        leave_group: LeaveGroupRequest, LeaveGroupResponse;
        sync_group: SyncGroupRequest, SyncGroupResponse;
        describe_groups: DescribeGroupsRequest, DescribeGroupsResponse;
        list_groups: ListGroupsRequest, ListGroupsResponse;
        api_versions: ApiVersionsRequest, ApiVersionsResponse;
        create_topics: CreateTopicsRequest, CreateTopicsResponse;
        delete_topics: DeleteTopicsRequest, DeleteTopicsResponse;
        init_producer_id: InitProducerIdRequest, InitProducerIdResponse;
        delete_groups: DeleteGroupsRequest, DeleteGroupsResponse;
        offset_delete: OffsetDeleteRequest, OffsetDeleteResponse;
        add_partitions_to_txn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse;
        add_offsets_to_txn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse;
        end_txn: EndTxnRequest, EndTxnResponse;
        txn_offset_commit: TxnOffsetCommitRequest, TxnOffsetCommitResponse;
        describe_producers: DescribeProducersRequest, DescribeProducersResponse;
        describe_transactions: DescribeTransactionsRequest, DescribeTransactionsResponse;
        list_transactions: ListTransactionsRequest, ListTransactionsResponse;
        offset_for_leader_epoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
        describe_configs: DescribeConfigsRequest, DescribeConfigsResponse;
        alter_configs: AlterConfigsRequest, AlterConfigsResponse;
        incremental_alter_configs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
        create_partitions: CreatePartitionsRequest, CreatePartitionsResponse;
        delete_records: DeleteRecordsRequest, DeleteRecordsResponse;
        describe_log_dirs: DescribeLogDirsRequest, DescribeLogDirsResponse;
        describe_cluster: DescribeClusterRequest, DescribeClusterResponse;
        describe_topic_partitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
        list_config_resources: ListConfigResourcesRequest, ListConfigResourcesResponse;
        describe_quorum: DescribeQuorumRequest, DescribeQuorumResponse;
        elect_leaders: ElectLeadersRequest, ElectLeadersResponse;
        alter_partition_reassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
        list_partition_reassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
        describe_client_quotas: DescribeClientQuotasRequest, DescribeClientQuotasResponse;
        describe_user_scram_credentials: DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse;
        describe_acls: DescribeAclsRequest, DescribeAclsResponse;
        consumer_group_heartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
        consumer_group_describe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    }
}

/// A count that the bytes could hold, but whose elements end early, reserves no more than the bytes there are.
#[test]
fn a_plausible_count_reserves_at_most_the_bytes_in_hand() {
    let count = 500_000i32;
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.resize(4 + 1_000_000, 0xff); // names of length -1, the first of which is refused
    let cost = decode_costs::<MetadataRequest>(&bytes.into(), 0);
    assert!(cost < 1_000_000 + SLACK_BYTES, "{cost} bytes");
}

/// What a broker gives a request beside its frame: as much again, and this.
const ALLOWANCE_BYTES: usize = 1 << 20;

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.into_bytes()
}

/// Reads `message` as a broker does, and holds what it took against the allowance. The fault, if it was refused.
fn check_allowance<M: Message>(message: &M, version: i16) -> Option<Fault> {
    let bytes = encoded(message, version);
    let allowance = bytes.len() + ALLOWANCE_BYTES;
    let mut fault = None;
    let cost = measure(|| {
        let mut reader = Reader::within(bytes.clone(), allowance);
        let read = M::decode(&mut reader, version);
        assert!(reader.allowance() <= allowance);
        fault = read.err().map(|error| error.fault().clone());
    })
    .bytes_max;
    let name = std::any::type_name::<M>();
    assert!(
        cost <= allowance as u64 + SLACK_BYTES,
        "{name} v{version}: {cost} bytes of memory for {} bytes",
        bytes.len()
    );
    fault
}

fn produce(topic_data: Vec<TopicProduceData>) -> ProduceRequest {
    ProduceRequest {
        topic_data,
        ..ProduceRequest::default()
    }
}

fn produce_topic(count: usize) -> TopicProduceData {
    // A null batch is the shortest one.
    TopicProduceData {
        name: "x".into(),
        partition_data: vec![PartitionProduceData::default(); count],
        ..TopicProduceData::default()
    }
}

fn fetch(topics: Vec<FetchTopic>, forgotten_topics_data: Vec<ForgottenTopic>) -> FetchRequest {
    FetchRequest {
        topics,
        forgotten_topics_data,
        ..FetchRequest::default()
    }
}

fn fetch_topic(count: usize) -> FetchTopic {
    FetchTopic {
        topic: "x".into(),
        partitions: vec![FetchPartition::default(); count],
        ..FetchTopic::default()
    }
}

fn forgotten_topic(count: usize) -> ForgottenTopic {
    ForgottenTopic {
        topic: "x".into(),
        partitions: vec![0; count],
        ..ForgottenTopic::default()
    }
}

fn list_offsets(topics: Vec<ListOffsetsTopic>) -> ListOffsetsRequest {
    ListOffsetsRequest {
        topics,
        ..ListOffsetsRequest::default()
    }
}

fn list_offsets_topic(count: usize) -> ListOffsetsTopic {
    ListOffsetsTopic {
        name: "x".into(),
        partitions: vec![ListOffsetsPartition::default(); count],
    }
}

fn create(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics,
        ..CreateTopicsRequest::default()
    }
}

fn created_topic(settings: usize, assignments: usize, replicas: usize) -> CreatableTopic {
    let assignment = CreatableReplicaAssignment {
        broker_ids: vec![0; replicas],
        ..CreatableReplicaAssignment::default()
    };
    CreatableTopic {
        name: "x".into(),
        assignments: vec![assignment; assignments],
        configs: vec![CreatableTopicConfig::default(); settings],
        ..CreatableTopic::default()
    }
}

fn metadata(count: usize) -> MetadataRequest {
    let topic = MetadataRequestTopic {
        name: Some("x".into()),
        ..MetadataRequestTopic::default()
    };
    MetadataRequest {
        topics: Some(vec![topic; count]),
        ..MetadataRequest::default()
    }
}

fn delete_named(count: usize) -> DeleteTopicsRequest {
    DeleteTopicsRequest {
        topic_names: vec!["x".into(); count],
        ..DeleteTopicsRequest::default()
    }
}

fn delete_by_id(count: usize) -> DeleteTopicsRequest {
    DeleteTopicsRequest {
        topics: vec![DeleteTopicState::default(); count],
        ..DeleteTopicsRequest::default()
    }
}

fn find(count: usize) -> FindCoordinatorRequest {
    FindCoordinatorRequest {
        coordinator_keys: vec!["x".into(); count],
        ..FindCoordinatorRequest::default()
    }
}

fn join(protocols: usize) -> JoinGroupRequest {
    JoinGroupRequest {
        protocols: vec![JoinGroupRequestProtocol::default(); protocols],
        ..JoinGroupRequest::default()
    }
}

fn sync(members: usize) -> SyncGroupRequest {
    SyncGroupRequest {
        assignments: vec![SyncGroupRequestAssignment::default(); members],
        ..SyncGroupRequest::default()
    }
}

fn leave(members: usize) -> LeaveGroupRequest {
    LeaveGroupRequest {
        members: vec![MemberIdentity::default(); members],
        ..LeaveGroupRequest::default()
    }
}

fn commit(topics: usize, partitions: usize) -> OffsetCommitRequest {
    let topic = OffsetCommitRequestTopic {
        partitions: vec![OffsetCommitRequestPartition::default(); partitions],
        ..OffsetCommitRequestTopic::default()
    };
    OffsetCommitRequest {
        topics: vec![topic; topics],
        ..OffsetCommitRequest::default()
    }
}

fn fetch_offsets(groups: usize, topics: usize, partitions: usize) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopics {
        partition_indexes: vec![0; partitions],
        ..OffsetFetchRequestTopics::default()
    };
    let group = OffsetFetchRequestGroup {
        topics: Some(vec![topic; topics]),
        ..OffsetFetchRequestGroup::default()
    };
    OffsetFetchRequest {
        groups: vec![group; groups],
        ..OffsetFetchRequest::default()
    }
}

/// Requests of the shapes that take the most memory a byte: many of the least elements there are.
#[test]
fn a_request_takes_no_more_memory_than_its_allowance() {
    for count in [1_000, 9_000] {
        check_allowance(&produce(vec![produce_topic(count); 100]), 3);
        check_allowance(&produce(vec![produce_topic(count); 100]), 9);
        check_allowance(&produce(vec![produce_topic(0); count]), 9);
        check_allowance(&fetch(vec![fetch_topic(count); 100], Vec::new()), 4);
        check_allowance(&fetch(vec![fetch_topic(0); count], Vec::new()), 12);
        check_allowance(&fetch(vec![fetch_topic(count); 100], Vec::new()), 18);
        check_allowance(&fetch(Vec::new(), vec![forgotten_topic(count); 100]), 12);
        check_allowance(&list_offsets(vec![list_offsets_topic(count); 100]), 1);
        check_allowance(&list_offsets(vec![list_offsets_topic(0); count]), 9);
        check_allowance(&create(vec![created_topic(1_000, 0, 0); 100]), 5);
        check_allowance(&create(vec![created_topic(0, count, 0); 100]), 5);
        check_allowance(&delete_by_id(count), 6);
        check_allowance(&find(count), 4);
        check_allowance(&sync(count), 4);
        check_allowance(&leave(count), 5);
        check_allowance(&commit(20, count), 8);
        check_allowance(&commit(count, 0), 10);
        check_allowance(&fetch_offsets(count, 0, 0), 8);
        check_allowance(&fetch_offsets(20, count, 0), 8);
        check_allowance(&fetch_offsets(1, 20, count), 10);
    }
    let sensible = [
        check_allowance(&metadata(9_000), 9),
        check_allowance(&delete_named(9_000), 4),
    ];
    assert_eq!(sensible, [None, None], "what is sensible is read");
}

/// What has more elements than its field says is refused before one more is read. (That every array of every request
/// says how many is checked beside the declarations.)
#[test]
fn no_request_may_have_more_elements_than_is_sensible() {
    fn check<M: Message>(message: &M, version: i16) {
        let fault = check_allowance(message, version);
        let name = std::any::type_name::<M>();
        assert!(matches!(fault, Some(Fault::TooMany { .. })), "{name}: {fault:?}");
    }
    const MANY: usize = 10_001;
    check(&produce(vec![produce_topic(0); MANY]), 9);
    check(&produce(vec![produce_topic(MANY)]), 9);
    check(&fetch(vec![fetch_topic(0); MANY], Vec::new()), 12);
    check(&fetch(vec![fetch_topic(MANY)], Vec::new()), 12);
    check(&fetch(Vec::new(), vec![forgotten_topic(0); MANY]), 12);
    check(&fetch(Vec::new(), vec![forgotten_topic(MANY)]), 12);
    check(&list_offsets(vec![list_offsets_topic(0); MANY]), 7);
    check(&list_offsets(vec![list_offsets_topic(MANY)]), 7);
    check(&create(vec![created_topic(0, 0, 0); 1_001]), 7);
    check(&create(vec![created_topic(1_001, 0, 0)]), 7);
    check(&create(vec![created_topic(0, MANY, 0)]), 7);
    check(&create(vec![created_topic(0, 1, 1_001)]), 7);
    check(&metadata(MANY), 9);
    check(&delete_named(MANY), 4);
    check(&delete_by_id(MANY), 6);
    check(&find(MANY), 4);
    check(&join(101), 6);
    check(&sync(MANY), 4);
    check(&leave(MANY), 4);
    check(&commit(MANY, 0), 8);
    check(&commit(1, MANY), 8);
    check(&fetch_offsets(MANY, 0, 0), 8);
    check(&fetch_offsets(1, MANY, 0), 8);
    check(&fetch_offsets(1, 1, MANY), 8);
}

#[test]
fn a_bomb_costs_its_limit() {
    const LIMIT: usize = 1 << 20;
    for codec in Compression::ALL.into_iter().skip(1) {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(&vec![0; 32 << 20]), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let cost = measure(|| {
            let bomb = batch.records(LIMIT);
            assert!(matches!(bomb, Err(BatchError::TooLarge { .. })), "{codec}");
        });
        // LZ4 announces blocks of up to 4 MiB and keeps two of them.
        let own = if codec == Compression::Lz4 {
            9 << 20
        } else {
            512 << 10
        };
        assert!(
            cost.bytes_max < (LIMIT / 2 * 3 + own) as u64,
            "{codec}: {} bytes",
            cost.bytes_max
        );
    }
}

/// Checking holds a buffer, not the records: neither what comes out of the codec nor a header a record.
#[test]
fn a_check_keeps_nothing() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(&vec![0; 8 << 20]), &[]);
        for _ in 0..2_000 {
            builder.push(0, None, None, &[("", &[][..]); 100]);
        }
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let cost = measure(|| {
            let mut headers = 0;
            batch
                .check_records(16 << 20, "", &mut |seen| {
                    headers += seen.headers;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(headers, 200_000);
        });
        let own = if codec == Compression::Lz4 {
            9 << 20
        } else {
            512 << 10
        };
        assert!(cost.bytes_max < own, "{codec}: {} bytes", cost.bytes_max);
    }
}
