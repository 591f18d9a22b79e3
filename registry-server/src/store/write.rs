//! Writing: a version with all that hangs on it, and settings.

use annals_schema_model::SchemaId;
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};

use super::{CONTEXT, Store, StoreError};
use crate::registry::{Config, Content, register::NewVersion};

/// The outcome of writing a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is written and durable.
    Version {
        /// The id its content has.
        id: SchemaId,
        /// When that id was given out.
        schema_registered_ms: i64,
    },
    /// The tables hold something the decision did not know of: nothing was written.
    Conflict,
}

impl Store {
    /// Writes a version: its content and id if they are new, its references, and the version itself.
    ///
    /// # Errors
    /// [`StoreError`]; whether a failed commit took effect is then unknown.
    pub async fn insert_version(&mut self, new: &NewVersion, now_ms: i64) -> Result<Inserted, StoreError> {
        let mut transaction = self.connection()?.begin_with("BEGIN IMMEDIATE").await?;
        match insert(&mut transaction, new, now_ms).await {
            Ok(inserted @ Inserted::Version { .. }) => {
                transaction.commit().await?;
                Ok(inserted)
            }
            Ok(Inserted::Conflict) => {
                transaction.rollback().await?;
                Ok(Inserted::Conflict)
            }
            Err(StoreError::Database(error)) if is_unique_violation(&error) => {
                transaction.rollback().await?;
                Ok(Inserted::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets or clears the settings of a subject, or the global ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_config(
        &mut self,
        subject: Option<&str>,
        config: Option<&Config>,
    ) -> Result<(), StoreError> {
        let subject = subject.unwrap_or_default();
        let query = match config {
            Some(config) => {
                let json = serde_json::Value::Object(config.to_json("compatibilityLevel")).to_string();
                sqlx::query(
                    "INSERT INTO configs (context, subject, config) VALUES ($1, $2, $3) \
                     ON CONFLICT (context, subject) DO UPDATE SET config = excluded.config",
                )
                .bind(CONTEXT)
                .bind(subject)
                .bind(json)
            }
            None => sqlx::query("DELETE FROM configs WHERE context = $1 AND subject = $2")
                .bind(CONTEXT)
                .bind(subject),
        };
        query.execute(self.connection()?).await?;
        Ok(())
    }
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    new: &NewVersion,
    now_ms: i64,
) -> Result<Inserted, StoreError> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT MAX(version) FROM versions WHERE context = $1 AND subject = $2")
            .bind(CONTEXT)
            .bind(&new.subject)
            .fetch_one(&mut **transaction)
            .await?;
    if newest.unwrap_or(0) + 1 != i64::from(new.version) {
        return Ok(Inserted::Conflict);
    }
    let guid = new.guid.to_string();
    let known: Option<(i64, i64)> =
        sqlx::query_as("SELECT id, registered_ms FROM schemas WHERE context = $1 AND guid = $2")
            .bind(CONTEXT)
            .bind(&guid)
            .fetch_optional(&mut **transaction)
            .await?;
    let (id, schema_registered_ms) = match known {
        Some(known) => known,
        None => {
            insert_content(transaction, new, &guid).await?;
            (insert_schema(transaction, &guid, now_ms).await?, now_ms)
        }
    };
    sqlx::query(
        "INSERT INTO versions (context, subject, version, id, registered_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(CONTEXT)
    .bind(&new.subject)
    .bind(i64::from(new.version))
    .bind(id)
    .bind(now_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(Inserted::Version {
        id: schema_id(id)?,
        schema_registered_ms,
    })
}

async fn insert_content(
    connection: &mut SqliteConnection,
    new: &NewVersion,
    guid: &str,
) -> Result<(), StoreError> {
    let Content {
        schema_type,
        text,
        references,
        metadata,
        rule_set,
    } = &new.candidate.content;
    let as_json = |value: Option<serde_json::Result<String>>| {
        value
            .transpose()
            .map_err(|error| StoreError::Damaged(error.to_string()))
    };
    let written = sqlx::query(
        "INSERT INTO contents (guid, schema_type, text, text_sent, metadata, rule_set) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (guid) DO NOTHING",
    )
    .bind(guid)
    .bind(schema_type.name())
    .bind(text.as_ref())
    .bind(new.candidate.text_sent.as_deref())
    .bind(as_json(metadata.as_ref().map(serde_json::to_string))?)
    .bind(as_json(rule_set.as_ref().map(serde_json::to_string))?)
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(());
    }
    for (position, reference) in (0_i64..).zip(references) {
        sqlx::query(
            "INSERT INTO schema_references (guid, position, name, subject, version) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(guid)
        .bind(position)
        .bind(&reference.name)
        .bind(&reference.subject)
        .bind(i64::from(reference.version))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn insert_schema(
    connection: &mut SqliteConnection,
    guid: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let id: i64 =
        sqlx::query_scalar("UPDATE contexts SET last_id = last_id + 1 WHERE context = $1 RETURNING last_id")
            .bind(CONTEXT)
            .fetch_one(&mut *connection)
            .await?;
    sqlx::query("INSERT INTO schemas (context, id, guid, registered_ms) VALUES ($1, $2, $3, $4)")
        .bind(CONTEXT)
        .bind(id)
        .bind(guid)
        .bind(now_ms)
        .execute(&mut *connection)
        .await?;
    Ok(id)
}

/// An id as the database holds it.
pub(super) fn schema_id(id: i64) -> Result<SchemaId, StoreError> {
    u32::try_from(id)
        .ok()
        .and_then(SchemaId::new)
        .ok_or_else(|| StoreError::Damaged(format!("schema id {id} is out of range")))
}
