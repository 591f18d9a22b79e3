//! The front page and the jump box.

use std::sync::Arc;

use annals_broker::LogState;
use annals_event_store::NotLoaded;
use annals_event_store::key::path_id;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Console;
use super::page::{Clear, Missing, Page, aggregates};
use super::population::AggregateRow;
use super::topics::TopicRow;
use crate::registry::Qualified;

/// Alerts about damage shown at most.
const ALERTS_MAX: usize = 20;

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    /// What somebody has to know before anything else.
    alerts: Vec<Alert>,
    aggregates: Vec<AggregateRow>,
    not_loaded: Vec<NotLoaded>,
    topics: Vec<TopicRow>,
    kafka: String,
    http: String,
}

pub(super) async fn show(State(console): State<Arc<Console>>) -> Result<Response, Missing> {
    let aggregates = aggregates(&console.events).await?;
    let page = HomePage {
        alerts: alerts(&console.broker.log_state()),
        not_loaded: console.events.not_loaded(),
        aggregates: aggregates.into_iter().map(AggregateRow::from).collect(),
        topics: TopicRow::all(&console),
        kafka: console.kafka.clone(),
        http: console.http.clone(),
    };
    Ok(Page(page).into_response())
}

/// Something is wrong with the log.
struct Alert {
    what: String,
    why: String,
    /// What a person can do.
    help: String,
}

fn alerts(log: &LogState) -> Vec<Alert> {
    let stopped = log.stopped.iter().map(|reason| Alert {
        what: "The log has stopped: no record is taken.".to_owned(),
        why: reason.clone(),
        help: "A sync failed, so the disk may have lost what it was given. Check the disk, then restart the server: \
               what was acknowledged is read back, and everything written again."
            .to_owned(),
    });
    let refusing = log.refusing.iter().map(|reason| Alert {
        what: "The log refuses records: there is no room.".to_owned(),
        why: reason.clone(),
        help: "Free some space, or let the process open more files: it goes on by itself within a second."
            .to_owned(),
    });
    let damaged = log.damaged.iter().flat_map(|partition| {
        let what = format!("{}/{} is damaged", partition.topic, partition.partition);
        let state = if partition.takes_records {
            "; it still takes records."
        } else {
            "; it can be read around the damage, and takes no records."
        };
        partition.damage.iter().take(ALERTS_MAX).map(move |damage| Alert {
            what: format!("{what}{state}"),
            why: damage.to_string(),
            help: "Restore the file from a backup; or stop the server and run `annals log check`, which says what is \
                   lost, and `annals log repair`, which keeps everything else."
                .to_owned(),
        })
    });
    stopped.chain(refusing).chain(damaged.take(ALERTS_MAX)).collect()
}

#[derive(Deserialize)]
pub(super) struct Jump {
    #[serde(default)]
    to: String,
}

/// `order/990001` is an aggregate; otherwise a topic or a subject of that name.
pub(super) async fn jump(
    State(console): State<Arc<Console>>,
    Clear(Query(jump)): Clear<Query<Jump>>,
) -> Result<Redirect, Missing> {
    let to = jump.to.trim();
    if to.is_empty() {
        return Ok(Redirect::to("/console"));
    }
    if console.registry.view().subject(&Qualified::parse(to)).is_some() {
        return Ok(Redirect::to(&format!("/console/schemas/{}", escaped(to))));
    }
    if console.broker.topic(to).is_some() {
        return Ok(Redirect::to(&format!("/console/topics/{}", escaped(to))));
    }
    match to.split_once('/') {
        Some((name, id)) => Ok(Redirect::to(&format!(
            "/console/aggregates/{}/{}",
            escaped(name),
            escaped(&path_id(id))
        ))),
        None => Err(Missing::not_found(format!(
            "there is no topic and no subject named {to}; an aggregate is written TYPE/ID, such as order/990001"
        ))),
    }
}

pub(super) fn escaped(segment: &str) -> String {
    askama::filters::urlencode_strict(segment).map_or_else(|_| String::new(), |text| text.to_string())
}
