//! What happens when a database is not what it should be, or goes away.

use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{all, context, on_each, on_postgres, write};
use crate::store::{Database, Store, StoreError, database::postgres_options};

/// A connection beside the store's.
async fn aside(database: &Database) -> Aside {
    match database {
        Database::Sqlite(path) => Aside::Sqlite(
            SqliteConnectOptions::new()
                .filename(path)
                .connect()
                .await
                .unwrap(),
        ),
        Database::Postgres(url) => Aside::Postgres(postgres_options(url).unwrap().connect().await.unwrap()),
    }
}

enum Aside {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Aside {
    async fn execute(&mut self, sql: &'static str) {
        match self {
            Aside::Sqlite(inner) => drop(sqlx::query(sql).execute(inner).await.unwrap()),
            Aside::Postgres(inner) => drop(sqlx::query(sql).execute(inner).await.unwrap()),
        }
    }

    /// Ends every other connection to the database.
    async fn cut_the_others(&mut self) {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    }
}

#[tokio::test]
async fn another_format_is_told() {
    on_each(async |database| {
        Store::open(database).await.unwrap().close().await.unwrap();
        let mut aside = aside(database).await;
        aside
            .execute(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT 999, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
            )
            .await;
        let newer = Store::open(database).await.err().unwrap();
        assert!(matches!(newer, StoreError::Newer(999)), "{newer:?}");
        aside
            .execute("DELETE FROM _sqlx_migrations WHERE version <> 999")
            .await;
        let changed = match database {
            Database::Sqlite(_) => "UPDATE _sqlx_migrations SET version = 1, checksum = X'00'",
            Database::Postgres(_) => "UPDATE _sqlx_migrations SET version = 1, checksum = '\\x00'",
        };
        aside.execute(changed).await;
        let older = Store::open(database).await.err().unwrap();
        assert!(matches!(older, StoreError::Older(1)), "{older:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "no database ".repeat(1000)).unwrap();
    let check = async |address: &str, wanted: &str| {
        let start = Instant::now();
        let opened = match Database::parse(address) {
            Ok(database) => Store::open(&database)
                .await
                .err()
                .map(|error| error.with_causes()),
            Err(error) => Some(error.with_causes()),
        };
        let error = opened.unwrap_or_default();
        assert!(error.contains(wanted), "{address}: {error}");
        assert!(!error.contains("secret"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20), "{address}");
    };
    check(text.to_str().unwrap(), "not a database").await;
    check(
        "sqlite:/no/such/folder/registry.db",
        "unable to open database file",
    )
    .await;
    check("mysql://me:secret@here/annals", "mysql:// is no database").await;
    check("postgres://me:secret@[/annals", "cannot be read").await;
    check("", "empty").await;
    let shown = format!(
        "{:?}",
        Database::parse("postgresql://me:secret@here/annals?sslmode=disable").unwrap()
    );
    assert_eq!(shown, "postgres://here:5432/annals");
}

#[tokio::test]
async fn a_closed_store_stays_closed() {
    on_each(async |database| {
        let mut store = Store::open(database).await.unwrap();
        store.close().await.unwrap();
        store.close().await.unwrap();
        assert!(matches!(all(&mut store).await.unwrap_err(), StoreError::Closed));
        assert!(matches!(store.begin().await.err().unwrap(), StoreError::Closed));
        assert!(matches!(store.reconnect().await.unwrap_err(), StoreError::Closed));
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_made_anew() {
    on_postgres(async |database| {
        let mut store = Store::open(database).await.unwrap();
        let mut aside = aside(database).await;
        let rows = [context(".", 1)];

        aside.cut_the_others().await;
        let lost = store.begin().await.err().unwrap();
        assert!(matches!(lost, StoreError::Disconnected(_)), "{lost:?}");
        store.reconnect().await.unwrap();
        assert_eq!(write(&mut store, &rows).await.unwrap(), 1);

        let mut transaction = store.begin().await.unwrap();
        transaction.write(&rows).await.unwrap();
        aside.cut_the_others().await;
        let lost = transaction.write(&rows).await.unwrap_err();
        assert!(matches!(lost, StoreError::Disconnected(_)), "{lost:?}");
        let lost = transaction.commit().await.unwrap_err();
        assert!(matches!(lost, StoreError::RolledBack), "{lost:?}");

        store.reconnect().await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        transaction.write(&rows).await.unwrap();
        aside.cut_the_others().await;
        let unknown = transaction.commit().await.unwrap_err();
        assert!(
            matches!(unknown, StoreError::OutcomeUnknown(_)) && unknown.lost_connection(),
            "{unknown:?}"
        );

        // A call after a failure connects by itself.
        assert_eq!(all(&mut store).await.unwrap().commit.sequence, 1);
    })
    .await;
}

#[tokio::test]
async fn other_nodes_hear_of_commits() {
    on_each(async |database| {
        let mut writer = Store::open(database).await.unwrap();
        let reader = Store::open(database).await.unwrap();
        let Some(mut listener) = reader.listener().await.unwrap() else {
            assert!(matches!(database, Database::Sqlite(_)));
            return;
        };
        // It must hear; it does not look by itself in time.
        listener.silence = Duration::from_secs(3_600);
        let heard = async |listener: &mut crate::store::Listener| {
            let limit = Duration::from_secs(8);
            tokio::time::timeout(limit, listener.changed()).await.unwrap();
        };
        for sequence in 1..4 {
            assert_eq!(write(&mut writer, &[context(".", 1)]).await.unwrap(), sequence);
            heard(&mut listener).await;
        }
        // What is written while nobody can hear it is made up for.
        aside(database).await.cut_the_others().await;
        writer.reconnect().await.unwrap();
        drop(writer);
        let mut writer = Store::open(database).await.unwrap();
        assert_eq!(write(&mut writer, &[context(".", 1)]).await.unwrap(), 4);
        heard(&mut listener).await;
        write(&mut writer, &[context(".", 1)]).await.unwrap();
        heard(&mut listener).await;
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_nobody_was_told_of_is_found() {
    on_postgres(async |database| {
        let reader = Store::open(database).await.unwrap();
        let mut listener = reader.listener().await.unwrap().unwrap();
        let mut aside = aside(database).await;
        let heard = async |listener: &mut crate::store::Listener| {
            let limit = Duration::from_secs(8);
            tokio::time::timeout(limit, listener.changed()).await.unwrap();
        };
        // The first look has nothing to compare with.
        heard(&mut listener).await;
        for _ in 0..3 {
            // As another node's commit looks to a LISTEN that a pooler gave to somebody else.
            aside.execute("UPDATE registry SET sequence = sequence + 1").await;
            heard(&mut listener).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_writer_that_hangs_does_not_stop_the_others() {
    on_postgres(async |database| {
        let mut hanging = Store::open(database).await.unwrap();
        let mut other = Store::open(database).await.unwrap();
        let mut transaction = hanging.begin().await.unwrap();
        transaction.write(&[context(".", 1)]).await.unwrap();
        let start = Instant::now();
        assert_eq!(write(&mut other, &[context(".", 2)]).await.unwrap(), 1);
        println!(
            "the lock of a writer that hangs was free after {:?}",
            start.elapsed()
        );
        let lost = transaction.write(&[context(".", 1)]).await.unwrap_err();
        assert!(matches!(lost, StoreError::Disconnected(_)), "{lost:?}");
    })
    .await;
}
