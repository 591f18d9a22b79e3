//! ConsumerGroupHeartbeat (key 68): a member of a group of the new protocol (KIP-848) joins, stays, changes what it wants
//! or goes, and is told what it has.
//!
//! * From version 1 on a member makes its own id; before, the coordinator does when it joins.
//! * What a heartbeat lacks is INVALID_REQUEST with a sentence; the rules are those of the group (`consumer_group.rs`).

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use uuid::Uuid;

use crate::consumer_group::{
    GOES, Heartbeat, ID_BYTES_MAX, JOINS, Parts, Refused, Told, WILL_BE_BACK, by_topic,
};
use crate::groups;
use crate::table::{Answer, Context};

/// The most a member may say about itself, in bytes.
const SAID_BYTES_MAX: usize = 512 * 1024;

/// The most partitions a member may say that it has: more than there can be.
const OWNED_MAX: usize = 100_000;

/// The first version whose members make their own ids, and may want topics by a regular expression.
const OWN_IDS: i16 = 1;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: ConsumerGroupHeartbeatRequest,
) -> Answer<ConsumerGroupHeartbeatResponse> {
    if let Err(sentence) = check(version, &request) {
        let code = ErrorCode::InvalidRequest;
        let sentence = sentence.to_owned();
        return Answer::Now(refused(Refused { code, sentence }));
    }
    let group_id = request.group_id.clone();
    let asked = match groups::heartbeat(&ctx.shared, &group_id, heartbeat(ctx, request)) {
        Ok(asked) => asked,
        Err(refusal) => return Answer::Now(refused(refusal)),
    };
    let stop = ctx.stop.clone();
    Answer::later(async move {
        match asked.told_epoch(stop).await {
            Some(Ok(told)) => accepted(told),
            Some(Err(refusal)) => refused(refusal),
            None => refused(Refused {
                code: ErrorCode::CoordinatorNotAvailable,
                sentence: ErrorCode::CoordinatorNotAvailable.meaning().to_owned(),
            }),
        }
    })
}

/// What a heartbeat lacks, whatever the group.
fn check(version: i16, request: &ConsumerGroupHeartbeatRequest) -> Result<(), &'static str> {
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
    let wants = request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some();
    let names = request.subscribed_topic_names.iter().flatten().map(String::len);
    let said_bytes = names.sum::<usize>()
        + [
            &request.rack_id,
            &request.instance_id,
            &request.subscribed_topic_regex,
        ]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum::<usize>();
    let has = request.topic_partitions.as_ref();
    let owned = has.into_iter().flatten().map(|topic| topic.partitions.len());
    let joins = request.member_epoch == JOINS;
    let faults = [
        (request.group_id.trim().is_empty(), "GroupId can't be empty."),
        (is_empty(&request.instance_id), "InstanceId can't be empty."),
        (is_empty(&request.rack_id), "RackId can't be empty."),
        (
            request.member_id.is_empty() && (!joins || version >= OWN_IDS),
            "MemberId can't be empty.",
        ),
        (
            request.member_id.len() > ID_BYTES_MAX,
            "MemberId is longer than 255 bytes.",
        ),
        (
            owned.sum::<usize>() > OWNED_MAX,
            "TopicPartitions are more than 100000.",
        ),
        (request.member_epoch < WILL_BE_BACK, "MemberEpoch is invalid."),
        (
            request.member_epoch == WILL_BE_BACK && request.instance_id.is_none(),
            "InstanceId can't be null.",
        ),
        (
            joins && request.rebalance_timeout_ms < 0,
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (
            joins && has.is_none_or(|has| !has.is_empty()),
            "TopicPartitions must be empty when (re-)joining.",
        ),
        (
            joins && !wants,
            "SubscribedTopicNames or SubscribedTopicRegex must be set when (re-)joining.",
        ),
        (
            said_bytes > SAID_BYTES_MAX,
            "A member says too much about itself.",
        ),
    ];
    match faults.iter().find(|(is_so, _)| *is_so) {
        Some((_, sentence)) => Err(sentence),
        None => Ok(()),
    }
}

fn heartbeat(ctx: &Context, request: ConsumerGroupHeartbeatRequest) -> Heartbeat {
    Heartbeat {
        member_id: request.member_id,
        fresh_id: Uuid::new_v4().to_string(),
        instance_id: request.instance_id,
        client_id: ctx.caller.client_id.clone().unwrap_or_default(),
        client_host: format!("/{}", ctx.caller.peer.ip()),
        rack_id: request.rack_id,
        epoch: request.member_epoch,
        rebalance_timeout_ms: (request.rebalance_timeout_ms >= 0).then_some(request.rebalance_timeout_ms),
        topics: request
            .subscribed_topic_names
            .map(|names| names.into_iter().collect()),
        regex: request.subscribed_topic_regex,
        assignor: request.server_assignor,
        classic: None,
        owned: request.topic_partitions.map(|topics| {
            let parts = topics.into_iter().flat_map(|topic| {
                let id = Uuid::from_bytes(topic.topic_id);
                topic.partitions.into_iter().map(move |partition| (id, partition))
            });
            parts.collect()
        }),
    }
}

fn accepted(told: Told) -> ConsumerGroupHeartbeatResponse {
    let assignment = |parts: Parts| Assignment {
        topic_partitions: by_topic(&parts)
            .map(|(topic, partitions)| TopicPartitions {
                topic_id: topic.into_bytes(),
                partitions,
            })
            .collect(),
    };
    let goes = matches!(told.epoch, GOES | WILL_BE_BACK);
    ConsumerGroupHeartbeatResponse {
        member_id: Some(told.member_id),
        member_epoch: told.epoch,
        heartbeat_interval_ms: if goes { 0 } else { told.interval_ms },
        assignment: told.assignment.map(assignment),
        ..ConsumerGroupHeartbeatResponse::default()
    }
}

fn refused(refusal: Refused) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        error_code: refusal.code.code(),
        error_message: Some(refusal.sentence),
        ..ConsumerGroupHeartbeatResponse::default()
    }
}
