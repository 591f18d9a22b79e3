//! Databases with a past: an earlier version's, one that was restored under a running node, and one whose answer got lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use annals_schema_model::SchemaId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{enumeration, register, registry, request, set};
use crate::{
    registry::{Deleted, Mode, Qualified, RegisterRequest, RegistryError, VersionSpec},
    service::{Registry, ServiceError},
    store::{
        Database,
        tests::{content, execute_aside, of_format_1, on_each, on_postgres, through},
    },
};

fn typed(schema_type: &str, text: &str) -> RegisterRequest {
    RegisterRequest {
        schema_type: Some(schema_type.to_owned()),
        ..request(text)
    }
}

fn id(number: u32) -> SchemaId {
    SchemaId::new(number).unwrap()
}

const ONE_LINE: &str = r#"syntax="proto3"; message T { string x=1; }"#;
const LINES: &str = "// A comment.\nsyntax = \"proto3\";\nmessage T {\n  string x = 1;\n}\n";
const THIRD: &str = "syntax = \"proto3\"; message T { string x = 1; }";
const SPACED: &str = "{ \"type\": \"object\" }";

/// Id, type, text, text as sent, whether it is retired, and the subject.
type RowBefore = (
    u32,
    &'static str,
    &'static str,
    Option<&'static str>,
    bool,
    &'static str,
);

const BEFORE: [RowBefore; 7] = [
    (1, "PROTOBUF", ONE_LINE, None, false, "p"),
    (2, "PROTOBUF", LINES, None, false, "p"),
    (
        3,
        "JSON",
        "{\"title\":\"N\",\"type\":\"object\"}",
        Some("{\"type\":\"object\", \"title\":\"N\"}"),
        false,
        "n",
    ),
    (4, "AVRO", "\"string\"", Some(" \"string\" "), false, "a"),
    (5, "JSON", SPACED, None, true, "j"),
    (6, "PROTOBUF", "no schema at all", None, false, "odd"),
    (7, "AVRO", "{ \"type\": \"string\" }", None, false, "imported"),
];

/// The statements of the version before forms.
fn rows_before() -> Vec<String> {
    let mut statements = vec![
        "UPDATE registry SET sequence = 1".to_owned(),
        "INSERT INTO contexts (name, last_id, removed, sequence) VALUES ('.', 7, FALSE, 1)".to_owned(),
    ];
    let mut version = 0;
    for (id, schema_type, text, sent, retired, subject) in BEFORE {
        let guid = content(text).exact();
        let sent = sent.map_or("NULL".to_owned(), |sent| format!("'{sent}'"));
        let state = if retired { "GONE" } else { "LIVE" };
        version = if subject == "p" { version + 1 } else { 1 };
        statements.extend([
            format!("INSERT INTO contents (guid, text) VALUES ('{guid}', '{text}')"),
            format!(
                "INSERT INTO schemas (context, id, guid, schema_type, text_sent, registered_ms, retired, sequence) \
                 VALUES ('.', {id}, '{guid}', '{schema_type}', {sent}, 7, {retired}, 1)"
            ),
            format!(
                "INSERT INTO versions (context, subject, version, id, registered_ms, state, sequence) \
                 VALUES ('.', '{subject}', {version}, {id}, 7, '{state}', 1)"
            ),
        ]);
    }
    statements
}

async fn look_up(registry: &Registry, subject: &str, request: RegisterRequest) -> Result<u32, ServiceError> {
    let found = registry
        .look_up(&Qualified::parse(subject), request, Deleted::Without)
        .await?;
    Ok(found.stored.id.get())
}

