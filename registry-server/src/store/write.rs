//! Writing: changes under the database's write lock, all of them or none.

use std::{fmt::Write as _, time::Duration};

use uuid::Uuid;

use super::{
    Changes, Store, StoreError,
    cell::Cell,
    connection::{Connection, token_text},
    read,
    rows::Rows,
    within,
};
use crate::registry::{Change, Commit};

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
    last: Commit,
    /// What they hold after this.
    next: Commit,
    wrote: bool,
}

impl<'s> WriteTransaction<'s> {
    pub(super) async fn begin(
        store: &'s mut Store,
        mut connection: Connection,
    ) -> Result<WriteTransaction<'s>, StoreError> {
        let last = within(BEGIN_MAX, connection.begin_to_write()).await?;
        let next = Commit {
            sequence: last.sequence + 1,
            token: Uuid::new_v4(),
        };
        Ok(WriteTransaction {
            store,
            connection: Some(connection),
            last,
            next,
            wrote: false,
        })
    }

    /// The last commit, as read under the lock.
    #[must_use]
    pub fn last(&self) -> Commit {
        self.last
    }

    /// What this transaction's commit will be.
    #[must_use]
    pub fn next(&self) -> Commit {
        self.next
    }

    /// Whether a commit was made. Under the lock nobody is in the middle of one.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is then rolled back.
    pub async fn has(&mut self, commit: Commit) -> Result<bool, StoreError> {
        let mut connection = self.take()?;
        let has = within(WRITE_MAX, connection.remembers(commit)).await?;
        self.connection = Some(connection);
        Ok(has)
    }

    /// Everything that changed after a commit. Changes this transaction wrote itself may be among it.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is then rolled back.
    pub async fn changes_since(&mut self, since: Commit) -> Result<Changes, StoreError> {
        let mut connection = self.take()?;
        let changes = within(WRITE_MAX, read::changes(&mut connection, since, self.last)).await?;
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
        let (last, next, first) = (self.last, self.next, !self.wrote);
        within(WRITE_MAX, async {
            if first {
                sign(&mut connection, last, next).await?;
            }
            write(&mut connection, changes, next.sequence).await
        })
        .await?;
        self.connection = Some(connection);
        self.wrote = true;
        Ok(())
    }

    /// Makes what was written durable and visible, and answers what is the last commit now. A transaction that wrote
    /// nothing counts for nothing.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`], or [`StoreError::RolledBack`] after an earlier failure.
    pub async fn commit(mut self) -> Result<Commit, StoreError> {
        if !self.wrote {
            let last = self.last;
            return self.rollback().await.map(|()| last);
        }
        let mut connection = self.take()?;
        within(COMMIT_MAX, connection.commit())
            .await
            .map_err(StoreError::of_commit)?;
        self.store.connection = Some(connection);
        Ok(self.next)
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
    insert: "INSERT INTO schemas (context, id, guid, schema_type, text_sent, form, registered_ms, retired, sequence) VALUES ",
    columns: 9,
    conflict: " ON CONFLICT (context, id) DO UPDATE SET guid = excluded.guid, schema_type = excluded.schema_type, \
        text_sent = excluded.text_sent, form = excluded.form, registered_ms = excluded.registered_ms, retired = excluded.retired, \
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

/// How many commits are remembered by their tokens.
const COMMITS_KEPT: i64 = 10_000;

/// Notes a commit's token, and that of the one before, which a version without tokens may have made: other nodes know it.
async fn sign(connection: &mut Connection, last: Commit, next: Commit) -> Result<(), StoreError> {
    if last.token.is_nil() {
        let before = [
            Cell::from(last.sequence),
            Cell::from(Some(token_text(last.token))),
        ];
        let note = "INSERT INTO commits (sequence, token) VALUES ($1, $2) ON CONFLICT (sequence) DO NOTHING";
        connection.execute(note, &before).await?;
    }
    let token = || Cell::from(Some(token_text(next.token)));
    let sequence = || Cell::from(next.sequence);
    connection
        .execute(
            "INSERT INTO commits (sequence, token) VALUES ($1, $2)",
            &[sequence(), token()],
        )
        .await?;
    connection
        .execute("UPDATE registry SET token = $1", &[token()])
        .await?;
    let too_old = [Cell::from(next.sequence - COMMITS_KEPT)];
    connection
        .execute("DELETE FROM commits WHERE sequence = $1", &too_old)
        .await
}

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
