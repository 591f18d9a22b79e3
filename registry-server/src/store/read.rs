//! Reading what changed: at the start all of it, later what others committed.
//!
//! Schema texts are not parsed here. A text that a later parser refuses is served by its id all the same and must never
//! keep the server from starting.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use annals_schema_model::{Reference, SchemaId, SchemaType};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{StoreError, cell::Cells, connection::Connection, key};
use crate::registry::{
    Change, Commit, Config, Content, Metadata, Qualified, RuleSet, VersionState, VersionView,
};

/// What changed, up to a commit.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The commit up to which everything is there.
    pub commit: Commit,
    /// Whether this is everything there is, because the commit asked about is none the database remembers: what was known
    /// before is of another history.
    pub anew: bool,
    /// The changed rows as they are then: contexts, schemas by id, versions, settings, modes.
    pub changes: Vec<Change>,
}

const CONTEXTS: &str = "SELECT name, last_id, removed FROM contexts WHERE sequence > $1";
/// All contents, in the order the table has them: at a start following each schema's guid would read the table at random.
const CONTENTS: &str = "SELECT guid, text, schema_references, metadata, rule_set FROM contents \
    WHERE $1 = CAST(0 AS BIGINT)";
const ALL_SCHEMAS: &str = "SELECT context, id, guid, schema_type, text_sent, registered_ms, retired, form \
    FROM schemas WHERE sequence > $1";
const SCHEMAS: &str = "SELECT s.context, s.id, s.guid, s.schema_type, s.text_sent, s.registered_ms, s.retired, s.form, \
    c.text, c.schema_references, c.metadata, c.rule_set \
    FROM schemas s JOIN contents c ON c.guid = s.guid WHERE s.sequence > $1";
const VERSIONS: &str =
    "SELECT context, subject, version, id, registered_ms, state FROM versions WHERE sequence > $1";
const CONFIGS: &str = "SELECT context, subject, config FROM configs WHERE sequence > $1";
const MODES: &str = "SELECT context, subject, mode FROM modes WHERE sequence > $1";

/// The changes after a commit as of one moment.
pub(super) async fn snapshot(connection: &mut Connection, since: Commit) -> Result<Changes, StoreError> {
    // Most looks find nothing new; they are spared the transaction.
    if since.sequence > 0 && connection.last_commit().await? == since {
        return Ok(Changes {
            commit: since,
            anew: false,
            changes: Vec::new(),
        });
    }
    connection.begin_to_read().await?;
    let now = connection.last_commit().await?;
    let changes = changes(connection, since, now).await?;
    connection.rollback().await?;
    Ok(changes)
}

/// The changes after a commit within a transaction that sees everything up to the commit `now`.
pub(super) async fn changes(
    connection: &mut Connection,
    since: Commit,
    now: Commit,
) -> Result<Changes, StoreError> {
    let mut changes = Vec::new();
    let anew = since.sequence > 0 && since != now && !connection.remembers(since).await?;
    let sequence = if anew { 0 } else { since.sequence };
    if now.sequence > sequence {
        let mut shared = Shared::default();
        if sequence == 0 {
            let mut keep = |row: &dyn Cells| shared.keep(row, 0, 1);
            connection.rows_since(CONTENTS, sequence, &mut keep).await?;
        }
        let mut statement = async |sql, change: fn(&dyn Cells, &mut Shared) -> Result<Change, StoreError>| {
            connection
                .rows_since(sql, sequence, &mut |row| {
                    changes.push(change(row, &mut shared)?);
                    Ok(())
                })
                .await
        };
        statement(CONTEXTS, context).await?;
        match sequence {
            0 => statement(ALL_SCHEMAS, schema).await?,
            _ => statement(SCHEMAS, schema_with_content).await?,
        }
        statement(VERSIONS, version).await?;
        statement(CONFIGS, config).await?;
        statement(MODES, mode).await?;
        changes.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
    }
    Ok(Changes {
        commit: now,
        anew,
        changes,
    })
}

/// What many rows have in common is held once.
#[derive(Default)]
struct Shared {
    names: HashSet<Arc<str>>,
    /// Rows of the table, whose schemas say of which type they are.
    rows: HashMap<Uuid, Row>,
    contents: HashMap<(Uuid, SchemaType), Arc<Content>>,
}

/// A content as its table holds it.
struct Row {
    text: Arc<str>,
    references: Vec<Reference>,
    metadata: Option<Metadata>,
    rule_set: Option<RuleSet>,
}

impl Shared {
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Keeps a content that stands in a row from the column `first` on, its guid in another.
    fn keep(&mut self, row: &dyn Cells, guid: usize, first: usize) -> Result<(), StoreError> {
        let guid = row.text(guid)?;
        let damaged = |what: &str| StoreError::Damaged(format!("the {what} of the content {guid}"));
        let key = Uuid::parse_str(&guid).map_err(|_| damaged("guid"))?;
        if self.rows.contains_key(&key) {
            return Ok(());
        }
        let content = Row {
            text: row.text(first)?.into(),
            references: references(row.maybe_text(first + 1)?.as_deref())
                .ok_or_else(|| damaged("references"))?,
            metadata: from_json(row.maybe_text(first + 2)?.as_deref()).map_err(|()| damaged("metadata"))?,
            rule_set: from_json(row.maybe_text(first + 3)?.as_deref()).map_err(|()| damaged("rule set"))?,
        };
        self.rows.insert(key, content);
        Ok(())
    }

