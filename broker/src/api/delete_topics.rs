//! DeleteTopics (key 20): by name, since v6 also by id; several at once, each with its own outcome.
//!
//! A topic asked for by both, by neither, or twice is INVALID_REQUEST, said once, and stays, as with Kafka.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use uuid::Uuid;

use crate::api::outcome::counted;
use crate::api::topic_error_code;
use crate::broker::Shared;
use crate::internal;
use crate::table::{Answer, Context};
use crate::topics::TopicError;

pub(crate) fn handle(ctx: &Context, _: i16, request: DeleteTopicsRequest) -> Answer<DeleteTopicsResponse> {
    // Up to v5 topics come as names alone.
    let named = request.topic_names.into_iter().map(|name| DeleteTopicState {
        name: Some(name),
        ..DeleteTopicState::default()
    });
    let asked: Vec<DeleteTopicState> = request.topics.into_iter().chain(named).collect();
    let shared = Arc::clone(&ctx.shared);
    let named = asked.clone();
    let delete = move || {
        let thing = |topic: &DeleteTopicState| (topic.topic_id, topic.name.clone());
        let mut times = counted(asked.iter().map(thing));
        let delete = |topic: DeleteTopicState| {
            let twice = times.remove(&thing(&topic))? > 1;
            Some(match fault(&topic, twice) {
                Some(sentence) => refused(topic, ErrorCode::InvalidRequest, sentence),
                None => delete_one(&shared, topic),
            })
        };
        DeleteTopicsResponse {
            responses: asked.into_iter().filter_map(delete).collect(),
            ..DeleteTopicsResponse::default()
        }
    };
    let unsettled = |error: ErrorCode| DeleteTopicsResponse {
        responses: named
            .into_iter()
            .map(|topic| refused(topic, error, error.meaning()))
            .collect(),
        ..DeleteTopicsResponse::default()
    };
    Answer::change(ctx, &ctx.shared.topic_turns, delete, unsettled)
}

const UNKNOWN: &str = "There is no such topic.";

/// What is wrong with how a topic is asked for.
fn fault(asked: &DeleteTopicState, twice: bool) -> Option<&'static str> {
    match (&asked.name, Uuid::from_bytes(asked.topic_id).is_nil()) {
        (Some(_), false) => Some("You may not specify both topic name and topic id."),
        (None, true) => Some("Neither topic name nor id were specified."),
        (Some(_), true) if twice => Some("Duplicate topic name."),
        (None, false) if twice => Some("Duplicate topic id."),
        _ => None,
    }
}

fn refused(asked: DeleteTopicState, error: ErrorCode, sentence: &str) -> DeletableTopicResult {
    DeletableTopicResult {
        name: asked.name,
        topic_id: asked.topic_id,
        error_code: error.code(),
        error_message: Some(sentence.to_owned()),
    }
}

fn delete_one(shared: &Shared, asked: DeleteTopicState) -> DeletableTopicResult {
    let id = Uuid::from_bytes(asked.topic_id);
    let by_id = asked.name.is_none().then_some(id);
    let name = match &asked.name {
        Some(name) => name.clone(),
        // Its name may be another topic's when its turn comes: that one stays.
        None => match shared.topics.now().with_id(id) {
            Some(topic) => topic.name.clone(),
            None => return refused(asked, ErrorCode::UnknownTopicId, UNKNOWN),
        },
    };
    if internal::is_internal(&name) {
        return refused(
            asked,
            ErrorCode::InvalidTopicException,
            "The topic is the broker's own.",
        );
    }
    match shared.delete_topic(&name, by_id) {
        Ok(topic) => DeletableTopicResult {
            name: Some(topic.name.clone()),
            topic_id: *topic.id.as_bytes(),
            ..DeletableTopicResult::default()
        },
        Err(TopicError::Unknown(_)) if by_id.is_some() => refused(asked, ErrorCode::UnknownTopicId, UNKNOWN),
        Err(TopicError::Unknown(_)) => refused(asked, ErrorCode::UnknownTopicOrPartition, UNKNOWN),
        Err(error) => refused(asked, topic_error_code(&error), &error.to_string()),
    }
}
