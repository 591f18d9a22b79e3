//! The store on real database files: what is written survives, and no two writers get the same id.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use annals_schema_model::SchemaId;
use serde_json::json;
use sqlx::Row;

use super::Store;
use crate::registry::{RegisterRequest, Registry};

fn clock() -> i64 {
    1_700_000_000_000
}

fn request(schema: &str) -> RegisterRequest {
    RegisterRequest {
        schema: schema.to_owned(),
        ..RegisterRequest::default()
    }
}

fn enumeration(name: &str) -> RegisterRequest {
    request(&json!({"type": "enum", "name": name, "symbols": ["A"]}).to_string())
}

async fn registry(path: &Path) -> Registry {
    Registry::open(path, clock).await.unwrap()
}

/// Everything a registry answers, to be compared before and after a restart.
fn picture(registry: &Registry) -> Vec<String> {
    let view = registry.view();
    let mut lines: Vec<String> = view
        .subjects()
        .flat_map(|(name, subject)| {
            subject
                .versions
                .values()
                .map(move |version| format!("{name} {version:?}"))
        })
        .collect();
    let ids = (1..=view.max_id().map_or(0, SchemaId::get)).filter_map(SchemaId::new);
    lines.extend(ids.filter_map(|id| view.schema(id)).map(|stored| {
        format!(
            "{} {} {} {:?}",
            stored.id, stored.guid, stored.registered_ms, stored.content
        )
    }));
    lines.push(format!(
        "{:?} {:?}",
        view.global_config(),
        view.subject_config("a")
    ));
    lines
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let before = registry(&path).await;
    before.register("a", request("\"string\"")).await.unwrap();
    before.register("a/b%c", request("\"string\"")).await.unwrap();
    let full = RegisterRequest {
        references: vec![annals_schema_model::Reference {
            name: "S".to_owned(),
            subject: "a".to_owned(),
            version: 1,
        }],
        metadata: serde_json::from_value(json!({"properties": {"k": "v"}})).ok(),
        rule_set: serde_json::from_value(json!({"domainRules": [{"name": "r", "type": "CEL"}]})).ok(),
        ..request("{\"type\": \"bytes\"}")
    };
    let registered = before.register("b", full.clone()).await.unwrap();
    assert_eq!(
        (registered.id().get(), registered.version(), registered.is_new),
        (2, 1, true)
    );
    before
        .update_config(
            Some("a"),
            json!({"compatibility": "NONE"}).as_object().unwrap().clone(),
        )
        .await
        .unwrap();
    before
        .update_config(None, json!({"normalize": true}).as_object().unwrap().clone())
        .await
        .unwrap();
    let picture_before = picture(&before);
    assert_eq!(picture_before.len(), 6, "{picture_before:#?}");
    drop(before);

    let after = registry(&path).await;
    assert_eq!(picture(&after), picture_before);
    let again = after.register("b", full).await.unwrap();
    assert_eq!((again.id().get(), again.is_new), (2, false));
    assert_eq!(
        after.register("c", request("\"long\"")).await.unwrap().id().get(),
        3,
        "ids go on"
    );
    after.clear_config(None).await.unwrap();
    drop(after);
    assert_eq!(registry(&path).await.view().global_config().normalize, None);
}

#[tokio::test]
async fn the_text_as_sent_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    registry(&path)
        .await
        .register("a", request("{\"type\": \"string\"}"))
        .await
        .unwrap();
    let mut store = Store::open(&path).await.unwrap();
    let row = sqlx::query("SELECT text, text_sent FROM contents")
        .fetch_one(store.connection().unwrap())
        .await
        .unwrap();
    assert_eq!(
        (row.get("text"), row.get("text_sent")),
        ("\"string\"", Some("{\"type\": \"string\"}"))
    );
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_registrars_get_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(&folder.path().join("registry.db")).await;
    // Twelve clients register the same eight schemas, each under its own subject and all under a shared one.
    let config = json!({"compatibility": "NONE"});
    registry
        .update_config(Some("shared"), config.as_object().unwrap().clone())
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for client in 0..12 {
        let registry = registry.clone();
        tasks.push(tokio::spawn(async move {
            let mut got = Vec::new();
            for step in 0..8 {
                let name = format!("E{}", (step + client) % 8);
                for subject in ["shared".to_owned(), format!("own-{client}-{name}")] {
                    let registered = registry.register(&subject, enumeration(&name)).await.unwrap();
                    got.push((name.clone(), subject, registered.id().get(), registered.version()));
                }
            }
            got
        }));
    }
    let (mut by_name, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for task in tasks {
        for (name, subject, id, version) in task.await.unwrap() {
            by_name.insert((name.clone(), id));
            if subject == "shared" {
                shared.insert((name, version));
            }
        }
    }
    assert_eq!(by_name.len(), 8, "one id for each schema: {by_name:?}");
    assert_eq!(
        by_name.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>(),
        (1..=8).collect(),
        "dense"
    );
    assert_eq!(
        shared
            .iter()
            .map(|(_, version)| *version)
            .collect::<BTreeSet<_>>(),
        (1..=8).collect()
    );
    assert_eq!(shared.len(), 8, "one version for each schema: {shared:?}");
}

#[tokio::test]
async fn two_processes_on_one_file_do_not_overwrite_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (left, right) = (registry(&path).await, registry(&path).await);
    assert_eq!(left.register("s", enumeration("A")).await.unwrap().id().get(), 1);
    // The right one has not seen it: its first decision meets the constraint, it reads anew and decides again.
    let got = right.register("s", enumeration("A")).await.unwrap();
    assert_eq!((got.id().get(), got.version(), got.is_new), (1, 1, false));
    let got = left.register("t", enumeration("B")).await.unwrap();
    assert_eq!((got.id().get(), got.version()), (2, 1));
    let got = right.register("u", enumeration("C")).await.unwrap();
    assert_eq!(
        (got.id().get(), got.version()),
        (3, 1),
        "a new subject needs no fresh view for a right id"
    );
}

#[tokio::test]
async fn hooks_see_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(&folder.path().join("registry.db")).await;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    registry.on_changed(Box::new(move |view| {
        into.lock().unwrap().push(view.schemas_len())
    }));
    registry.register("a", request("\"int\"")).await.unwrap();
    registry.register("a", request("\"int\"")).await.unwrap();
    registry.register("b", request("\"long\"")).await.unwrap();
    registry
        .update_config(None, json!({"normalize": false}).as_object().unwrap().clone())
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 2]);
}

#[tokio::test]
async fn a_text_that_no_longer_parses_does_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    registry(&path)
        .await
        .register("a", request("\"string\""))
        .await
        .unwrap();
    let mut store = Store::open(&path).await.unwrap();
    sqlx::query("UPDATE contents SET text = 'no schema at all'")
        .execute(store.connection().unwrap())
        .await
        .unwrap();
    store.close().await.unwrap();
    let registry = registry(&path).await;
    let id = SchemaId::new(1).unwrap();
    let view = registry.view();
    assert_eq!(view.schema(id).unwrap().text().as_ref(), "no schema at all");
    assert!(view.parsed(id).is_err());
    assert_eq!(
        registry
            .register("b", request("\"int\""))
            .await
            .unwrap()
            .id()
            .get(),
        2
    );
}
