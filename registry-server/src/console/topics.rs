//! Topics: what is on the log, and how it is checked on the way in.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::Topic;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::Console;
use super::page::{Missing, Page};
use crate::guard::Side;
use crate::topic_subjects::subjects_of;

pub(super) struct TopicRow {
    pub(super) name: String,
    pub(super) partitions: usize,
    pub(super) records: i64,
    pub(super) bytes: u64,
    pub(super) guard: String,
}

impl TopicRow {
    pub(super) fn all(console: &Console) -> Vec<TopicRow> {
        console
            .broker
            .topics()
            .iter()
            .map(|topic| TopicRow::of(console, topic))
            .collect()
    }

    fn of(console: &Console, topic: &Topic) -> TopicRow {
        TopicRow {
            name: topic.name.clone(),
            partitions: topic.partitions.len(),
            records: topic
                .partitions
                .iter()
                .map(|p| p.high_watermark() - p.log_start_offset())
                .sum(),
            bytes: topic.partitions.iter().map(|p| p.size_bytes()).sum(),
            guard: console.guard.mode(topic, Side::Value).to_string(),
        }
    }
}

#[derive(Template)]
#[template(path = "console/topics.html")]
struct TopicsPage {
    topics: Vec<TopicRow>,
}

pub(super) async fn list(State(console): State<Arc<Console>>) -> Response {
    Page(TopicsPage {
        topics: TopicRow::all(&console),
    })
    .into_response()
}

struct PartitionRow {
    index: usize,
    start: i64,
    end: i64,
    bytes: u64,
}

#[derive(Template)]
#[template(path = "console/topic.html")]
struct TopicPage {
    name: String,
    guard: String,
    partitions: Vec<PartitionRow>,
    subjects: Vec<String>,
    config: BTreeMap<String, String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
) -> Result<Response, Missing> {
    let topic = console
        .broker
        .topic(&name)
        .ok_or_else(|| Missing::not_found(format!("there is no topic {name}")))?;
    let partitions = topic
        .partitions
        .iter()
        .enumerate()
        .map(|(index, partition)| PartitionRow {
            index,
            start: partition.log_start_offset(),
            end: partition.high_watermark(),
            bytes: partition.size_bytes(),
        });
    let view = console.registry.view();
    let subjects = [Side::Key, Side::Value]
        .into_iter()
        .flat_map(|side| subjects_of(&view, &name, side));
    let page = TopicPage {
        guard: console.guard.mode(&topic, Side::Value).to_string(),
        partitions: partitions.collect(),
        subjects: subjects.map(|(subject, _)| subject).collect(),
        config: topic.config.clone(),
        name,
    };
    Ok(Page(page).into_response())
}
