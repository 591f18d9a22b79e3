//! DescribeQuorum (key 55): who decides on the metadata, and how far it is. One node decides alone, so it leads, votes,
//! and is never behind; the offsets are those of its metadata log. Only Kafka's name of that log is known:
//! `__cluster_metadata`, partition 0.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, PartitionData, QuorumTopic, ReplicaState,
    TopicData,
};

use crate::internal::METADATA;
use crate::table::{Answer, Context};

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
    let topics: Vec<TopicData> = request.topics.into_iter().map(topic).collect();
    let answered = topics.iter().flat_map(|topic| &topic.partitions);
    let has_leader = answered
        .into_iter()
        .any(|partition| partition.error_code == ErrorCode::None.code());
    let nodes = has_leader.then(|| Node {
        node_id: ctx.shared.config.node_id,
        listeners: vec![Listener {
            name: "PLAINTEXT".to_owned(),
            host: ctx.advertised.host.clone(),
            port: ctx.advertised.port,
        }],
    });
    Answer::Now(DescribeQuorumResponse {
        topics,
        nodes: nodes.into_iter().collect(),
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
