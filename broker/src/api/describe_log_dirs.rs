//! DescribeLogDirs (key 35): the data directory, and how many bytes each partition's log files have. A partition that is
//! not there is left out, as with Kafka. Left out: how large the volume is, and how much of it is free.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

use crate::broker::Shared;
use crate::table::{Answer, Context};
use crate::topic::Topic;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeLogDirsRequest,
) -> Answer<DescribeLogDirsResponse> {
    let ctx = ctx.clone();
    Answer::wanted(move || {
        let failed = ctx.shared.log.failed().is_some();
        let code = if failed {
            ErrorCode::KafkaStorageError
        } else {
            ErrorCode::None
        };
        DescribeLogDirsResponse {
            results: vec![DescribeLogDirsResult {
                error_code: code.code(),
                log_dir: ctx.shared.data_dir.display().to_string(),
                topics: sizes(&ctx.shared, &request),
                ..DescribeLogDirsResult::default()
            }],
            ..DescribeLogDirsResponse::default()
        }
    })
}

/// The partitions asked for that there are, each once.
fn sizes(shared: &Shared, request: &DescribeLogDirsRequest) -> Vec<DescribeLogDirsTopic> {
    let topics = shared.topics.now();
    let Some(asked) = &request.topics else {
        return topics.list().iter().map(|topic| described(topic, None)).collect();
    };
    let mut wanted = BTreeMap::<&str, BTreeSet<i32>>::new();
    for topic in asked {
        wanted.entry(&topic.topic).or_default().extend(&topic.partitions);
    }
    let there = wanted
        .iter()
        .filter_map(|(name, numbers)| Some(described(topics.named(name)?, Some(numbers))));
    there.filter(|topic| !topic.partitions.is_empty()).collect()
}

fn described(topic: &Topic, numbers: Option<&BTreeSet<i32>>) -> DescribeLogDirsTopic {
    let all = (0..).zip(&topic.partitions);
    let wanted = all.filter(|(number, _)| numbers.is_none_or(|numbers| numbers.contains(number)));
    let partition = wanted.map(|(number, partition)| DescribeLogDirsPartition {
        partition_index: number,
        partition_size: i64::try_from(partition.size_bytes()).unwrap_or(i64::MAX),
        ..DescribeLogDirsPartition::default()
    });
    DescribeLogDirsTopic {
        name: topic.name.clone(),
        partitions: partition.collect(),
    }
}
