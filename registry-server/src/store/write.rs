//! Writing: changes under the database's write lock, all of them or none.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    time::Duration,
};

use serde::Serialize;

use super::{
    Changes, Store, StoreError,
    cell::Cell,
    connection::Connection,
    key,
    read::{self, references_json, state_name},
    within,
};
use crate::registry::{Change, VersionState};

/// How long the lock may take: longer than the database itself waits.
const BEGIN_MAX: Duration = Duration::from_secs(20);
/// How long all the statements of a transaction may take.
const WRITE_MAX: Duration = Duration::from_secs(120);
/// How long a commit may take.
const COMMIT_MAX: Duration = Duration::from_secs(30);

/// How many rows one statement writes. Powers of two, so that few texts, prepared once, serve every number of rows.
const ROWS_PER_STATEMENT: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// A transaction that holds the write lock. Dropping it rolls back, by dropping its connection; [`Self::rollback`] keeps
/// the connection.
pub struct WriteTransaction<'s> {
    store: &'s mut Store,
    connection: Option<Connection>,
    /// What the tables hold.
    sequence: i64,
    wrote: bool,
}

impl<'s> WriteTransaction<'s> {
    pub(super) async fn begin(
        store: &'s mut Store,
        mut connection: Connection,
    ) -> Result<WriteTransaction<'s>, StoreError> {
        let next = within(BEGIN_MAX, connection.begin_to_write()).await?;
        Ok(WriteTransaction {
            store,
            connection: Some(connection),
            sequence: next - 1,
            wrote: false,
        })
    }

    /// The last commit, as read under the lock.
    #[must_use]
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Everything that changed after the commit `sequence`. Changes this transaction wrote itself may be among it.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is then rolled back.
    pub async fn changes_since(&mut self, sequence: i64) -> Result<Changes, StoreError> {
        let mut connection = self.take()?;
        let changes = within(WRITE_MAX, read::changes(&mut connection, sequence, self.sequence)).await?;
        self.connection = Some(connection);
        Ok(changes)
    }

    /// Writes changes; of several to the same row the last one counts.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is then rolled back.
    pub async fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut connection = self.take()?;
        within(WRITE_MAX, write(&mut connection, changes, self.sequence + 1)).await?;
        self.connection = Some(connection);
        self.wrote = true;
        Ok(())
    }

    /// Makes what was written durable and visible, and answers the number of this commit. A transaction that wrote
    /// nothing counts for nothing.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`], or [`StoreError::RolledBack`] after an earlier failure.
    pub async fn commit(mut self) -> Result<i64, StoreError> {
        if !self.wrote {
            let sequence = self.sequence;
            return self.rollback().await.map(|()| sequence);
        }
        let mut connection = self.take()?;
        within(COMMIT_MAX, connection.commit())
            .await
            .map_err(StoreError::of_commit)?;
        self.store.connection = Some(connection);
        Ok(self.sequence + 1)
    }

    /// Gives up, writing nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written all the same.
    pub async fn rollback(mut self) -> Result<(), StoreError> {
        let mut connection = self.take()?;
        within(COMMIT_MAX, connection.rollback()).await?;
        self.store.connection = Some(connection);
        Ok(())
    }

    fn take(&mut self) -> Result<Connection, StoreError> {
        self.connection.take().ok_or(StoreError::RolledBack)
    }
}

/// An insert that becomes an update where the row is there.
struct Upsert {
    insert: &'static str,
    columns: usize,
    conflict: &'static str,
}

const CONTEXTS: Upsert = Upsert {
    insert: "INSERT INTO contexts (name, last_id, removed, sequence) VALUES ",
    columns: 4,
    conflict: " ON CONFLICT (name) DO UPDATE SET last_id = excluded.last_id, removed = excluded.removed, \
        sequence = excluded.sequence",
};

const CONTENTS: Upsert = Upsert {
    insert: "INSERT INTO contents (guid, text, schema_references, metadata, rule_set) VALUES ",
    columns: 5,
    conflict: " ON CONFLICT (guid) DO NOTHING",
};

const SCHEMAS: Upsert = Upsert {
    insert: "INSERT INTO schemas (context, id, guid, schema_type, text_sent, registered_ms, retired, sequence) VALUES ",
    columns: 8,
    conflict: " ON CONFLICT (context, id) DO UPDATE SET guid = excluded.guid, schema_type = excluded.schema_type, \
        text_sent = excluded.text_sent, registered_ms = excluded.registered_ms, retired = excluded.retired, \
        sequence = excluded.sequence",
};

const VERSIONS: Upsert = Upsert {
    insert: "INSERT INTO versions (context, subject, version, id, registered_ms, state, sequence) VALUES ",
    columns: 7,
    conflict: " ON CONFLICT (context, subject, version) DO UPDATE SET id = excluded.id, \
        registered_ms = excluded.registered_ms, state = excluded.state, sequence = excluded.sequence",
};

const CONFIGS: Upsert = Upsert {
    insert: "INSERT INTO configs (context, subject, config, sequence) VALUES ",
    columns: 4,
    conflict: " ON CONFLICT (context, subject) DO UPDATE SET config = excluded.config, sequence = excluded.sequence",
};

const MODES: Upsert = Upsert {
    insert: "INSERT INTO modes (context, subject, mode, sequence) VALUES ",
    columns: 4,
    conflict: " ON CONFLICT (context, subject) DO UPDATE SET mode = excluded.mode, sequence = excluded.sequence",
};

