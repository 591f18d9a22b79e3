//! Kafka's error codes: number, name, and whether a client may simply try again.
//!
//! Invariant: `ErrorCode::from(code).code() == code` for every number, in the table or not.

use std::fmt;

/// Declares the table once: a row a code.
macro_rules! error_codes {
    ($($variant:ident $code:literal $name:literal $retry:ident $doc:literal;)*) => {
        /// A code as it stands in responses. `Display` gives Kafka's own name.
        ///
        /// ```
        /// use annals_kafka_wire::error::ErrorCode;
        ///
        /// assert_eq!(ErrorCode::InvalidRecord.code(), 87);
        /// assert_eq!(ErrorCode::from(87).to_string(), "INVALID_RECORD");
        /// assert!(ErrorCode::NotLeaderOrFollower.is_retriable());
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "`: ", $doc, ".")] $variant,)*
            /// A number that is not in the table.
            Unknown(i16),
        }

        impl ErrorCode {
            /// The number on the wire.
            pub const fn code(self) -> i16 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unknown(code) => code,
                }
            }

            /// Kafka's name, `UNKNOWN` for a number outside the table.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(_) => "UNKNOWN",
                }
            }

            /// What it says, as a clause without a full stop.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)*
                    Self::Unknown(_) => "a code this program does not know",
                }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn is_retriable(self) -> bool {
                match self {
                    $(Self::$variant => error_codes!(@$retry),)*
                    Self::Unknown(_) => false,
                }
            }
        }

        impl From<i16> for ErrorCode {
            fn from(code: i16) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    code => Self::Unknown(code),
                }
            }
        }
    };
    (@retry) => { true };
    (@fatal) => { false };
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> Self {
        code.code()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "UNKNOWN({code})"),
            known => f.write_str(known.name()),
        }
    }
}

