//! ElectLeaders (key 43): this node leads every partition, so no election is ever needed, and each partition says so.
//! Asked for all, the answer is empty: as with Kafka, those that need none are left out then.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};

use crate::table::{Answer, Context};

/// The preferred leader, or any.
const ELECTION_TYPES: [i8; 2] = [0, 1];

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: ElectLeadersRequest,
) -> Answer<ElectLeadersResponse> {
    if !ELECTION_TYPES.contains(&request.election_type) {
        return Answer::Now(ElectLeadersResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..ElectLeadersResponse::default()
        });
    }
    let topics = ctx.shared.topics.now();
    let mut results = BTreeMap::<String, Vec<PartitionResult>>::new();
    for asked in request.topic_partitions.unwrap_or_default() {
        let topic = topics.named(&asked.topic);
        let result = |partition_id: i32| {
            let code = match topic.and_then(|topic| topic.partition(partition_id)) {
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
        replica_election_results: results.collect(),
        ..ElectLeadersResponse::default()
    })
}
