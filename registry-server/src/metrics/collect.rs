//! The figures of broker, event store and registry, row by row.

use std::collections::BTreeMap;

use annals_broker::{Broker, GroupFigures, LogState, Topic};
use annals_event_store::EventStore;

use super::table::Row;
use super::text::Text;
use crate::http::Requests;
use crate::registry::View;

/// Everything the broker counts and holds.
pub(super) fn broker(broker: &Broker, text: &mut Text) {
    text.add(Row::Brokers, &[], 1);
    let mut producers = 0;
    let mut ends = BTreeMap::new();
    for topic in broker.topics() {
        producers += one_topic(&topic, text);
        ends.insert(topic.name.clone(), topic);
    }
    text.add(Row::Producers, &[], producers);
    broker.each_group(|group| one_group(&group, &ends, text));
    let figures = broker.figures();
    for api in &figures.apis {
        text.add(Row::Requests, &[api.name], api.requests.count);
        text.timed(Row::RequestSeconds, &[api.name], &api.requests);
        for (error, count) in &api.errors {
            text.add(Row::Errors, &[api.name, error], count);
        }
    }
    text.add(Row::Connections, &[], figures.connections);
    text.add(Row::ConnectionsAccepted, &[], figures.connections_accepted);
    text.add(Row::ConnectionsTurnedAway, &[], figures.connections_turned_away);
    text.add(Row::ConnectionsClosed, &[], figures.connections_closed);
    for (name, used, max) in figures.budgets {
        text.add(Row::BudgetUsed, &[name], used);
        text.add(Row::BudgetMax, &[name], max);
    }
    text.add(Row::Groups, &[], figures.groups);
    text.add(Row::TransactionalIds, &[], figures.transactional_ids);
    text.add(Row::OpenTransactions, &[], figures.transactions_open);
    text.timed(Row::Syncs, &[], &figures.syncs);
}

/// How the log is.
pub(super) fn log(log: &LogState, text: &mut Text) {
    text.add(Row::LogStopped, &[], u8::from(log.stopped.is_some()));
    text.add(Row::LogRefusing, &[], u8::from(log.refusing.is_some()));
    text.add(Row::LogDamaged, &[], log.damaged.len());
    text.add(Row::LogCuts, &[], log.cuts.count);
    text.add(Row::LogCutBytes, &[], log.cuts.bytes);
}

/// A topic; how many producers its partitions remember.
fn one_topic(topic: &Topic, text: &mut Text) -> usize {
    let name = topic.name.as_str();
    text.add(Row::TopicPartitions, &[name], topic.partitions.len());
    let (mut bytes, mut producers) = (0, 0);
    for (number, partition) in topic.partitions.iter().enumerate() {
        let number = number.to_string();
        text.add(Row::CurrentOffset, &[name, &number], partition.high_watermark());
        text.add(Row::OldestOffset, &[name, &number], partition.log_start_offset());
        bytes += partition.size_bytes();
        producers += partition.producers().len();
    }
    let figures = topic.figures();
    text.add(Row::LogSize, &[name], bytes);
    text.add(Row::MessagesIn, &[name], figures.records_in);
    text.add(Row::BytesIn, &[name], figures.bytes_in);
    text.add(Row::BytesOut, &[name], figures.bytes_out);
    for (reason, count) in &figures.refused {
        text.add(Row::Refusals, &[name, reason], count);
    }
    for (reason, count) in &figures.warned {
        text.add(Row::Warnings, &[name, reason], count);
    }
    producers
}

fn one_group(group: &GroupFigures, topics: &BTreeMap<String, Topic>, text: &mut Text) {
    let id = group.id.as_str();
    text.add(Row::GroupMembers, &[id], group.members);
    text.add(Row::GroupState, &[id, group.state], 1);
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (topic, number, offset) in &group.committed {
        // What was read of a topic that is gone is behind nothing.
        let lag = topics.get(topic).and_then(|topic| topic.lag(*number, *offset));
        let number = number.to_string();
        text.add(Row::GroupOffset, &[id, topic, &number], offset);
        let sum = sums.entry(topic).or_default();
        sum.0 = sum.0.saturating_add(*offset);
        if let Some(lag) = lag {
            text.add(Row::GroupLag, &[id, topic, &number], lag);
            sum.1 = sum.1.saturating_add(lag);
        }
    }
    for (topic, (offsets, lag)) in sums {
        text.add(Row::GroupOffsetSum, &[id, topic], offsets);
        text.add(Row::GroupLagSum, &[id, topic], lag);
    }
}

/// The folds, as far as their indexes have come.
pub(super) fn events(events: &EventStore, text: &mut Text) {
    for progress in events.progress() {
        let name = progress.name.as_str();
        text.add(Row::FoldEvents, &[name], progress.records);
        text.add(Row::FoldAggregates, &[name], progress.aggregates);
        text.add(Row::FoldLag, &[name], progress.lag);
    }
    let snapshots = events.snapshot_figures();
    for (what, count) in [
        ("kept", snapshots.kept),
        ("used", snapshots.used),
        ("checked", snapshots.checked),
        ("wrong", snapshots.wrong),
        ("damaged", snapshots.damaged),
    ] {
        text.add(Row::Snapshots, &[what], count);
    }
}

/// What is registered.
pub(super) fn registry(view: &View, text: &mut Text) {
    text.add(Row::Subjects, &[], view.live_subjects_len());
    text.add(Row::Schemas, &[], view.schemas_len());
}

/// HTTP requests.
pub(super) fn requests(requests: &Requests, text: &mut Text) {
    requests.each(|method, route, status, count| {
        text.add(Row::HttpRequests, &[method, route, &status.to_string()], count);
    });
}