error_codes! {
    UnknownServerError -1 "UNKNOWN_SERVER_ERROR" fatal "the broker met something it did not expect";
    None 0 "NONE" fatal "no error";
    OffsetOutOfRange 1 "OFFSET_OUT_OF_RANGE" fatal "the offset is before the log's start or after its end";
    CorruptMessage 2 "CORRUPT_MESSAGE" retry "a batch fails its checksum or is otherwise corrupt";
    UnknownTopicOrPartition 3 "UNKNOWN_TOPIC_OR_PARTITION" retry "there is no such topic or partition here";
    InvalidFetchSize 4 "INVALID_FETCH_SIZE" fatal "the fetch size is negative or otherwise invalid";
    LeaderNotAvailable 5 "LEADER_NOT_AVAILABLE" retry "the partition has no leader at the moment";
    NotLeaderOrFollower 6 "NOT_LEADER_OR_FOLLOWER" retry "this broker does not lead the partition";
    RequestTimedOut 7 "REQUEST_TIMED_OUT" retry "the request was not done in its time";
    BrokerNotAvailable 8 "BROKER_NOT_AVAILABLE" fatal "the broker is not available";
    ReplicaNotAvailable 9 "REPLICA_NOT_AVAILABLE" retry "the replica is not available";
    MessageTooLarge 10 "MESSAGE_TOO_LARGE" fatal "a batch is larger than the topic allows";
    StaleControllerEpoch 11 "STALE_CONTROLLER_EPOCH" fatal "the controller is an older one";
    OffsetMetadataTooLarge 12 "OFFSET_METADATA_TOO_LARGE" fatal "the metadata of a committed offset is too long";
    NetworkException 13 "NETWORK_EXCEPTION" retry "the connection went away before an answer";
    CoordinatorLoadInProgress 14 "COORDINATOR_LOAD_IN_PROGRESS" retry "the coordinator is still loading";
    CoordinatorNotAvailable 15 "COORDINATOR_NOT_AVAILABLE" retry "there is no coordinator at the moment";
    NotCoordinator 16 "NOT_COORDINATOR" retry "this broker is not the coordinator asked for";
    InvalidTopicException 17 "INVALID_TOPIC_EXCEPTION" fatal "the topic name is not allowed";
    RecordListTooLarge 18 "RECORD_LIST_TOO_LARGE" fatal "a batch is larger than a segment";
    NotEnoughReplicas 19 "NOT_ENOUGH_REPLICAS" retry "too few replicas are in sync to accept records";
    NotEnoughReplicasAfterAppend 20 "NOT_ENOUGH_REPLICAS_AFTER_APPEND" retry "records were written, but to too few replicas";
    InvalidRequiredAcks 21 "INVALID_REQUIRED_ACKS" fatal "acks must be 0, 1 or -1";
    IllegalGeneration 22 "ILLEGAL_GENERATION" fatal "the generation is not the group's current one";
    InconsistentGroupProtocol 23 "INCONSISTENT_GROUP_PROTOCOL" fatal "the member's protocols do not match the group's";
    InvalidGroupId 24 "INVALID_GROUP_ID" fatal "the group id is not allowed";
    UnknownMemberId 25 "UNKNOWN_MEMBER_ID" fatal "the coordinator does not know the member";
    InvalidSessionTimeout 26 "INVALID_SESSION_TIMEOUT" fatal "the session timeout is outside the broker's limits";
    RebalanceInProgress 27 "REBALANCE_IN_PROGRESS" fatal "the group is rebalancing: rejoin";
    InvalidCommitOffsetSize 28 "INVALID_COMMIT_OFFSET_SIZE" fatal "the committed offset is too large";
    TopicAuthorizationFailed 29 "TOPIC_AUTHORIZATION_FAILED" fatal "not allowed on this topic";
    GroupAuthorizationFailed 30 "GROUP_AUTHORIZATION_FAILED" fatal "not allowed on this group";
    ClusterAuthorizationFailed 31 "CLUSTER_AUTHORIZATION_FAILED" fatal "not allowed on this cluster";
    InvalidTimestamp 32 "INVALID_TIMESTAMP" fatal "a record's timestamp is outside the limits";
    UnsupportedSaslMechanism 33 "UNSUPPORTED_SASL_MECHANISM" fatal "the SASL mechanism is not supported";
    IllegalSaslState 34 "ILLEGAL_SASL_STATE" fatal "the request does not fit the state of authentication";
    UnsupportedVersion 35 "UNSUPPORTED_VERSION" fatal "the version of the API is not supported";
    TopicAlreadyExists 36 "TOPIC_ALREADY_EXISTS" fatal "a topic of that name exists";
    InvalidPartitions 37 "INVALID_PARTITIONS" fatal "a topic needs at least one partition";
    InvalidReplicationFactor 38 "INVALID_REPLICATION_FACTOR" fatal "the replication factor is below 1 or above the number of brokers";
    InvalidReplicaAssignment 39 "INVALID_REPLICA_ASSIGNMENT" fatal "the replica assignment is invalid";
    InvalidConfig 40 "INVALID_CONFIG" fatal "a configuration is unknown or has a bad value";
    NotController 41 "NOT_CONTROLLER" retry "this broker is not the controller";
    InvalidRequest 42 "INVALID_REQUEST" fatal "the request is malformed or does not fit this broker";
    UnsupportedForMessageFormat 43 "UNSUPPORTED_FOR_MESSAGE_FORMAT" fatal "the message format does not support the request";
    PolicyViolation 44 "POLICY_VIOLATION" fatal "a policy forbids the request";
    OutOfOrderSequenceNumber 45 "OUT_OF_ORDER_SEQUENCE_NUMBER" fatal "a producer's sequence has a gap";
    DuplicateSequenceNumber 46 "DUPLICATE_SEQUENCE_NUMBER" fatal "a producer's sequence was seen before";
    InvalidProducerEpoch 47 "INVALID_PRODUCER_EPOCH" fatal "the producer's epoch is an old one";
    InvalidTxnState 48 "INVALID_TXN_STATE" fatal "the transaction is not in a state for this";
    InvalidProducerIdMapping 49 "INVALID_PRODUCER_ID_MAPPING" fatal "the producer id does not belong to the transactional id";
    InvalidTransactionTimeout 50 "INVALID_TRANSACTION_TIMEOUT" fatal "the transaction timeout is over the broker's maximum";
    ConcurrentTransactions 51 "CONCURRENT_TRANSACTIONS" fatal "another operation on the transaction is under way";
    TransactionCoordinatorFenced 52 "TRANSACTION_COORDINATOR_FENCED" fatal "the transaction coordinator is an older one";
    TransactionalIdAuthorizationFailed 53 "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" fatal "not allowed on this transactional id";
    SecurityDisabled 54 "SECURITY_DISABLED" fatal "security is switched off";
    OperationNotAttempted 55 "OPERATION_NOT_ATTEMPTED" fatal "not tried, because something before it failed";
    KafkaStorageError 56 "KAFKA_STORAGE_ERROR" retry "the disk failed under the log";
    LogDirNotFound 57 "LOG_DIR_NOT_FOUND" fatal "there is no such log directory";
    SaslAuthenticationFailed 58 "SASL_AUTHENTICATION_FAILED" fatal "authentication failed";
    UnknownProducerId 59 "UNKNOWN_PRODUCER_ID" fatal "the producer's state is no longer known";
    ReassignmentInProgress 60 "REASSIGNMENT_IN_PROGRESS" fatal "a reassignment is under way";
    DelegationTokenAuthDisabled 61 "DELEGATION_TOKEN_AUTH_DISABLED" fatal "delegation tokens are switched off";
    DelegationTokenNotFound 62 "DELEGATION_TOKEN_NOT_FOUND" fatal "there is no such delegation token";
    DelegationTokenOwnerMismatch 63 "DELEGATION_TOKEN_OWNER_MISMATCH" fatal "the delegation token belongs to someone else";
    DelegationTokenRequestNotAllowed 64 "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" fatal "delegation tokens cannot be asked for on this connection";
    DelegationTokenAuthorizationFailed 65 "DELEGATION_TOKEN_AUTHORIZATION_FAILED" fatal "not allowed on this delegation token";
    DelegationTokenExpired 66 "DELEGATION_TOKEN_EXPIRED" fatal "the delegation token is over its time";
    InvalidPrincipalType 67 "INVALID_PRINCIPAL_TYPE" fatal "the principal type is not supported";
    NonEmptyGroup 68 "NON_EMPTY_GROUP" fatal "the group has members";
    GroupIdNotFound 69 "GROUP_ID_NOT_FOUND" fatal "there is no such group";
    FetchSessionIdNotFound 70 "FETCH_SESSION_ID_NOT_FOUND" retry "there is no such fetch session";
    InvalidFetchSessionEpoch 71 "INVALID_FETCH_SESSION_EPOCH" retry "the fetch session's epoch is not the next one";
    ListenerNotFound 72 "LISTENER_NOT_FOUND" retry "the leader has no such listener";
    TopicDeletionDisabled 73 "TOPIC_DELETION_DISABLED" fatal "deleting topics is switched off";
    FencedLeaderEpoch 74 "FENCED_LEADER_EPOCH" retry "the leader epoch is an old one";
    UnknownLeaderEpoch 75 "UNKNOWN_LEADER_EPOCH" retry "the leader epoch is newer than the broker's";
    UnsupportedCompressionType 76 "UNSUPPORTED_COMPRESSION_TYPE" fatal "the compression type is not supported";
    StaleBrokerEpoch 77 "STALE_BROKER_EPOCH" fatal "the broker epoch has changed";
    OffsetNotAvailable 78 "OFFSET_NOT_AVAILABLE" retry "the high watermark is not known yet after an election";
    MemberIdRequired 79 "MEMBER_ID_REQUIRED" fatal "a member id is needed before joining: join again with the one given";
    PreferredLeaderNotAvailable 80 "PREFERRED_LEADER_NOT_AVAILABLE" retry "the preferred leader is not available";
    GroupMaxSizeReached 81 "GROUP_MAX_SIZE_REACHED" fatal "the group has no room for another member";
    FencedInstanceId 82 "FENCED_INSTANCE_ID" fatal "another member uses the same group instance id";
    EligibleLeadersNotAvailable 83 "ELIGIBLE_LEADERS_NOT_AVAILABLE" retry "no replica may become leader";
    ElectionNotNeeded 84 "ELECTION_NOT_NEEDED" retry "the leader is already the wanted one";
    NoReassignmentInProgress 85 "NO_REASSIGNMENT_IN_PROGRESS" fatal "no reassignment is under way";
    GroupSubscribedToTopic 86 "GROUP_SUBSCRIBED_TO_TOPIC" fatal "the group is subscribed to the topic";
    InvalidRecord 87 "INVALID_RECORD" fatal "a record did not pass the broker's checks";
    UnstableOffsetCommit 88 "UNSTABLE_OFFSET_COMMIT" retry "offsets of an unfinished transaction stand in the way";
    ThrottlingQuotaExceeded 89 "THROTTLING_QUOTA_EXCEEDED" retry "a quota is used up";
    ProducerFenced 90 "PRODUCER_FENCED" fatal "a newer producer uses the same transactional id";
    ResourceNotFound 91 "RESOURCE_NOT_FOUND" fatal "there is no such resource";
    DuplicateResource 92 "DUPLICATE_RESOURCE" fatal "a resource is named twice";
    UnacceptableCredential 93 "UNACCEPTABLE_CREDENTIAL" fatal "the credential is not good enough";
    InconsistentVoterSet 94 "INCONSISTENT_VOTER_SET" fatal "the voters are not the expected ones";
    InvalidUpdateVersion 95 "INVALID_UPDATE_VERSION" fatal "the feature version is not allowed";
    FeatureUpdateFailed 96 "FEATURE_UPDATE_FAILED" fatal "features could not be updated";
    PrincipalDeserializationFailure 97 "PRINCIPAL_DESERIALIZATION_FAILURE" fatal "the forwarded principal could not be read";
    SnapshotNotFound 98 "SNAPSHOT_NOT_FOUND" fatal "there is no such snapshot";
    PositionOutOfRange 99 "POSITION_OUT_OF_RANGE" fatal "the position is outside the snapshot";
    UnknownTopicId 100 "UNKNOWN_TOPIC_ID" retry "there is no topic with that id here";
    DuplicateBrokerRegistration 101 "DUPLICATE_BROKER_REGISTRATION" fatal "the broker id is taken";
    BrokerIdNotRegistered 102 "BROKER_ID_NOT_REGISTERED" fatal "the broker id is not registered";
    InconsistentTopicId 103 "INCONSISTENT_TOPIC_ID" retry "the topic id is not the log's";
    InconsistentClusterId 104 "INCONSISTENT_CLUSTER_ID" fatal "the cluster id is not this cluster's";
    TransactionalIdNotFound 105 "TRANSACTIONAL_ID_NOT_FOUND" fatal "there is no such transactional id";
    FetchSessionTopicIdError 106 "FETCH_SESSION_TOPIC_ID_ERROR" retry "a fetch session mixes topic names and ids";
    IneligibleReplica 107 "INELIGIBLE_REPLICA" fatal "a replica may not join the in-sync set";
    NewLeaderElected 108 "NEW_LEADER_ELECTED" fatal "a new leader was elected meanwhile";
    OffsetMovedToTieredStorage 109 "OFFSET_MOVED_TO_TIERED_STORAGE" fatal "the offset has moved to tiered storage";
    FencedMemberEpoch 110 "FENCED_MEMBER_EPOCH" fatal "the member's epoch is fenced: give up partitions and rejoin";
    UnreleasedInstanceId 111 "UNRELEASED_INSTANCE_ID" fatal "another member still uses the instance id";
    UnsupportedAssignor 112 "UNSUPPORTED_ASSIGNOR" fatal "the assignor is not supported by the group";
    StaleMemberEpoch 113 "STALE_MEMBER_EPOCH" fatal "the member's epoch is stale: heartbeat first";
    MismatchedEndpointType 114 "MISMATCHED_ENDPOINT_TYPE" fatal "the endpoint is of another type";
    UnsupportedEndpointType 115 "UNSUPPORTED_ENDPOINT_TYPE" fatal "the endpoint type is not supported";
    UnknownControllerId 116 "UNKNOWN_CONTROLLER_ID" fatal "there is no such controller";
    UnknownSubscriptionId 117 "UNKNOWN_SUBSCRIPTION_ID" fatal "the telemetry subscription is unknown or old";
    TelemetryTooLarge 118 "TELEMETRY_TOO_LARGE" fatal "the telemetry is too large";
    InvalidRegistration 119 "INVALID_REGISTRATION" fatal "the broker registration is invalid";
    TransactionAbortable 120 "TRANSACTION_ABORTABLE" fatal "the transaction must be aborted";
    InvalidRecordState 121 "INVALID_RECORD_STATE" fatal "the record is not in a state for this acknowledgement";
    ShareSessionNotFound 122 "SHARE_SESSION_NOT_FOUND" retry "there is no such share session";
    InvalidShareSessionEpoch 123 "INVALID_SHARE_SESSION_EPOCH" retry "the share session's epoch is not the next one";
    FencedStateEpoch 124 "FENCED_STATE_EPOCH" fatal "the share state's epoch is fenced";
    InvalidVoterKey 125 "INVALID_VOTER_KEY" fatal "the voter key is not the replica's";
    DuplicateVoter 126 "DUPLICATE_VOTER" fatal "the voter is in the set already";
    VoterNotFound 127 "VOTER_NOT_FOUND" fatal "the voter is not in the set";
    InvalidRegularExpression 128 "INVALID_REGULAR_EXPRESSION" fatal "the regular expression is invalid";
    RebootstrapRequired 129 "REBOOTSTRAP_REQUIRED" fatal "the client's view is stale: start again from the bootstrap list";
    StreamsInvalidTopology 130 "STREAMS_INVALID_TOPOLOGY" fatal "the topology is invalid";
    StreamsInvalidTopologyEpoch 131 "STREAMS_INVALID_TOPOLOGY_EPOCH" fatal "the topology's epoch is invalid";
    StreamsTopologyFenced 132 "STREAMS_TOPOLOGY_FENCED" fatal "the topology's epoch is an old one";
    ShareSessionLimitReached 133 "SHARE_SESSION_LIMIT_REACHED" retry "there are too many share sessions";
}

#[cfg(test)]
mod tests {
    use kafka_protocol::error::ResponseError;

    use super::ErrorCode;

    #[test]
    fn every_number_reads_back_and_agrees_with_the_oracle() {
        for number in i16::MIN..=i16::MAX {
            let code = ErrorCode::from(number);
            assert_eq!(code.code(), number);
            let Some(oracle) = ResponseError::try_from_code(number) else {
                assert_eq!(code, ErrorCode::None);
                continue;
            };
            assert_eq!(code.is_retriable(), oracle.is_retriable(), "{code}");
            match oracle {
                ResponseError::Unknown(_) => assert_eq!(code, ErrorCode::Unknown(number)),
                known => assert_eq!(code.name().replace('_', ""), format!("{known:?}").to_uppercase()),
            }
        }
    }
}
