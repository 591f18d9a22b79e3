//! DeleteTopics (key 20): topics to remove, by name, or from version 6 on by id too.

use super::TOPICS_MAX;

message! {
    /// The topics to delete.
    request DeleteTopicsRequest: DeleteTopics 1..=6 => DeleteTopicsResponse {
        topics: Vec<DeleteTopicState>, 6.., most TOPICS_MAX; "Each topic, by name or id."
        topic_names: Vec<String>, 0..=5, most TOPICS_MAX; "Each topic, by name."
        timeout_ms: i32, 0..; "How long to wait until they are gone, in milliseconds."
    }

    /// One topic to delete, by name or by id.
    part DeleteTopicState {
        name: Option<String>, 6.., null 6..; "Its name, null if its id is given."
        topic_id: [u8; 16], 6..; "Its id, zeros if it is named."
    }

    /// What became of each topic.
    response DeleteTopicsResponse: DeleteTopics 1..=6 => {
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        responses: Vec<DeletableTopicResult>, 0..; "Each topic."
    }

    /// What became of one topic.
    part DeletableTopicResult {
        name: Option<String>, 0.., null 6.., default Some(String::new()); "Its name, null if an unknown id was given."
        topic_id: [u8; 16], 6..; "Its id."
        error_code: i16, 0..; "0, or why it is still there."
        error_message: Option<String>, 5.., null 5..; "The same in words."
    }
}
