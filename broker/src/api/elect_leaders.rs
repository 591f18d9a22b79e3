//! ElectLeaders (key 43): this node leads every partition, so no election is ever needed, and each partition says so.
//! Asked for all, as with Kafka, partitions that need none are left out then, and their topics are not.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult, TopicPartitions,
};

use crate::table::{Answer, Context};

/// The preferred leader, or any.
const ELECTION_TYPES: [i8; 2] = [0, 1];

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: ElectLeadersRequest,
) -> Answer<ElectLeadersResponse> {
    let is_known = ELECTION_TYPES.contains(&request.election_type);
    let topics = ctx.shared.topics.now();
    let mut results = BTreeMap::<String, Vec<PartitionResult>>::new();
    let is_refused = !is_known
        && request
            .topic_partitions
            .as_ref()
            .is_none_or(|asked| !asked.is_empty());
    // Of all, only those that need an election are told: none.
    let all = || {
        let there = topics.list().into_iter().filter(|_| is_known);
        there.map(|topic| TopicPartitions {
            topic: topic.name.clone(),
            ..TopicPartitions::default()
        })
    };
    let asked = request.topic_partitions.unwrap_or_else(|| all().collect());
    for asked in asked {
        let topic = topics.named(&asked.topic);
        let result = |partition_id: i32| {
            let code = match topic.and_then(|topic| topic.partition(partition_id)) {
                _ if !is_known => ErrorCode::InvalidRequest,
                Some(_) => ErrorCode::ElectionNotNeeded,
                None => ErrorCode::UnknownTopicOrPartition,
            };
            PartitionResult {
                partition_id,
                error_code: code.code(),
                error_message: Some(code.meaning().to_owned()),
            }
        };
        let of_topic = results.entry(asked.topic.clone()).or_default();
        of_topic.extend(asked.partitions.into_iter().map(result));
    }
    let results = results
        .into_iter()
        .map(|(topic, partition_result)| ReplicaElectionResult {
            topic,
            partition_result,
        });
    Answer::Now(ElectLeadersResponse {
        error_code: if is_refused {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::None
        }
        .code(),
        replica_election_results: results.collect(),
        ..ElectLeadersResponse::default()
    })
}
