//! The messages, each against the oracle's of the same name.

use kafka_protocol::{messages as oracle, protocol::Message as Known};
use proptest::prelude::*;

use super::{checks_out, round_trip, survives};
use crate::{
    api_key::ApiKey,
    message::{self, Message},
};

/// A row an API: its file, its request and response, its key, and the versions that the oracle does not have.
/// Each message reads back, agrees with the oracle, and survives noise.
macro_rules! messages {
    ($($file:ident: $request:ident, $response:ident, $key:ident $(, beyond $beyond:literal)?;)*) => {
        $(mod $file {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

                #[test]
                fn request_agrees_with_the_oracle(entropy in proptest::collection::vec(any::<u8>(), 0..1500)) {
                    round_trip::<message::$file::$request, oracle::$request>(&entropy);
                }

                #[test]
                fn response_agrees_with_the_oracle(entropy in proptest::collection::vec(any::<u8>(), 0..1500)) {
                    round_trip::<message::$file::$response, oracle::$response>(&entropy);
                }

                #[test]
                fn noise_is_survived(
                    entropy in proptest::collection::vec(any::<u8>(), 0..300),
                    noise in proptest::collection::vec(any::<u8>(), 0..40),
                    cut: u16,
                ) {
                    survives::<message::$file::$request>(&entropy, &noise, cut.into());
                    survives::<message::$file::$response>(&entropy, &noise, cut.into());
                }
            }

            #[test]
            fn request_and_response_fit_and_declare_what_they_should() {
                checks_out::<message::$file::$request>(ApiKey::$key);
            }
        })*

        /// Versions declared here are the oracle's, but for those that a row says are newer.
        #[test]
        fn versions_are_within_the_oracle() {
            $(
                let newest = [<oracle::$request as Known>::VERSIONS.max $(, $beyond)?];
                let ours = <message::$file::$request as Message>::VERSIONS;
                assert!(<oracle::$request as Known>::VERSIONS.min <= *ours.start(), stringify!($file));
                assert!(Some(ours.end()) <= newest.last(), stringify!($file));
            )*
        }

        /// No key is forgotten: each has a row, or is one whose messages are left out.
        #[test]
        fn every_key_has_a_row_or_is_left_out() {
            let rows = [$(ApiKey::$key),*];
            for key in ApiKey::ALL {
                assert!(rows.contains(key) != LEFT_OUT.contains(key), "{key}");
            }
        }
    };
}

/// Keys whose messages nobody needs yet.
const LEFT_OUT: &[ApiKey] = &[
    ApiKey::SaslHandshake,
    ApiKey::SaslAuthenticate,
    ApiKey::CreateAcls,
    ApiKey::DeleteAcls,
    ApiKey::AlterClientQuotas,
    ApiKey::AlterUserScramCredentials,
];

messages! {
    produce: ProduceRequest, ProduceResponse, Produce;
    fetch: FetchRequest, FetchResponse, Fetch;
    list_offsets: ListOffsetsRequest, ListOffsetsResponse, ListOffsets, beyond 11;
    metadata: MetadataRequest, MetadataResponse, Metadata;
    offset_commit: OffsetCommitRequest, OffsetCommitResponse, OffsetCommit, beyond 10;
    offset_fetch: OffsetFetchRequest, OffsetFetchResponse, OffsetFetch, beyond 10;
    find_coordinator: FindCoordinatorRequest, FindCoordinatorResponse, FindCoordinator;
    join_group: JoinGroupRequest, JoinGroupResponse, JoinGroup;
    heartbeat: HeartbeatRequest, HeartbeatResponse, Heartbeat;
    leave_group: LeaveGroupRequest, LeaveGroupResponse, LeaveGroup;
    sync_group: SyncGroupRequest, SyncGroupResponse, SyncGroup;
    describe_groups: DescribeGroupsRequest, DescribeGroupsResponse, DescribeGroups;
    list_groups: ListGroupsRequest, ListGroupsResponse, ListGroups;
    api_versions: ApiVersionsRequest, ApiVersionsResponse, ApiVersions;
    create_topics: CreateTopicsRequest, CreateTopicsResponse, CreateTopics;
    delete_topics: DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopics;
    init_producer_id: InitProducerIdRequest, InitProducerIdResponse, InitProducerId;
    delete_groups: DeleteGroupsRequest, DeleteGroupsResponse, DeleteGroups;
    offset_delete: OffsetDeleteRequest, OffsetDeleteResponse, OffsetDelete;
    add_partitions_to_txn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxn;
    add_offsets_to_txn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddOffsetsToTxn;
    end_txn: EndTxnRequest, EndTxnResponse, EndTxn;
    txn_offset_commit: TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommit;
    describe_producers: DescribeProducersRequest, DescribeProducersResponse, DescribeProducers;
    describe_transactions: DescribeTransactionsRequest, DescribeTransactionsResponse, DescribeTransactions;
    list_transactions: ListTransactionsRequest, ListTransactionsResponse, ListTransactions;
    offset_for_leader_epoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderEpoch;
    describe_configs: DescribeConfigsRequest, DescribeConfigsResponse, DescribeConfigs;
    alter_configs: AlterConfigsRequest, AlterConfigsResponse, AlterConfigs;
    incremental_alter_configs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, IncrementalAlterConfigs;
    create_partitions: CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitions;
    delete_records: DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecords;
    describe_log_dirs: DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirs;
    describe_cluster: DescribeClusterRequest, DescribeClusterResponse, DescribeCluster;
    describe_topic_partitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeTopicPartitions;
    list_config_resources: ListConfigResourcesRequest, ListConfigResourcesResponse, ListConfigResources;
    describe_quorum: DescribeQuorumRequest, DescribeQuorumResponse, DescribeQuorum;
    elect_leaders: ElectLeadersRequest, ElectLeadersResponse, ElectLeaders;
    alter_partition_reassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, AlterPartitionReassignments;
    list_partition_reassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, ListPartitionReassignments;
    describe_client_quotas: DescribeClientQuotasRequest, DescribeClientQuotasResponse, DescribeClientQuotas;
    describe_user_scram_credentials: DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, DescribeUserScramCredentials;
    describe_acls: DescribeAclsRequest, DescribeAclsResponse, DescribeAcls;
    consumer_group_heartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeat;
    consumer_group_describe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupDescribe;
}
