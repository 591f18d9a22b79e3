//! Tags in the texts of schemas: finding them, and registering a version with others.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Shared,
    error::{HttpError, Refusals},
    extract::{JsonBody, Pairs, VersionInPath},
    request::{SchemaRequest, TagRequest},
    shapes::{Answer, RegisterAnswer},
};
use crate::registry::{
    Deleted, Found, Qualified, RegisterRequest, RegistryError, RuleSet, Stored, View, lookup,
    tags::{self, EntityTags},
};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(tag))
}

/// The tags a query asks for with `findTags`: those named, or all with `*`.
pub(super) fn asked_for(stored: &Stored, query: &Pairs) -> Vec<EntityTags> {
    let wanted = query.all("findTags");
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found = tags::found(stored.schema_type(), stored.text());
    if !wanted.iter().any(|name| name == "*") {
        found
            .iter_mut()
            .for_each(|entity| entity.tags.retain(|tag| wanted.contains(tag)));
    }
    found.retain(|entity| !entity.tags.is_empty());
    found
}

/// What a request changes in the tags of its schema.
pub(super) struct Edit {
    add: Vec<EntityTags>,
    remove: Vec<EntityTags>,
    propagate: bool,
}

impl Edit {
    /// What a registration asks for; `None` when that is nothing.
    pub(super) fn taken_from(body: &mut SchemaRequest) -> Option<Edit> {
        let edit = Edit {
            add: body.schema_tags_to_add.take().unwrap_or_default(),
            remove: body.schema_tags_to_remove.take().unwrap_or_default(),
            propagate: body.propagate_schema_tags.take().unwrap_or_default(),
        };
        let asks = edit.propagate || !edit.add.is_empty() || !edit.remove.is_empty();
        asks.then_some(edit)
    }

    /// Writes the tags into the request's schema, or into the newest version's when the request has none.
    pub(super) fn apply(
        self,
        view: &View,
        subject: &Qualified,
        request: &mut RegisterRequest,
    ) -> Result<(), RegistryError> {
        let latest = view.subject(subject).and_then(|versions| versions.latest());
        let latest = latest.and_then(|latest| view.schema_in(&subject.context, latest.id));
        if let Some(latest) = latest.filter(|_| request.lacks_schema()) {
            request.take_schema_of(latest);
        }
        let schema_type = request.schema_type()?;
        let old = latest.filter(|latest| self.propagate && latest.schema_type() == schema_type);
        if let Some(old) = old {
            let known = tags::found(schema_type, old.text());
            request.schema = tags::taken_over(schema_type, &request.schema, &known)?;
        }
        request.schema = tags::edited(schema_type, &request.schema, &self.add, &self.remove)?;
        Ok(())
    }
}

/// Registers a version anew with other tags, metadata or rules.
#[utoipa::path(post, path = "/subjects/{subject}/versions/{version}/tags", tag = "subjects",
    request_body = TagRequest, params(("subject" = String, Path, description = "The subject"),
        ("version" = String, Path, description = "A number from 1, or `latest`")),
    responses((status = 200, description = "The new version", body = RegisterAnswer<'_>), Refusals))]
async fn tag(
    State(state): State<Shared>,
    path: VersionInPath,
    JsonBody(body): JsonBody<TagRequest>,
) -> Result<Response, HttpError> {
    let view = state.registry.view();
    let found = lookup::version(&view, &path.subject, path.version, Deleted::Without)?;
    let request = changed(&found, body)?;
    let registered = state.registry.register(&path.subject, request).await;
    let found = registered.map_err(|error| state.shape.refusal(error))?.found;
    Ok(Answer(RegisterAnswer::of(state.shape, &found, found.stored.text())).into_response())
}

/// A version's schema as a request says it is to be.
fn changed(found: &Found, body: TagRequest) -> Result<RegisterRequest, RegistryError> {
    let stored = &found.stored;
    let own = stored.rule_set().cloned();
    let read = |rules: Option<Value>| rules.map(RuleSet::from_json).transpose();
    let (add, remove) = (
        body.tags_to_add.unwrap_or_default(),
        body.tags_to_remove.unwrap_or_default(),
    );
    let mut request = RegisterRequest {
        metadata: body.metadata.or_else(|| stored.metadata().cloned()),
        rule_set: match (
            read(body.rule_set)?,
            read(body.rules_to_merge)?,
            body.rules_to_remove,
        ) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return Err(RegistryError::InvalidRuleSet(
                    "ruleSet stands for all rules; send it, or rulesToMerge and rulesToRemove".to_owned(),
                ));
            }
            (Some(rules), None, None) => Some(rules),
            (None, merge, remove) => {
                let merged = [own, merge].into_iter().flatten().reduce(RuleSet::under);
                merged.map(|rules| rules.without(&remove.unwrap_or_default()))
            }
        },
        version: body.new_version,
        ..RegisterRequest::default()
    };
    request.take_schema_of(stored);
    request.schema = tags::edited(stored.schema_type(), stored.text(), &add, &remove)?;
    Ok(request)
}
