//! The store on real databases: every test runs on a SQLite file, and on PostgreSQL where there is a server.
//!
//! `ANNALS_TEST_POSTGRES` is the URL of a server on which tests may make databases; each makes its own and drops it.

mod failures;
mod read_back;
mod transactions;

use std::sync::Arc;

use annals_schema_model::{SchemaId, SchemaType};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{Changes, Database, Store, StoreError};
use crate::registry::{Change, Commit, Config, Content, Mode, Qualified, VersionState, VersionView};

/// Runs a test on an empty database of each kind.
pub(crate) async fn on_each(test: impl AsyncFn(&Database)) {
    let folder = tempfile::tempdir().unwrap();
    test(&Database::Sqlite(folder.path().join("registry.db"))).await;
    on_postgres(test).await;
}

/// Runs a test on an empty PostgreSQL database.
pub(crate) async fn on_postgres(test: impl AsyncFn(&Database)) {
    let Ok(url) = std::env::var("ANNALS_TEST_POSTGRES") else {
        println!("skipped: storage on PostgreSQL, ANNALS_TEST_POSTGRES is not set");
        return;
    };
    let options: PgConnectOptions = url.parse().unwrap();
    let name = format!("annals_test_{}", Uuid::new_v4().simple());
    let mut server = options.connect().await.unwrap();
    execute(&mut server, format!("CREATE DATABASE {name}")).await;
    let of_test = options.clone().database(&name);
    test(&Database::Postgres(of_test.to_url_lossy().to_string())).await;
    execute(&mut server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    server.close().await.unwrap();
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

/// Changes as text, to be compared. What a schema prints as is written and not read.
fn picture(changes: &[Change]) -> Vec<String> {
    let read = |change: &Change| {
        let mut change = change.clone();
        if let Change::Schema { printed, .. } = &mut change {
            *printed = None;
        }
        format!("{change:?}")
    };
    changes.iter().map(read).collect()
}

/// A database as the version before forms left it: its tables, and rows by statements that both databases take.
pub(crate) async fn of_format_1(database: &Database, statements: &[String]) {
    let mut connection = super::connection::Connection::open(database).await.unwrap();
    connection.migrate(&super::migrator(1)).await.unwrap();
    for statement in statements {
        connection.execute(statement, &[]).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Where a database server is, and the database seen through another port of this machine.
pub(crate) fn through(url: &str, port: u16) -> ((String, u16), Database) {
    let options: PgConnectOptions = url.parse().unwrap();
    let server = (options.get_host().to_owned(), options.get_port());
    let url = options.host("127.0.0.1").port(port).to_url_lossy();
    (server, Database::Postgres(url.to_string()))
}

/// Runs a statement beside the stores.
pub(crate) async fn execute_aside(database: &Database, statement: &str) {
    let mut connection = super::connection::Connection::open(database).await.unwrap();
    connection.execute(statement, &[]).await.unwrap();
    connection.close().await.unwrap();
}

/// Everything there is.
async fn all(store: &mut Store) -> Result<Changes, StoreError> {
    store.changes_since(Commit::default()).await
}

/// Writes changes in one commit; answers its number.
pub(crate) async fn write(store: &mut Store, changes: &[Change]) -> Result<i64, StoreError> {
    let mut transaction = store.begin().await?;
    transaction.write(changes).await?;
    Ok(transaction.commit().await?.sequence)
}

pub(crate) fn id(id: u32) -> SchemaId {
    SchemaId::new(id).unwrap()
}

pub(crate) fn context(name: &str, last_id: u32) -> Change {
    Change::Context {
        name: name.into(),
        last_id,
        removed: false,
    }
}

pub(crate) fn content(text: &str) -> Content {
    Content {
        schema_type: SchemaType::Avro,
        text: text.into(),
        references: Vec::new(),
        metadata: None,
        rule_set: None,
    }
}

pub(crate) fn schema(context: &str, number: u32, content: &Content, retired: bool) -> Change {
    Change::Schema {
        context: context.into(),
        id: id(number),
        guid: content.exact(),
        form: None,
        content: Arc::new(content.clone()),
        printed: None,
        registered_ms: 1_700_000_000_000 + i64::from(number),
        retired,
    }
}

fn version(subject: &str, number: u32, of: u32, state: VersionState) -> Change {
    Change::Version {
        of: Qualified::parse(subject),
        version: VersionView {
            version: number,
            id: id(of),
            registered_ms: -1,
            state,
        },
    }
}

fn config(of: &str, config: Option<serde_json::Value>) -> Change {
    let read = |json: serde_json::Value| Config::from_json(json.as_object().unwrap()).unwrap();
    Change::Config {
        of: Qualified::parse(of),
        config: config.map(read).map(Arc::new),
    }
}

fn mode(of: &str, mode: Option<Mode>) -> Change {
    Change::Mode {
        of: Qualified::parse(of),
        mode,
    }
}
