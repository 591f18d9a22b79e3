//! What is written is read back: all of it, and what is new of it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use annals_schema_model::{Reference, SchemaType};
use serde_json::json;

use super::{all, config, content, context, id, mode, of_format_1, on_each, picture, schema, version, write};
use crate::{
    registry::{Change, Commit, Content, Mode, VersionState},
    store::{Store, key},
};

/// A content with everything, and texts that databases stumble over.
fn odd_content() -> Content {
    Content {
        schema_type: SchemaType::Json,
        text: "a\0b\u{1}c\u{1}0 '\"\\ $1 é \u{10ffff}\r\n".into(),
        references: vec![
            Reference {
                name: "a\0'b".to_owned(),
                subject: ":.eu:x%_".to_owned(),
                version: -1,
            },
            Reference {
                name: String::new(),
                subject: "é".to_owned(),
                version: i32::MAX,
            },
        ],
        metadata: serde_json::from_value(json!({"properties": {"k\0": "v\0"}})).unwrap(),
        rule_set: serde_json::from_value(
            json!({"domainRules": [{"name": "r", "type": "CEL", "expr": "\0"}]}),
        )
        .unwrap(),
    }
}

/// Commits, each with something of everything or with what is special.
fn commits() -> Vec<Vec<Change>> {
    let (plain, odd) = (content("\"string\""), odd_content());
    let (text, printed) = ("{\"type\":\0 1}", content("{\"type\":1}"));
    let in_layout = Change::Schema {
        context: ".".into(),
        id: id(1),
        guid: printed.exact(),
        form: Some(printed.exact()),
        content: Arc::new(Content {
            schema_type: SchemaType::Json,
            ..content(text)
        }),
        printed: Some(Arc::clone(&printed.text)),
        registered_ms: 1,
        retired: false,
    };
    vec![
        vec![
            context(".", 2),
            context(".eu", 1),
            in_layout,
            schema(".", 2, &odd, false),
            schema(".eu", u32::MAX >> 1, &odd, false),
            version("a", 1, 1, VersionState::Live),
            version("a", 2, 2, VersionState::SoftDeleted),
            version(":.eu:a/b%c", 7, u32::MAX >> 1, VersionState::Live),
            config(
                "a",
                Some(json!({"compatibility": "NONE", "alias": "b\0", "normalize": true})),
            ),
            config(":.__GLOBAL:", Some(json!({"compatibility": "FULL"}))),
            config(":.eu:", None),
            mode(":.eu:", Some(Mode::Import)),
            mode("a", Some(Mode::ReadOnlyOverride)),
        ],
        // Of several changes to one row the last one counts.
        vec![
            context(".", 3),
            version("a", 3, 2, VersionState::Live),
            context(".", 4),
            version("a", 3, 2, VersionState::SoftDeleted),
            mode("a", Some(Mode::ReadOnly)),
            mode("a", None),
        ],
        // What is live moves to another row: the rows that make room come last here.
        vec![
            version("a", 9, 1, VersionState::Live),
            version("a", 1, 1, VersionState::Gone),
            schema(".", 5, &plain, false),
            schema(".", 1, &plain, true),
            config("a", None),
            Change::Context {
                name: ".eu".into(),
                last_id: 1,
                removed: true,
            },
        ],
        // The same once more changes nothing but the commit's number.
        vec![version("a", 9, 1, VersionState::Live)],
    ]
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    on_each(async |database| {
        let mut writer = Store::open(database).await.unwrap();
        let mut reader = Store::open(database).await.unwrap();
        let empty = all(&mut reader).await.unwrap();
        assert_eq!(
            (empty.commit, picture(&empty.changes)),
            (Commit::default(), Vec::new())
        );
        let (commits, mut total) = (commits(), BTreeMap::new());
        let mut seen = empty.commit;
        for (number, commit) in (1..).zip(&commits) {
            assert_eq!(write(&mut writer, commit).await.unwrap(), number);
            let mut rows = BTreeMap::new();
            for change in commit {
                rows.insert(key(change), change.clone());
                total.insert(key(change), change.clone());
            }
            let wanted: Vec<Change> = rows.into_values().collect();
            let news = reader.changes_since(seen).await.unwrap();
            assert_eq!(
                (news.commit.sequence, news.anew, picture(&news.changes)),
                (number, false, picture(&wanted)),
                "{database}"
            );
            seen = news.commit;
            assert!(reader.changes_since(seen).await.unwrap().changes.is_empty());
        }
        writer.close().await.unwrap();
        let mut anew = Store::open(database).await.unwrap();
        for store in [&mut reader, &mut anew] {
            let loaded = all(store).await.unwrap();
            let wanted: Vec<Change> = total.values().cloned().collect();
            assert_eq!(
                (loaded.commit.sequence, picture(&loaded.changes)),
                (4, picture(&wanted)),
                "{database}"
            );
        }
        // Whoever knows a commit of another history is given everything: of the same number, a later or an earlier one.
        for sequence in [4, 5, 3] {
            let token = uuid::Uuid::new_v4();
            let other = reader.changes_since(Commit { sequence, token }).await.unwrap();
            assert_eq!(
                (other.commit, other.anew, other.changes.len()),
                (seen, true, total.len())
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_commit_without_a_token_is_remembered() {
    on_each(async |database| {
        let statements = ["UPDATE registry SET sequence = 3".to_owned()];
        of_format_1(database, &statements).await;
        let mut writer = Store::open(database).await.unwrap();
        let mut reader = Store::open(database).await.unwrap();
        let seen = all(&mut reader).await.unwrap().commit;
        assert_eq!((seen.sequence, seen.token.is_nil()), (3, true));
        for number in [4, 5] {
            write(&mut writer, &[context(".", number)]).await.unwrap();
            let news = reader.changes_since(seen).await.unwrap();
            assert_eq!((news.anew, news.changes.len()), (false, 1), "{database}");
        }
        // An empty database has no commit to remember.
        assert!(!reader.changes_since(Commit::default()).await.unwrap().anew);
    })
    .await;
}

#[tokio::test]
async fn contexts_share_a_content() {
    on_each(async |database| {
        let mut store = Store::open(database).await.unwrap();
        let odd = odd_content();
        let rows = [
            schema(".a", 1, &odd, false),
            schema(".b", 7, &odd, false),
            version(":.a:s", 1, 1, VersionState::Live),
        ];
        write(&mut store, &rows).await.unwrap();
        let loaded = all(&mut store).await.unwrap().changes;
        let contents: Vec<_> = loaded
            .iter()
            .filter_map(|change| match change {
                Change::Schema { content, .. } => Some(content),
                _ => None,
            })
            .collect();
        assert_eq!(contents.len(), 2);
        assert!(Arc::ptr_eq(contents[0], contents[1]), "{database}");
    })
    .await;
}

#[tokio::test]
async fn many_rows_at_once() {
    const ROWS: u32 = 10_000;
    on_each(async |database| {
        let mut store = Store::open(database).await.unwrap();
        let mut rows = vec![context(".", ROWS)];
        for number in 1..=ROWS {
            let text = format!("{{\"type\":\"enum\",\"name\":\"E{number}\",\"symbols\":[\"A\"]}}");
            rows.push(schema(".", number, &content(&text), false));
            rows.push(version(
                &format!("s{}", number % 100),
                number,
                number,
                VersionState::Live,
            ));
        }
        let start = Instant::now();
        write(&mut store, &rows).await.unwrap();
        let written = start.elapsed();
        let start = Instant::now();
        let loaded = all(&mut store).await.unwrap();
        println!(
            "{ROWS} schemas with versions on {database}: written in {written:?}, loaded in {:?}",
            start.elapsed()
        );
        rows.sort_by(|one, other| key(one).cmp(&key(other)));
        assert!(picture(&loaded.changes) == picture(&rows), "{database}");
        // Every number of rows is written whole, whatever statements it is put together from.
        for count in [1, 3, 63, 64, 65, 127, 130] {
            let before = all(&mut store).await.unwrap().commit;
            write(&mut store, &rows[ROWS as usize + 1..][..count])
                .await
                .unwrap();
            let changed = store.changes_since(before).await.unwrap();
            assert_eq!(changed.changes.len(), count, "{database}");
        }
    })
    .await;
}
