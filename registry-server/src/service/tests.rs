//! The registry on real databases: what it decides for many at once, and what it knows after a restart.

mod histories;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use annals_schema_model::Reference;
use serde_json::json;

use tokio::time::timeout;

use super::{Registry, ServiceError, queue::WriteLimits};
use crate::{
    registry::{Mode, Qualified, RegisterRequest},
    store::{
        Database, Store,
        tests::{content, context, id, on_each, schema, write},
    },
};

async fn registry(database: &Database) -> Registry {
    Registry::open(database, || 1_700_000_000_000, 64).await.unwrap()
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

/// Registers and answers id and version.
async fn register(registry: &Registry, subject: &str, request: RegisterRequest) -> (u32, u32) {
    let registered = registry
        .register(&Qualified::parse(subject), request)
        .await
        .unwrap();
    (registered.id().get(), registered.version())
}

async fn set(registry: &Registry, subject: &str, config: serde_json::Value) {
    let config = config.as_object().unwrap().clone();
    registry
        .update_config(&Qualified::parse(subject), config)
        .await
        .unwrap();
}

/// A registry that other nodes share and that hears nothing of them by itself.
pub(crate) async fn deaf(database: &Database) -> Registry {
    let store = Store::open(database).await.unwrap();
    let limits = WriteLimits::of(64);
    Registry::on(store, None, true, || 1_700_000_000_000, limits)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_catches_up_when_it_is_asked_to() {
    on_each(async |database| {
        let (one, other) = (registry(database).await, deaf(database).await);
        let name = Qualified::parse("s");
        assert_eq!(register(&one, "s", request("\"int\"")).await, (1, 1));
        assert!(other.view().subject(&name).is_none());
        assert!(other.catch_up());
        assert!(other.view().subject(&name).is_some());
    })
    .await;
}

#[tokio::test]
async fn writes_do_not_wait_for_ever_nor_all_of_them() {
    on_each(async |database| {
        let limits = WriteLimits {
            waiting_max: 2,
            place: Duration::from_millis(50),
            outcome: Duration::from_secs(1),
        };
        let store = Store::open(database).await.unwrap();
        let registry = Registry::on(store, None, false, || 0, limits).await.unwrap();
        // Somebody keeps the database's lock.
        let mut other = Store::open(database).await.unwrap();
        let lock = other.begin().await.unwrap();
        let write = async |subject: &str| {
            let written = registry
                .register(&Qualified::parse(subject), request("\"int\""))
                .await;
            match written {
                Ok(_) => "written",
                Err(ServiceError::TimedOut) => "timed out",
                Err(ServiceError::Crowded) => "crowded",
                Err(other) => panic!("{other:?}"),
            }
        };
        let (one, two, three) = tokio::join!(write("one"), write("two"), write("three"));
        let mut told = [one, two, three];
        told.sort_unstable();
        assert_eq!(told, ["crowded", "timed out", "timed out"]);
        lock.rollback().await.unwrap();
        // What was given up is not done behind anybody's back.
        let again = async { while write("four").await != "written" {} };
        timeout(Duration::from_secs(60), again).await.unwrap();
        let subjects: Vec<String> = registry.read(|view| {
            let named = view.subjects_with(&Qualified::parse(""));
            named.map(|(name, _)| name.to_string()).collect()
        });
        assert_eq!(subjects, ["four"]);
    })
    .await;
}

#[tokio::test]
async fn what_the_database_refuses_fails_alone() {
    on_each(async |database| {
        let registry = registry(database).await;
        let refused = || {
            let twice = [context(".", 2), schema(".", 1, &content("x"), false)];
            let twice = twice.into_iter().chain([schema(".", 2, &content("x"), false)]);
            registry
                .queue
                .write(move |_, _| Ok((twice.clone().collect(), ())))
        };
        let set = |subject: &'static str| set(&registry, subject, json!({"compatibility": "NONE"}));
        // They wait together: one round.
        let (_, first, _, second, _) = tokio::join!(set("a"), refused(), set("b"), refused(), set("c"));
        for refused in [first, second] {
            assert!(matches!(refused, Err(ServiceError::Store(_))), "{refused:?}");
        }
        let known = |subject: &str| registry.view().config(&Qualified::parse(subject)).is_some();
        assert!(known("a") && known("b") && known("c"));
        assert!(registry.view().schema(id(1)).is_none());
    })
    .await;
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    on_each(async |database| {
        let before = registry(database).await;
        let full = RegisterRequest {
            references: vec![Reference {
                name: "S".to_owned(),
                subject: "a".to_owned(),
                version: 1,
            }],
            metadata: serde_json::from_value(json!({"properties": {"k": "v"}})).unwrap(),
            rule_set: serde_json::from_value(json!({"domainRules": [{"name": "r", "type": "CEL"}]})).unwrap(),
            ..request("{\"type\": \"bytes\"}")
        };
        assert_eq!(register(&before, "a", request("\"string\"")).await, (1, 1));
        assert_eq!(register(&before, "b", full.clone()).await, (2, 1));
        assert_eq!(register(&before, ":.eu:a", request("\"string\"")).await.1, 1);
        assert_eq!(register(&before, "c", request("\"int\"")).await, (3, 1));
        before
            .delete_subject(&Qualified::parse("c"), false)
            .await
            .unwrap();
        set(&before, "a", json!({"compatibility": "NONE"})).await;
        before
            .set_mode(&Qualified::parse("z"), Some(Mode::ReadOnly), false)
            .await
            .unwrap();
        // One text of two types.
        let both = request(r#"{"type":"string","p":1}"#);
        let as_json = RegisterRequest {
            schema_type: Some("JSON".to_owned()),
            ..both.clone()
        };
        assert_eq!(register(&before, "d", both).await, (4, 1));
        assert_eq!(register(&before, "e", as_json.clone()).await, (5, 1));
        let stored = before.view();
        before.close().await.unwrap();

        let after = registry(database).await;
        let view = after.view();
        for number in 1..=5 {
            let (one, other) = (stored.schema(id(number)), view.schema(id(number)));
            let facts =
                |of: &Arc<crate::registry::Stored>| (of.guid, Arc::clone(&of.content), of.registered_ms);
            assert_eq!(one.map(facts), other.map(facts), "{number} on {database}");
        }
        for subject in ["a", "b", ":.eu:a", "c", "d", "e", "z"].map(Qualified::parse) {
            let versions = |view: &crate::registry::View| view.subject(&subject).map(|of| of.all().to_vec());
            assert_eq!(versions(&stored), versions(&view), "{subject} on {database}");
            assert_eq!(
                stored.config(&subject),
                view.config(&subject),
                "{subject} on {database}"
            );
            assert_eq!(
                stored.mode(&subject),
                view.mode(&subject),
                "{subject} on {database}"
            );
        }
        assert_eq!(register(&after, "b", full).await, (2, 1));
        assert_eq!(register(&after, "g", as_json).await, (5, 1));
        assert_eq!(
            register(&after, "f", request("\"long\"")).await,
            (6, 1),
            "ids go on"
        );
        after.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_registrars_get_no_id_twice() {
    on_each(async |database| {
        // Twelve clients at two nodes register the same eight schemas, each under its own subject and all under one.
        let nodes = [registry(database).await, registry(database).await];
        set(&nodes[0], "shared", json!({"compatibility": "NONE"})).await;
        assert_eq!(register(&nodes[1], "first", enumeration("First")).await, (1, 1));
        let clients = (0..12).map(|client| {
            let registry = nodes[client % 2].clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                for step in 0..8 {
                    let name = format!("E{}", (step + client) % 8);
                    for subject in ["shared".to_owned(), format!("own-{client}-{name}")] {
                        let (id, version) = register(&registry, &subject, enumeration(&name)).await;
                        got.push((name.clone(), subject, id, version));
                    }
                }
                got
            })
        });
        let (mut by_name, mut shared) = (BTreeSet::new(), BTreeSet::new());
        for client in clients.collect::<Vec<_>>() {
            for (name, subject, id, version) in client.await.unwrap() {
                by_name.insert((name.clone(), id));
                if subject == "shared" {
                    shared.insert((name, version));
                }
            }
        }
        assert_eq!(
            by_name.len(),
            8,
            "one id for each schema on {database}: {by_name:?}"
        );
        assert!(
            by_name
                .iter()
                .map(|(_, id)| *id)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .eq(2..=9),
            "dense"
        );
        assert_eq!(
            shared.len(),
            8,
            "one version for each schema on {database}: {shared:?}"
        );
        assert!(
            shared
                .iter()
                .map(|(_, version)| *version)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .eq(1..=8)
        );
        for node in nodes {
            node.close().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn hooks_see_every_change() {
    on_each(async |database| {
        let registry = registry(database).await;
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let into = Arc::clone(&seen);
        registry.on_changed(Box::new(move |view| {
            into.lock()
                .unwrap()
                .insert((view.commit.sequence, view.schemas_len()));
        }));
        register(&registry, "a", request("\"int\"")).await;
        register(&registry, "a", request("\"int\"")).await;
        register(&registry, "b", request("\"long\"")).await;
        set(&registry, ":.__GLOBAL:", json!({"normalize": false})).await;
        registry.close().await.unwrap();
        let seen: Vec<_> = seen.lock().unwrap().iter().copied().collect();
        assert_eq!(seen, [(1, 1), (2, 2), (3, 2)], "{database}");
    })
    .await;
}

#[tokio::test]
async fn a_text_that_no_longer_parses_does_not_stop_the_start() {
    on_each(async |database| {
        let mut store = Store::open(database).await.unwrap();
        let text = "no schema at all";
        let rows = [context(".", 1), schema(".", 1, &content(text), false)];
        write(&mut store, &rows).await.unwrap();
        store.close().await.unwrap();
        let registry = registry(database).await;
        let view = registry.view();
        let stored = view.schema(id(1)).unwrap();
        assert_eq!(stored.text().as_ref(), text);
        assert!(view.parsed(stored).is_err());
        assert_eq!(register(&registry, "b", request("\"int\"")).await, (2, 1));
        registry.close().await.unwrap();
    })
    .await;
}