#[tokio::test]
async fn a_database_of_the_version_before_is_brought_up_to_date() {
    on_each(async |database| {
        of_format_1(database, &rows_before()).await;
        let mut commits = Vec::new();
        for start in 0..3 {
            let registry = registry(database).await;
            let view = registry.view();
            commits.push(view.commit);
            for (number, schema_type, text, _, retired, subject) in BEFORE {
                if retired && start == 0 {
                    assert!(view.schema(id(number)).is_none());
                    continue;
                }
                let stored = view.schema(id(number)).unwrap();
                assert_eq!(
                    (stored.text().as_ref(), stored.registered_ms),
                    (text, 7),
                    "{number}"
                );
                assert_eq!(stored.guid, content(text).exact(), "{number}");
                let asked = typed(schema_type, text);
                assert_eq!(look_up(&registry, subject, asked).await.unwrap(), number);
            }
            // Two ids that have one form now: both are there, and another layout is the one with the lower id.
            assert_eq!(register(&registry, "p", typed("PROTOBUF", THIRD)).await, (1, 1));
            assert_eq!(register(&registry, "q", typed("PROTOBUF", THIRD)).await, (1, 1));
            assert_eq!(register(&registry, "r", typed("PROTOBUF", LINES)).await, (2, 1));
            assert_eq!(
                register(&registry, "j", typed("JSON", "{\"type\":\"object\"}")).await,
                (5, 1)
            );
            if start == 0 {
                let again = Qualified::parse("again");
                registry
                    .set_mode(&again, Some(Mode::Import), false)
                    .await
                    .unwrap();
                let asked = RegisterRequest {
                    id: Some(7),
                    ..request(BEFORE[6].2)
                };
                assert_eq!(register(&registry, "again", asked).await, (7, 1));
            }
            registry.close().await.unwrap();
        }
        assert_eq!(commits[0].sequence, 2, "one commit brought everything up to date");
        assert_eq!(commits[1], commits[2], "a start writes nothing more");
    })
    .await;
}