    fn qualified(&mut self, row: &dyn Cells) -> Result<Qualified, StoreError> {
        Ok(Qualified {
            context: self.name(&row.text(0)?),
            subject: self.name(&row.text(1)?),
        })
    }
}

fn context(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    Ok(Change::Context {
        name: shared.name(&row.text(0)?),
        last_id: number(row, 1, "last id")?,
        removed: row.flag(2)?,
    })
}

fn schema_with_content(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    shared.keep(row, 2, 8)?;
    schema(row, shared)
}

fn schema(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    let context = shared.name(&row.text(0)?);
    let id = schema_id(row, 1)?;
    let damaged =
        |what: &str| StoreError::Damaged(format!("the {what} of schema {id} in the context {context}"));
    let guid = Uuid::parse_str(&row.text(2)?).map_err(|_| damaged("guid"))?;
    let schema_type: SchemaType = row.text(3)?.parse().map_err(|_| damaged("schema type"))?;
    let form = match row.maybe_text(7)? {
        Some(form) => Some(Uuid::parse_str(&form).map_err(|_| damaged("form"))?),
        None => None,
    };
    // Until there were forms, and in Avro for ever, the content's text is served whatever was sent.
    let text_sent = row.maybe_text(4)?.filter(|_| form.is_some());
    let known = shared
        .contents
        .get(&(guid, schema_type))
        .filter(|_| text_sent.is_none());
    let content = match known {
        Some(known) => Arc::clone(known),
        None => {
            let is_own = text_sent.is_none();
            let row = shared.rows.get(&guid).ok_or_else(|| damaged("content"))?;
            let content = Arc::new(Content {
                schema_type,
                text: text_sent.map_or_else(|| Arc::clone(&row.text), Arc::from),
                references: row.references.clone(),
                metadata: row.metadata.clone(),
                rule_set: row.rule_set.clone(),
            });
            if is_own {
                shared.contents.insert((guid, schema_type), Arc::clone(&content));
            }
            content
        }
    };
    Ok(Change::Schema {
        id,
        guid,
        form,
        content,
        printed: None,
        registered_ms: row.int(5)?,
        retired: row.flag(6)?,
        context,
    })
}

fn version(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    let of = shared.qualified(row)?;
    let state = row.text(5)?;
    let state = version_state(&state)
        .ok_or_else(|| StoreError::Damaged(format!("a version of {of} is in the state {state}")))?;
    let version = VersionView {
        version: number(row, 2, "version")?,
        id: schema_id(row, 3)?,
        registered_ms: row.int(4)?,
        state,
    };
    Ok(Change::Version { of, version })
}

fn config(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    let of = shared.qualified(row)?;
    let read = |json: &str| Config::from_json(&serde_json::from_str(json).ok()?).ok();
    let config = match row.maybe_text(2)? {
        Some(json) => Some(
            read(&json).ok_or_else(|| StoreError::Damaged(format!("the settings of \"{of}\": {json}")))?,
        ),
        None => None,
    };
    Ok(Change::Config {
        of,
        config: config.map(Arc::new),
    })
}

fn mode(row: &dyn Cells, shared: &mut Shared) -> Result<Change, StoreError> {
    let of = shared.qualified(row)?;
    let mode = match row.maybe_text(2)? {
        Some(name) => Some(
            name.parse()
                .map_err(|_| StoreError::Damaged(format!("the mode of \"{of}\": {name}")))?,
        ),
        None => None,
    };
    Ok(Change::Mode { of, mode })
}

/// A version's state as the database holds it.
pub(super) const fn state_name(state: VersionState) -> &'static str {
    match state {
        VersionState::Live => "LIVE",
        VersionState::SoftDeleted => "SOFT_DELETED",
        VersionState::Gone => "GONE",
    }
}

fn version_state(name: &str) -> Option<VersionState> {
    [VersionState::Live, VersionState::SoftDeleted, VersionState::Gone]
        .into_iter()
        .find(|state| state_name(*state) == name)
}

fn schema_id(row: &dyn Cells, column: usize) -> Result<SchemaId, StoreError> {
    SchemaId::new(number(row, column, "schema id")?)
        .ok_or_else(|| StoreError::Damaged("a schema id is 0".to_owned()))
}

fn number(row: &dyn Cells, column: usize, what: &str) -> Result<u32, StoreError> {
    let number = row.int(column)?;
    u32::try_from(number).map_err(|_| StoreError::Damaged(format!("a {what} is {number}")))
}

fn from_json<T: DeserializeOwned>(json: Option<&str>) -> Result<Option<T>, ()> {
    json.map(serde_json::from_str).transpose().map_err(|_| ())
}

/// References as the database holds them: name, subject and version of each.
pub(super) fn references_json(references: &[Reference]) -> Option<String> {
    if references.is_empty() {
        return None;
    }
    let rows: Vec<_> = references
        .iter()
        .map(|reference| (&reference.name, &reference.subject, reference.version))
        .collect();
    Some(serde_json::json!(rows).to_string())
}

fn references(json: Option<&str>) -> Option<Vec<Reference>> {
    let rows: Vec<(String, String, i32)> = match json {
        Some(json) => serde_json::from_str(json).ok()?,
        None => return Some(Vec::new()),
    };
    let reference = |(name, subject, version)| Reference {
        name,
        subject,
        version,
    };
    Some(rows.into_iter().map(reference).collect())
}
