//! `/schemas` as lists: all schemas, and where one of them is used.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{IdInPath, QueryOf, WithDeleted, flag, subject_in_query},
    list::{list, list_of},
    page::{Page, SCHEMAS_MAX},
    schemas::{ForSubject, stored},
    shapes::{SubjectVersion, VersionAnswer},
};
use crate::registry::{Deleted, Found, Qualified, RuleSet, Stored, SubjectView, View};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(all))
        .routes(routes!(subjects_by_id))
        .routes(routes!(versions_by_id))
}

/// Which schemas to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only subjects that begin so, in the default context unless it names another; `:*:` stands for every context.
    subject_prefix: String,
    /// Soft-deleted ones as well.
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    /// Only the newest version of each subject.
    #[serde(deserialize_with = "flag")]
    latest_only: bool,
    /// Take aliases for names of their subjects, and say them.
    #[serde(deserialize_with = "flag")]
    aliases: bool,
    /// Only schemas with a rule of this type, such as `CEL`.
    rule_type: String,
}

/// Lists schemas, by subject and version.
#[utoipa::path(get, path = "/schemas", tag = "schemas", params(ListParams,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer: at most 1000")),
    responses((status = 200, description = "The schemas", body = Vec<VersionAnswer<'_>>), Refusals))]
async fn all(
    State(state): State<Shared>,
    QueryOf(params): QueryOf<ListParams>,
    QueryOf(page): QueryOf<Page>,
) -> Response {
    let (view, shape, with_aliases) = (state.registry.view(), state.shape, params.aliases);
    let versions = params
        .subjects(&view)
        .flat_map(|(name, subject)| params.versions(&view, name, subject));
    let found = page.of(versions, SCHEMAS_MAX);
    let sizing = Arc::clone(&view);
    let sized = found.into_iter().map(move |found| {
        let aliases = if with_aliases {
            aliases_bytes(&sizing, &found.subject)
        } else {
            0
        };
        let bytes = found.stored.text().len() + aliases;
        (found, bytes)
    });
    let write = move |(found, _): &(Found, usize), json: &mut Vec<u8>| {
        let mut answer = VersionAnswer::of(shape, found, found.stored.text());
        if with_aliases {
            let names = view.aliases_of(&found.subject);
            answer.aliases = names.map(|name| name.to_string()).collect();
        }
        serde_json::to_writer(json, &answer)
    };
    list_of(sized, |(_, bytes)| *bytes, write).await
}

/// How much the names that stand for a subject take.
fn aliases_bytes(view: &View, subject: &Qualified) -> usize {
    let names = view.aliases_of(subject);
    names.map(|name| name.context.len() + name.subject.len()).sum()
}

impl ListParams {
    /// The subjects asked for, each once: those of the prefix, and those that an alias of the prefix stands for.
    fn subjects<'a>(&self, view: &'a View) -> impl Iterator<Item = (Qualified, &'a Arc<SubjectView>)> {
        let prefix = Qualified::parse(&self.subject_prefix);
        let mut own = view.subjects_with(&prefix).peekable();
        let mut others: Vec<Qualified> = Vec::new();
        if self.aliases {
            let stood_for = view.aliases_with(&prefix).map(|(_, name)| name);
            others.extend(stood_for.filter(|name| !prefix.begins(name)));
            others.sort_unstable();
            others.dedup();
        }
        let known = others
            .into_iter()
            .filter_map(|name| Some((name.clone(), view.subject(&name)?)));
        let mut others = known.peekable();
        std::iter::from_fn(move || match (own.peek(), others.peek()) {
            (Some((name, _)), Some((other, _))) if name > other => others.next(),
            (None, Some(_)) => others.next(),
            _ => own.next(),
        })
    }

    fn versions<'a>(
        &'a self,
        view: &'a View,
        name: Qualified,
        subject: &'a SubjectView,
    ) -> impl Iterator<Item = Found> + 'a {
        let deleted = Deleted::from_flags(self.deleted, false);
        let latest = subject.listed(deleted).next_back().map(|latest| latest.version);
        subject
            .listed(deleted)
            .filter(move |version| !self.latest_only || Some(version.version) == latest)
            .filter_map(move |version| {
                let stored = view.schema_in(&name.context, version.id)?;
                self.has_rule(stored).then(|| Found {
                    subject: name.clone(),
                    version: *version,
                    stored: Arc::clone(stored),
                })
            })
    }

    fn has_rule(&self, stored: &Stored) -> bool {
        let is_asked = |rules: &RuleSet| {
            let groups = [&rules.migration_rules, &rules.domain_rules, &rules.encoding_rules];
            let mut all = groups.into_iter().flatten();
            all.any(|rule| rule.executor.as_deref() == Some(&self.rule_type))
        };
        self.rule_type.is_empty() || stored.rule_set().is_some_and(is_asked)
    }
}

