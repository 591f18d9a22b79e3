//! The front page and the jump box.

use std::sync::Arc;

use annals_event_store::NotLoaded;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Console;
use super::page::{Clear, Missing, Page, blocking};
use super::population::AggregateRow;
use super::topics::TopicRow;
use crate::registry::Qualified;

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    aggregates: Vec<AggregateRow>,
    not_loaded: Vec<NotLoaded>,
    topics: Vec<TopicRow>,
    kafka: String,
    http: String,
}

pub(super) async fn show(State(console): State<Arc<Console>>) -> Result<Response, Missing> {
    let events = Arc::clone(&console.events);
    let aggregates = blocking(move || events.aggregates()).await?;
    let page = HomePage {
        not_loaded: console.events.not_loaded(),
        aggregates: aggregates.into_iter().map(AggregateRow::from).collect(),
        topics: TopicRow::all(&console),
        kafka: console.kafka.clone(),
        http: console.http.clone(),
    };
    Ok(Page(page).into_response())
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
            escaped(id)
        ))),
        None => Err(Missing::not_found(format!(
            "there is no topic and no subject named {to}; an aggregate is written TYPE/ID, such as order/990001"
        ))),
    }
}

fn escaped(segment: &str) -> String {
    askama::filters::urlencode_strict(segment).map_or_else(|_| String::new(), |text| text.to_string())
}
