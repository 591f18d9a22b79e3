//! The partitions that a Fetch names, each once.

use std::collections::HashSet;

use annals_kafka_wire::message::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse,
};

use super::Round;
use crate::broker::Shared;

/// A request, and where in it each partition stands that it names.
pub(super) struct Asked {
    pub(super) request: FetchRequest,
    /// Index of the topic, and of the partition in it.
    pub(super) places: Vec<(usize, usize)>,
}

impl Asked {
    pub(super) fn of(request: FetchRequest) -> Asked {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        for (at, topic) in request.topics.iter().enumerate() {
            for (index, asked) in topic.partitions.iter().enumerate() {
                if seen.insert((topic.topic.as_str(), asked.partition)) {
                    places.push((at, index));
                }
            }
        }
        Asked { request, places }
    }

    /// The partitions asked for from the `from`th on, each with its topic.
    pub(super) fn partitions(&self, from: usize) -> impl Iterator<Item = (&str, &FetchPartition)> {
        self.places.iter().skip(from).map(|(at, index)| {
            let topic = &self.request.topics[*at];
            (topic.topic.as_str(), &topic.partitions[*index])
        })
    }

    pub(super) fn bytes_max(&self, shared: &Shared) -> usize {
        usize::try_from(self.request.max_bytes)
            .unwrap_or(0)
            .min(shared.config.fetch_bytes_max)
    }

    /// The answer of a round that has come to the end.
    pub(super) fn answer(&self, round: Round) -> FetchResponse {
        let topic = |asked: &FetchTopic| FetchableTopicResponse {
            topic: asked.topic.clone(),
            ..FetchableTopicResponse::default()
        };
        let mut responses: Vec<_> = self.request.topics.iter().map(topic).collect();
        for ((at, _), partition) in self.places.iter().zip(round.partitions) {
            responses[*at].partitions.push(partition);
        }
        FetchResponse {
            responses,
            ..FetchResponse::default()
        }
    }
}
