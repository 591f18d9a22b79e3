//! DescribeQuorum (key 55): who decides on the metadata, and how far it is. One node decides alone, so it leads, votes,
//! and is never behind; the offsets are those of its metadata log. Only Kafka's name of that log is known:
//! `__cluster_metadata`, partition 0.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, PartitionData, QuorumTopic, ReplicaState,
    TopicData,
};

use crate::table::{Answer, Context};

const METADATA: &str = "__cluster_metadata";

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeQuorumRequest,
) -> Answer<DescribeQuorumResponse> {
    let topic = |asked: QuorumTopic| {
        let numbers = asked.partitions.iter().map(|asked| asked.partition_index);
        TopicData {
            partitions: numbers
                .map(|number| partition(ctx, &asked.topic_name, number))
                .collect(),
            topic_name: asked.topic_name,
        }
    };
    Answer::Now(DescribeQuorumResponse {
        topics: request.topics.into_iter().map(topic).collect(),
        nodes: vec![Node {
            node_id: ctx.shared.config.node_id,
            listeners: vec![Listener {
                name: "PLAINTEXT".to_owned(),
                host: ctx.advertised.host.clone(),
                port: ctx.advertised.port,
            }],
        }],
        ..DescribeQuorumResponse::default()
    })
}

fn partition(ctx: &Context, topic: &str, partition_index: i32) -> PartitionData {
    if (topic, partition_index) != (METADATA, 0) {
        let code = ErrorCode::UnknownTopicOrPartition;
        return PartitionData {
            partition_index,
            error_code: code.code(),
            error_message: Some(code.meaning().to_owned()),
            ..PartitionData::default()
        };
    }
    let (leader_epoch, end_offset) = ctx.shared.topics.meta_end();
    let (leader_id, now_ms) = (ctx.shared.config.node_id, ctx.shared.now_ms());
    PartitionData {
        leader_id,
        leader_epoch,
        high_watermark: end_offset,
        current_voters: vec![ReplicaState {
            replica_id: leader_id,
            log_end_offset: end_offset,
            last_fetch_timestamp: now_ms,
            last_caught_up_timestamp: now_ms,
            ..ReplicaState::default()
        }],
        ..PartitionData::default()
    }
}