/// The subjects that use a schema.
#[utoipa::path(get, path = "/schemas/ids/{id}/subjects", tag = "schemas", params(
        ("id" = u32, Path, description = "The schema's id"), ForSubject, WithDeleted,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The subjects' names", body = Vec<String>), Refusals))]
async fn subjects_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(wanted): QueryOf<ForSubject>,
    QueryOf(deleted): QueryOf<WithDeleted>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Response, HttpError> {
    let uses = state.registry.read(|view| uses(view, id, &wanted, &deleted))?;
    let subjects = uses.into_iter().map(|used| used.subject);
    Ok(list(page.part(subjects, usize::MAX)).await)
}

/// The subjects and versions that use a schema: of every subject the version registered last.
#[utoipa::path(get, path = "/schemas/ids/{id}/versions", tag = "schemas", params(
        ("id" = u32, Path, description = "The schema's id"), ForSubject, WithDeleted,
        ("offset" = Option<i64>, Query, description = "How many to skip"),
        ("limit" = Option<i64>, Query, description = "How many to answer")),
    responses((status = 200, description = "The versions", body = Vec<SubjectVersion>), Refusals))]
async fn versions_by_id(
    State(state): State<Shared>,
    IdInPath(id): IdInPath,
    QueryOf(wanted): QueryOf<ForSubject>,
    QueryOf(deleted): QueryOf<WithDeleted>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Response, HttpError> {
    let uses = state.registry.read(|view| uses(view, id, &wanted, &deleted))?;
    Ok(list(page.part(uses.into_iter(), usize::MAX)).await)
}

fn uses(
    view: &View,
    id: i64,
    wanted: &ForSubject,
    deleted: &WithDeleted,
) -> Result<Vec<SubjectVersion>, HttpError> {
    let subject = subject_in_query(view, &wanted.subject);
    let stored = stored(view, id, &subject)?;
    let uses = view.uses(&stored.context, stored.id).iter();
    let asked = uses.filter(|used| subject.is_context() || used.subject == subject.subject);
    let counting = asked.filter_map(|used| {
        let name = Qualified::new(Arc::clone(&stored.context), Arc::clone(&used.subject));
        let version = view.subject(&name)?.version(used.version)?;
        deleted.wanted().includes(&version).then(|| SubjectVersion {
            subject: name.to_string(),
            version: used.version,
        })
    });
    Ok(counting.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::{Change, Config};

    #[test]
    fn aliases_are_counted() {
        let mut view = View::default();
        let config = Config::from_json(json!({"alias": "s"}).as_object().unwrap()).unwrap();
        for number in 100..200 {
            view.apply(&Change::Config {
                of: Qualified::parse(&format!("{number}")),
                config: Some(config.clone().into()),
            });
        }
        assert_eq!(aliases_bytes(&view, &Qualified::parse("s")), 100 * ".100".len());
        assert_eq!(aliases_bytes(&view, &Qualified::parse("t")), 0);
    }
}
