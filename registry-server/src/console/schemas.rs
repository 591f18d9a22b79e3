//! Schemas: the subjects, and one version's text.

use std::sync::Arc;

use annals_schema_model::{Level, SchemaId};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Console;
use super::json_text::readable;
use super::page::{Clear, Missing, Page};
use crate::guard::Side;
use crate::registry::{Qualified, View};
use crate::topic_subjects::is_subject_of;

pub(super) struct SubjectRow {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) version: u32,
    pub(super) id: u32,
    pub(super) level: &'static str,
}

impl SubjectRow {
    /// `None` when the subject has no version.
    pub(super) fn of(view: &View, name: &str) -> Option<SubjectRow> {
        let name = &Qualified::parse(name);
        let latest = view.subject(name)?.latest()?;
        Some(SubjectRow {
            name: name.to_string(),
            kind: view.schema_in(&name.context, latest.id)?.schema_type().name(),
            version: latest.version,
            id: latest.id.get(),
            level: view.config_in_scope(name).standard().level.name(),
        })
    }
}

#[derive(Template)]
#[template(path = "console/schemas.html")]
struct SchemasPage {
    subjects: Vec<SubjectRow>,
}

pub(super) async fn list(State(console): State<Arc<Console>>) -> Response {
    let view = console.registry.view();
    let rows = view
        .subjects_with(&Qualified::parse(":*:"))
        .filter_map(|(name, _)| SubjectRow::of(&view, &name.to_string()));
    Page(SchemasPage {
        subjects: rows.collect(),
    })
    .into_response()
}

#[derive(Template)]
#[template(path = "console/schema.html")]
struct SchemaPage {
    name: String,
    version: u32,
    versions: Vec<u32>,
    id: u32,
    kind: &'static str,
    level: &'static str,
    /// The level in words.
    demand: &'static str,
    /// Topics whose records it judges.
    topics: Vec<String>,
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    version: Option<u32>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Clear(Path(name)): Clear<Path<String>>,
    Clear(Query(which)): Clear<Query<Which>>,
) -> Result<Response, Missing> {
    let view = console.registry.view();
    let missing = || Missing::not_found(format!("{name} has no such version, or is not registered"));
    let qualified = Qualified::parse(&name);
    let subject = view.subject(&qualified).ok_or_else(missing)?;
    let wanted = which
        .version
        .map_or_else(|| subject.latest(), |number| subject.version(number));
    let version = wanted.ok_or_else(missing)?;
    let stored = view
        .schema_in(&qualified.context, version.id)
        .ok_or_else(missing)?;
    let level = view.config_in_scope(&qualified).standard().level;
    let page = SchemaPage {
        version: version.version,
        versions: subject.live().map(|version| version.version).collect(),
        id: version.id.get(),
        kind: stored.schema_type().name(),
        level: level.name(),
        demand: demand(level),
        topics: topics(&console, &view, &name, version.id),
        text: readable(stored.text()),
        name,
    };
    Ok(Page(page).into_response())
}

fn topics(console: &Console, view: &View, subject: &str, id: SchemaId) -> Vec<String> {
    let all = console.broker.topics();
    let named = all.iter().map(|topic| topic.name.clone());
    named
        .filter(|topic| {
            let speaks = |side| is_subject_of(view, topic, side, subject, id);
            speaks(Side::Key) || speaks(Side::Value)
        })
        .collect()
}

fn demand(level: Level) -> &'static str {
    match level {
        Level::None => "any new version is accepted",
        Level::Backward => "a new version must read the data of the version before it",
        Level::BackwardTransitive => "a new version must read the data of every version before it",
        Level::Forward => "the version before must read the data of a new one",
        Level::ForwardTransitive => "every version before must read the data of a new one",
        Level::Full => "a new version and the one before it must read each other's data",
        Level::FullTransitive => "a new version and every one before it must read each other's data",
    }
}