#[tokio::test]
async fn a_text_is_served_as_it_was_first_sent_by_every_node() {
    on_each(async |database| {
        let (one, other) = (registry(database).await, registry(database).await);
        assert_eq!(register(&one, "s", typed("PROTOBUF", LINES)).await, (1, 1));
        assert_eq!(register(&other, "t", typed("PROTOBUF", ONE_LINE)).await, (1, 1));
        assert_eq!(
            register(&other, ":.eu:t", typed("PROTOBUF", ONE_LINE)).await,
            (1, 1)
        );
        for subject in ["s", "t"] {
            one.delete_subject(&Qualified::parse(subject), false)
                .await
                .unwrap();
            one.delete_subject(&Qualified::parse(subject), true)
                .await
                .unwrap();
        }
        assert_eq!(register(&one, "u", typed("PROTOBUF", THIRD)).await, (1, 1));
        for registry in [one, registry(database).await] {
            let view = registry.view();
            assert_eq!(view.schema(id(1)).unwrap().text().as_ref(), LINES);
            let elsewhere = view.schema_in(".eu", id(1));
            if let Some(elsewhere) = elsewhere {
                assert_eq!(elsewhere.text().as_ref(), ONE_LINE);
                assert_eq!(elsewhere.guid, view.schema(id(1)).unwrap().guid);
            }
            assert_eq!(
                look_up(&registry, "u", typed("PROTOBUF", ONE_LINE))
                    .await
                    .unwrap(),
                1
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_imported_text_is_served_by_every_node_and_after_a_restart() {
    on_each(async |database| {
        let (one, other) = (registry(database).await, registry(database).await);
        let name = Qualified::parse("s");
        one.set_mode(&name, Some(Mode::Import), false).await.unwrap();
        let sent = "{ \"type\" : \"string\" }";
        let asked = RegisterRequest {
            id: Some(5),
            guid: Some(content("\"string\"").exact()),
            ..request(sent)
        };
        assert_eq!(register(&one, "s", asked).await, (5, 1));
        // A write catches up.
        set(&other, "t", serde_json::json!({"normalize": false})).await;
        for node in [one, other, registry(database).await] {
            let view = node.view();
            let stored = view.schema(id(5)).unwrap();
            assert_eq!(
                (&**stored.text(), stored.guid),
                (sent, content(sent).exact()),
                "{database}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_forgets_the_history_that_a_restored_dump_has_not() {
    const RESTORE: [&str; 8] = [
        "DELETE FROM versions",
        "DELETE FROM schemas",
        "DELETE FROM contents",
        "DELETE FROM contexts",
        "DELETE FROM configs",
        "DELETE FROM modes",
        "DELETE FROM commits",
        "UPDATE registry SET sequence = 0, token = ''",
    ];
    on_each(async |database| {
        let node = registry(database).await;
        assert_eq!(register(&node, "s", enumeration("Ghost")).await, (1, 1));
        let before = node.view().commit;
        for statement in RESTORE {
            execute_aside(database, statement).await;
        }
        let fresh = registry(database).await;
        assert_eq!(register(&fresh, "s", enumeration("B")).await, (1, 1));
        let now = fresh.view().commit;
        assert_eq!(
            before.sequence, now.sequence,
            "by its number it is the same commit"
        );
        assert_ne!(before, now);
        assert_eq!(register(&node, "t", enumeration("C")).await, (2, 1));
        let view = node.view();
        assert!(view.schema(id(1)).unwrap().text().contains("\"B\""), "{database}");
        let ghost = look_up(&node, "s", enumeration("Ghost")).await.unwrap_err();
        let not_found = matches!(ghost, ServiceError::Refused(RegistryError::SchemaNotFound));
        assert!(not_found, "{ghost:?}");
    })
    .await;
}

/// A way to PostgreSQL that breaks after the next commit, before anybody hears that it was made.
async fn breaking(url: &str) -> (Database, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, through) = through(url, listener.local_addr().unwrap().port());
    let breaks = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&breaks);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&server).await else {
                return;
            };
            tokio::spawn(carry(client, server, Arc::clone(&armed)));
        }
    });
    (through, breaks)
}

async fn carry(mut client: TcpStream, mut server: TcpStream, breaks: Arc<AtomicBool>) -> std::io::Result<()> {
    let (mut asked, mut answered) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        tokio::select! {
            bytes = client.read(&mut asked) => {
                let asked = &asked[..bytes?];
                if asked.is_empty() {
                    return Ok(());
                }
                server.write_all(asked).await?;
                let commits = asked.windows(8).any(|word| word == b"; COMMIT");
                if commits && breaks.swap(false, SeqCst) {
                    // The answer comes when it is done, and nobody is told.
                    let _ = server.read(&mut answered).await?;
                    return Ok(());
                }
            }
            bytes = server.read(&mut answered) => {
                let bytes = bytes?;
                if bytes == 0 {
                    return Ok(());
                }
                client.write_all(&answered[..bytes]).await?;
            }
        }
    }
}

#[tokio::test]
async fn a_write_whose_answer_got_lost_is_told_as_done() {
    on_postgres(async |database| {
        let Database::Postgres(url) = database else {
            panic!("{database}")
        };
        let (through, breaks) = breaking(url).await;
        let registry = registry(&through).await;
        let s = Qualified::parse("s");
        let commits = async || registry.view().commit.sequence;
        let lose = || breaks.store(true, SeqCst);
        register(&registry, "s", enumeration("A")).await;
        register(&registry, "t", enumeration("A")).await;
        let start = commits().await;
        set(
            &registry,
            "s",
            serde_json::json!({"compatibility": "NONE"}).clone(),
        )
        .await;
        lose();
        assert_eq!(register(&registry, "s", enumeration("B")).await, (2, 2));
        lose();
        let deleted = registry.delete_version(&s, VersionSpec::Number(2), false).await;
        assert_eq!(deleted.unwrap(), 2);
        lose();
        let deleted = registry.delete_version(&s, VersionSpec::Number(2), true).await;
        assert_eq!(deleted.unwrap(), 2);
        lose();
        assert_eq!(registry.delete_subject(&s, false).await.unwrap(), [1]);
        lose();
        assert_eq!(registry.delete_subject(&s, true).await.unwrap(), [1]);
        assert!(!breaks.load(SeqCst), "every answer got lost");
        assert_eq!(commits().await, start + 6, "each was made once");
        let gone = registry.delete_subject(&s, true).await.unwrap_err();
        assert!(
            matches!(gone, ServiceError::Refused(RegistryError::SubjectNotFound(_))),
            "{gone:?}"
        );
    })
    .await;
}
