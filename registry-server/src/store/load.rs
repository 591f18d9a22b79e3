//! Reading everything: what the registry does when it starts, and when it no longer knows what the tables hold.
//!
//! Schema texts are not parsed here. A text that a later parser refuses is served by its id all the same and must never
//! keep the server from starting.

use std::{collections::HashMap, sync::Arc};

use annals_schema_model::{Reference, SchemaType};
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use uuid::Uuid;

use super::{CONTEXT, Store, StoreError, write::schema_id};
use crate::registry::{Config, Content, Stored, VersionView, View};

#[derive(FromRow)]
struct SchemaRow {
    id: i64,
    guid: String,
    registered_ms: i64,
    schema_type: String,
    text: String,
    metadata: Option<String>,
    rule_set: Option<String>,
}

#[derive(FromRow)]
struct ReferenceRow {
    guid: String,
    name: String,
    subject: String,
    version: i64,
}

#[derive(FromRow)]
struct VersionRow {
    subject: String,
    version: i64,
    id: i64,
    registered_ms: i64,
}

impl Store {
    /// Everything that is registered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&mut self) -> Result<View, StoreError> {
        let mut view = View::default();
        let mut references = self.load_references().await?;
        let schemas: Vec<SchemaRow> = sqlx::query_as(
            "SELECT s.id, s.guid, s.registered_ms, c.schema_type, c.text, c.metadata, c.rule_set \
             FROM schemas s JOIN contents c ON c.guid = s.guid WHERE s.context = $1 ORDER BY s.id",
        )
        .bind(CONTEXT)
        .fetch_all(self.connection()?)
        .await?;
        for row in schemas {
            let references = references.remove(&row.guid).unwrap_or_default();
            view.insert_schema(Arc::new(stored(row, references)?));
        }
        let versions: Vec<VersionRow> = sqlx::query_as(
            "SELECT subject, version, id, registered_ms FROM versions \
             WHERE context = $1 AND deleted_ms IS NULL ORDER BY subject, version",
        )
        .bind(CONTEXT)
        .fetch_all(self.connection()?)
        .await?;
        for row in versions {
            let id = schema_id(row.id)?;
            let Some(stored) = view.schema(id).cloned() else {
                return Err(StoreError::Damaged(format!(
                    "version {} of {} has no schema {id}",
                    row.version, row.subject
                )));
            };
            let version = u32::try_from(row.version)
                .map_err(|_| StoreError::Damaged(format!("{} has a version {}", row.subject, row.version)))?;
            let version = VersionView {
                version,
                id,
                registered_ms: row.registered_ms,
            };
            view.insert_version(&row.subject, version, &stored);
        }
        self.load_configs(&mut view).await?;
        Ok(view)
    }

    async fn load_references(&mut self) -> Result<HashMap<String, Vec<Reference>>, StoreError> {
        let rows: Vec<ReferenceRow> = sqlx::query_as(
            "SELECT guid, name, subject, version FROM schema_references ORDER BY guid, position",
        )
        .fetch_all(self.connection()?)
        .await?;
        let mut references: HashMap<String, Vec<Reference>> = HashMap::new();
        for ReferenceRow {
            guid,
            name,
            subject,
            version,
        } in rows
        {
            let version = i32::try_from(version)
                .map_err(|_| StoreError::Damaged(format!("a reference to version {version} of {subject}")))?;
            references.entry(guid).or_default().push(Reference {
                name,
                subject,
                version,
            });
        }
        Ok(references)
    }

    async fn load_configs(&mut self, view: &mut View) -> Result<(), StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT subject, config FROM configs WHERE context = $1 ORDER BY subject")
                .bind(CONTEXT)
                .fetch_all(self.connection()?)
                .await?;
        for (subject, json) in rows {
            let config = serde_json::from_str(&json)
                .ok()
                .and_then(|json| Config::from_json(&json).ok());
            let config = config
                .ok_or_else(|| StoreError::Damaged(format!("the settings of \"{subject}\": {json}")))?;
            view.set_config(
                Some(subject.as_str()).filter(|name| !name.is_empty()),
                Some(config),
            );
        }
        Ok(())
    }
}

fn stored(row: SchemaRow, references: Vec<Reference>) -> Result<Stored, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("the {what} of schema {}", row.id));
    let schema_type: SchemaType = row.schema_type.parse().map_err(|_| damaged("schema type"))?;
    let guid = Uuid::parse_str(&row.guid).map_err(|_| damaged("guid"))?;
    let content = Content {
        schema_type,
        text: row.text.into(),
        references,
        metadata: from_json(row.metadata.as_deref()).map_err(|()| damaged("metadata"))?,
        rule_set: from_json(row.rule_set.as_deref()).map_err(|()| damaged("rule set"))?,
    };
    Ok(Stored::new(
        schema_id(row.id)?,
        guid,
        content,
        row.registered_ms,
        None,
    ))
}

fn from_json<T: DeserializeOwned>(json: Option<&str>) -> Result<Option<T>, ()> {
    json.map(serde_json::from_str).transpose().map_err(|_| ())
}
