//! Topics: what is on the log, and how it is checked on the way in.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::{Refused, Topic};
use annals_schema_model::Timestamp;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::Console;
use super::page::{Clear, Missing, Page, aggregates};
use super::population::AggregateRow;
use super::schemas::SubjectRow;
use crate::guard::{Level, Side};
use crate::topic_subjects::{Strategies, subjects_of};

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
            guard: console.guard.level(topic, Side::Value).to_string(),
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

/// Records of one batch that broke one rule.
struct RefusedRow {
    at: String,
    partition: i32,
    client: String,
    code: &'static str,
    sentence: String,
    records: u64,
    is_warning: bool,
}

impl From<Refused> for RefusedRow {
    fn from(refused: Refused) -> RefusedRow {
        let client_id = refused.client_id.filter(|id| !id.is_empty());
        RefusedRow {
            at: Timestamp::from_millis(refused.at_ms).to_string(),
            partition: refused.partition,
            client: client_id.map_or_else(
                || refused.peer.to_string(),
                |id| format!("{id} ({})", refused.peer),
            ),
            code: refused.code,
            sentence: refused.sentence,
            records: refused.records,
            is_warning: refused.is_warning,
        }
    }
}

/// The most groups that are shown.
const GROUPS_SHOWN: usize = 100;

/// A group that reads the topic.
struct GroupRow {
    id: String,
    state: &'static str,
    members: usize,
    lag: i64,
}

#[derive(Template)]
#[template(path = "console/topic.html")]
struct TopicPage {
    name: String,
    guard: Level,
    demand: &'static str,
    partitions: Vec<PartitionRow>,
    groups: Vec<GroupRow>,
    refused: Vec<RefusedRow>,
    subjects: Vec<SubjectRow>,
    aggregates: Vec<AggregateRow>,
    config: BTreeMap<String, String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Clear(Path(name)): Clear<Path<String>>,
) -> Result<Response, Missing> {
    let topic = console
        .broker
        .topic(&name)
        .ok_or_else(|| Missing::not_found(format!("there is no topic {name}")))?;
    let mut aggregates = aggregates(&console.events).await?;
    aggregates.retain(|aggregate| aggregate.topic == name || aggregate.topics.contains(&name));
    let guard = console.guard.level(&topic, Side::Value);
    let page = TopicPage {
        guard,
        demand: demand(guard),
        partitions: partitions(&topic),
        groups: groups(&console, &topic),
        refused: console
            .broker
            .last_refused(&name)
            .into_iter()
            .map(RefusedRow::from)
            .collect(),
        subjects: subjects(&console, &name),
        aggregates: aggregates.into_iter().map(AggregateRow::from).collect(),
        config: topic.config.clone(),
        name,
    };
    Ok(Page(page).into_response())
}

fn partitions(topic: &Topic) -> Vec<PartitionRow> {
    let numbered = topic.partitions.iter().enumerate();
    numbered
        .map(|(index, partition)| PartitionRow {
            index,
            start: partition.log_start_offset(),
            end: partition.high_watermark(),
            bytes: partition.size_bytes(),
        })
        .collect()
}

/// Those that have committed something, whoever is furthest behind first.
fn groups(console: &Console, topic: &Topic) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    console.broker.each_group(|group| {
        let of_it = group.committed.iter().filter(|(name, ..)| *name == topic.name);
        let mut lags = of_it
            .filter_map(|(_, partition, offset)| topic.lag(*partition, *offset))
            .peekable();
        if lags.peek().is_some() {
            rows.push(GroupRow {
                lag: lags.fold(0, i64::saturating_add),
                id: group.id.clone(),
                state: group.state,
                members: group.members,
            });
        }
    });
    rows.sort_by_key(|group| std::cmp::Reverse(group.lag));
    rows.truncate(GROUPS_SHOWN);
    rows
}

fn subjects(console: &Console, topic: &str) -> Vec<SubjectRow> {
    let view = console.registry.view();
    let named = [Side::Key, Side::Value]
        .into_iter()
        .flat_map(|side| subjects_of(&view, topic, side, Strategies::default()));
    named
        .filter_map(|(subject, _)| SubjectRow::of(&view, &subject))
        .collect()
}

/// What is asked of each record's value.
fn demand(level: Level) -> &'static str {
    match level {
        Level::Off => "values are taken as they are",
        Level::Id => "a value must begin with the id of a registered schema",
        Level::Subject => "a value must begin with the id of a schema of this topic",
        Level::Warn => {
            "a value that does not read with a schema of this topic is let in, and told in the log and here"
        }
        Level::Full => {
            "a value must begin with the id of a schema of this topic, and the rest must read with that schema"
        }
    }
}
