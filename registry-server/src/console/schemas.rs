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

/// How many subjects a page shows.
const ROWS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "console/schemas.html")]
struct SchemasPage {
    subjects: Vec<SubjectRow>,
    total: usize,
    /// Not the first page.
    further: bool,
    /// The last subject of this page, when there is another page.
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct After {
    /// The last subject of the page before.
    after: Option<String>,
}

pub(super) async fn list(
    State(console): State<Arc<Console>>,
    Clear(Query(After { after })): Clear<Query<After>>,
) -> Response {
    Page(SchemasPage::after(&console.registry.view(), after.as_deref())).into_response()
}

impl SchemasPage {
    /// The page that follows the one ending with a subject, or the first.
    fn after(view: &View, last: Option<&str>) -> SchemasPage {
        let last = last.map(Qualified::parse);
        let from = last.clone().unwrap_or_else(|| Qualified::parse(""));
        let mut names = view
            .subjects_from(&from)
            .filter(|(name, subject)| subject.latest().is_some() && last.as_ref() != Some(name))
            .map(|(name, _)| name);
        let of = |name: Qualified| SubjectRow::of(view, &name.to_string());
        let subjects: Vec<SubjectRow> = names.by_ref().filter_map(of).take(ROWS_MAX).collect();
        let is_more = names.next().is_some();
        SchemasPage {
            total: view.live_subjects_len(),
            further: last.is_some(),
            next: subjects.last().filter(|_| is_more).map(|last| last.name.clone()),
            subjects,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registry::RegisterRequest, service::Registry, store::Database};

    #[tokio::test]
    async fn pages_of_subjects_leave_none_out() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("registry.db"));
        let registry = Registry::open(&database, || 0, 1).await.unwrap();
        let request = RegisterRequest {
            schema: "\"int\"".to_owned(),
            ..RegisterRequest::default()
        };
        for number in 0..=ROWS_MAX {
            for context in ["", ":.eu:"] {
                let name = Qualified::parse(&format!("{context}s/{number}"));
                registry.register(&name, request.clone()).await.unwrap();
            }
        }
        let view = registry.view();
        let (mut seen, mut sizes, mut last) = (Vec::new(), Vec::new(), None);
        loop {
            let page = SchemasPage::after(&view, last.as_deref());
            assert_eq!(page.total, 2 * (ROWS_MAX + 1));
            assert_eq!(page.further, last.is_some());
            sizes.push(page.subjects.len());
            seen.extend(page.subjects.into_iter().map(|row| row.name));
            last = page.next;
            if last.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [ROWS_MAX, ROWS_MAX, 2]);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 2 * (ROWS_MAX + 1));
        // What is deleted is not counted; a subject that went meanwhile is no hole.
        for permanent in [false, true] {
            let name = Qualified::parse("s/1");
            registry.delete_subject(&name, permanent).await.unwrap();
            let page = SchemasPage::after(&registry.view(), Some("s/1"));
            assert_eq!(page.total, 2 * ROWS_MAX + 1);
            assert_eq!(page.subjects[0].name, "s/10");
        }
    }
}
