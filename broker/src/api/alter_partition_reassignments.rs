//! AlterPartitionReassignments (key 45): a partition is on this node and can be nowhere else. To put it here is done at
//! once; to put it elsewhere is refused; and there is never a move that could be stopped.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};

use crate::table::{Answer, Context};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: AlterPartitionReassignmentsRequest,
) -> Answer<AlterPartitionReassignmentsResponse> {
    let node_id = ctx.shared.config.node_id;
    let topics = ctx.shared.topics.now();
    let responses = request.topics.into_iter().map(|asked| {
        let topic = topics.named(&asked.name);
        let exists = |number: i32| topic.is_some_and(|topic| topic.partition(number).is_some());
        let answer = |asked: ReassignablePartition| {
            let refusal = match exists(asked.partition_index) {
                true => refusal(node_id, asked.replicas.as_deref()),
                false => Some(ErrorCode::UnknownTopicOrPartition),
            };
            ReassignablePartitionResponse {
                partition_index: asked.partition_index,
                error_code: refusal.map_or(0, ErrorCode::code),
                error_message: refusal.map(|code| sentence(node_id, code)),
            }
        };
        ReassignableTopicResponse {
            partitions: asked.partitions.into_iter().map(answer).collect(),
            name: asked.name,
        }
    });
    Answer::Now(AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        responses: responses.collect(),
        ..AlterPartitionReassignmentsResponse::default()
    })
}

/// Why a partition that is here does not go where it is wanted; no replicas stop its move.
fn refusal(node_id: i32, replicas: Option<&[i32]>) -> Option<ErrorCode> {
    match replicas {
        None => Some(ErrorCode::NoReassignmentInProgress),
        Some(replicas) => (replicas != [node_id]).then_some(ErrorCode::InvalidReplicaAssignment),
    }
}

fn sentence(node_id: i32, code: ErrorCode) -> String {
    match code {
        ErrorCode::InvalidReplicaAssignment => format!("The one broker there is is {node_id}."),
        code => code.meaning().to_owned(),
    }
}