async fn write(connection: &mut Connection, changes: &[Change], sequence: i64) -> Result<(), StoreError> {
    let rows = Rows::of(changes, sequence)?;
    upsert(connection, &CONTEXTS, rows.contexts).await?;
    upsert(connection, &CONTENTS, rows.contents).await?;
    // What is deleted makes room for what is live: the unique indexes look at every row as it comes.
    upsert(connection, &SCHEMAS, rows.retired_schemas).await?;
    upsert(connection, &SCHEMAS, rows.schemas).await?;
    upsert(connection, &VERSIONS, rows.deleted_versions).await?;
    upsert(connection, &VERSIONS, rows.versions).await?;
    upsert(connection, &CONFIGS, rows.configs).await?;
    upsert(connection, &MODES, rows.modes).await
}

async fn upsert(
    connection: &mut Connection,
    upsert: &Upsert,
    cells: Vec<Cell<'_>>,
) -> Result<(), StoreError> {
    let mut cells = cells.as_slice();
    for rows in ROWS_PER_STATEMENT {
        let chunk = rows * upsert.columns;
        if cells.len() < chunk {
            continue;
        }
        let sql = statement(upsert, rows);
        while let Some((these, rest)) = cells.split_at_checked(chunk) {
            connection.execute(&sql, these).await?;
            cells = rest;
        }
    }
    Ok(())
}

fn statement(upsert: &Upsert, rows: usize) -> String {
    let mut sql = upsert.insert.to_owned();
    for number in 0..rows * upsert.columns {
        let separator = match (number, number % upsert.columns) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{separator}${}", number + 1);
    }
    sql.push(')');
    sql.push_str(upsert.conflict);
    sql
}

/// The rows of each table, value after value.
#[derive(Default)]
struct Rows<'a> {
    contexts: Vec<Cell<'a>>,
    contents: Vec<Cell<'a>>,
    retired_schemas: Vec<Cell<'a>>,
    schemas: Vec<Cell<'a>>,
    deleted_versions: Vec<Cell<'a>>,
    versions: Vec<Cell<'a>>,
    configs: Vec<Cell<'a>>,
    modes: Vec<Cell<'a>>,
}

impl<'a> Rows<'a> {
    fn of(changes: &'a [Change], sequence: i64) -> Result<Rows<'a>, StoreError> {
        // One statement must not touch a row twice.
        let mut latest = BTreeMap::new();
        for change in changes {
            latest.insert(key(change), change);
        }
        let (mut rows, mut guids) = (Rows::default(), HashSet::new());
        for change in latest.into_values() {
            match change {
                Change::Context {
                    name,
                    last_id,
                    removed,
                } => rows.contexts.extend([
                    Cell::from(name.as_ref()),
                    i64::from(*last_id).into(),
                    (*removed).into(),
                    sequence.into(),
                ]),
                Change::Schema { guid, .. } => {
                    rows.schema(change, guids.insert(*guid), sequence)?;
                }
                Change::Version { of, version } => {
                    let table = match version.state {
                        VersionState::Live => &mut rows.versions,
                        VersionState::SoftDeleted | VersionState::Gone => &mut rows.deleted_versions,
                    };
                    table.extend([
                        Cell::from(of.context.as_ref()),
                        Cell::from(of.subject.as_ref()),
                        i64::from(version.version).into(),
                        i64::from(version.id.get()).into(),
                        version.registered_ms.into(),
                        Cell::from(state_name(version.state)),
                        sequence.into(),
                    ]);
                }
                Change::Config { of, config } => rows.configs.extend([
                    Cell::from(of.context.as_ref()),
                    Cell::from(of.subject.as_ref()),
                    json(
                        config
                            .as_ref()
                            .map(|config| config.to_json("compatibilityLevel"))
                            .as_ref(),
                    )?,
                    sequence.into(),
                ]),
                Change::Mode { of, mode } => rows.modes.extend([
                    Cell::from(of.context.as_ref()),
                    Cell::from(of.subject.as_ref()),
                    mode.map(|mode| mode.to_string()).into(),
                    sequence.into(),
                ]),
            }
        }
        Ok(rows)
    }

    fn schema(&mut self, change: &'a Change, is_first: bool, sequence: i64) -> Result<(), StoreError> {
        let Change::Schema {
            context,
            id,
            guid,
            content,
            text_sent,
            registered_ms,
            retired,
        } = change
        else {
            return Ok(());
        };
        let guid = Cell::from(Some(guid.to_string()));
        if is_first {
            self.contents.extend([
                guid.clone(),
                Cell::from(content.text.as_ref()),
                references_json(&content.references).into(),
                json(content.metadata.as_ref())?,
                json(content.rule_set.as_ref())?,
            ]);
        }
        let table = if *retired {
            &mut self.retired_schemas
        } else {
            &mut self.schemas
        };
        table.extend([
            Cell::from(context.as_ref()),
            i64::from(id.get()).into(),
            guid,
            Cell::from(content.schema_type.name()),
            Cell::from(text_sent.as_deref()),
            (*registered_ms).into(),
            (*retired).into(),
            sequence.into(),
        ]);
        Ok(())
    }
}

fn json<'a>(value: Option<&impl Serialize>) -> Result<Cell<'a>, StoreError> {
    let text = value.map(serde_json::to_string).transpose();
    text.map(Cell::from)
        .map_err(|error| StoreError::Damaged(format!("what was to be written is no JSON: {error}")))
}
