//! What `annals.lock` says of a folder: names, ids, levels and references that are registered ones.

use std::fs;

use annals_codegen::lock::{self, Lock, Locked};
use annals_schema_model::{Policy, Reference, SchemaType};

use crate::inputs::{MONEY, build, folder, named, record, subjects};

/// A folder with a lock of some of its files: subject, version, id, level, what it refers to.
fn locked(files: &[(&str, &str)], rows: &[(&str, u32, u32, &str, &[Reference])]) -> tempfile::TempDir {
    let folder = folder(files);
    let root = folder.path().join("schemas");
    let mut lock = Lock::default();
    for (subject, version, id, level, references) in rows {
        let place = lock::place(subject, *version, SchemaType::Avro);
        let locked = Locked {
            id: *id,
            schema_type: SchemaType::Avro,
            references: references.to_vec(),
            sha256: lock::sha256(&fs::read_to_string(root.join(place)).unwrap()),
            compatibility: level.parse().unwrap(),
            policy: Policy::default(),
        };
        lock.schemas.insert(((*subject).to_owned(), *version), locked);
    }
    fs::write(root.join(lock::FILE), lock.text()).unwrap();
    folder
}

#[test]
fn what_is_locked_does_not_change() {
    let a = record("R", r#"{"name": "a", "type": "int"}"#);
    let ab = record(
        "R",
        r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}"#,
    );
    let b = record("R", r#"{"name": "b", "type": "int"}"#);
    let folder = locked(
        &[("t-R/v3.avsc", &a), ("t-R/v4.avsc", &ab)],
        &[("t-R", 3, 12, "FULL", &[])],
    );
    let root = folder.path().join("schemas");
    let said = || {
        build(folder.path())
            .generate()
            .err()
            .map(|wrong| format!("{wrong:?}"))
    };
    assert_eq!(said(), None, "v4 is newer than the lock");
    let text = build(folder.path()).generate().unwrap();
    assert!(text.contains("id: ::annals_schema_model::SchemaId::new(12)"));

    fs::write(root.join("t-R/v4.avsc"), &b).unwrap();
    let report = said().unwrap();
    assert!(
        report.contains("not FULL compatible with t-R v3"),
        "the level that was locked: {report}"
    );

    fs::write(root.join("t-R/v3.avsc"), a.replace("\"a\"", "\"c\"")).unwrap();
    let report = said().unwrap();
    assert!(
        report.contains("v3.avsc: is no longer the text that annals.lock has of t-R v3"),
        "{report}"
    );
    assert!(report.contains("in a new file, t-R/v4.avsc"), "{report}");
    fs::remove_file(root.join("t-R/v3.avsc")).unwrap();
    let report = said().unwrap();
    assert!(report.contains("annals.lock has it as t-R v3"), "{report}");
    assert!(report.contains("`annals gen pull` puts it back"), "{report}");
}

/// What the lock names is the subject, whatever the name says.
#[test]
fn what_is_locked_keeps_its_name() {
    let solo = record("Solo", "");
    let check =
        |folders: &[&str], toml: &str, wanted: &[(&str, &str)], wanted_subjects: &[&str], says: &[&str]| {
            let paths: Vec<String> = folders.iter().map(|folder| format!("{folder}/v1.avsc")).collect();
            let mut files: Vec<(&str, &str)> =
                paths.iter().map(|path| (path.as_str(), solo.as_str())).collect();
            files.push(("annals.toml", toml));
            let names: Vec<String> = folders.iter().map(|folder| folder.replace("%2F", "/")).collect();
            let rows: Vec<_> = names
                .iter()
                .map(|name| (name.as_str(), 1, 7, "FULL", &[][..]))
                .collect();
            let folder = locked(&files, &rows);
            let loaded = build(folder.path())
                .load()
                .unwrap_or_else(|wrong| panic!("{folders:?}: {wrong}"));
            let text = loaded.rust().unwrap();
            let wanted: Vec<_> = wanted.iter().map(|(name, topic)| (*name, vec![*topic])).collect();
            assert_eq!(named(&text), wanted, "{folders:?}");
            assert_eq!(subjects(&text), wanted_subjects, "{folders:?}");
            assert_eq!(
                text.matches("SchemaId::new(7)").count(),
                folders.len(),
                "{folders:?}"
            );
            let warnings = loaded.warnings();
            assert_eq!(warnings.len(), says.len(), "{folders:?}: {warnings:#?}");
            for (said, wanted) in warnings.iter().zip(says) {
                assert!(said.to_string().contains(wanted), "{folders:?}: {said}");
            }
        };
    check(&["solo"], "", &[("SoloEvent", "solo")], &["solo"], &[]);
    check(
        &["solo-value"],
        "",
        &[("SoloEvent", "solo")],
        &["solo-value"],
        &[],
    );
    check(
        &["shop%2Fsolo"],
        "",
        &[("ShopSoloEvent", "shop/solo")],
        &["shop/solo"],
        &[],
    );
    let topic = "[[topic]]\nname = \"a-b.c\"";
    check(&["a-b.c"], topic, &[("ABCEvent", "a-b.c")], &["a-b.c"], &[]);
    let of_t = "[[topic]]\nname = \"t\"\nsubjects = [\"solo\"]";
    check(&["solo"], of_t, &[("TEvent", "t")], &["solo"], &[]);
    // A topic that has subjects by their names has no other one.
    let says =
        ["twin: subject `twin` is not named as the others of the topic it is called as, so no topic has"];
    check(
        &["twin", "twin-value"],
        "",
        &[("TwinEvent", "twin")],
        &["twin-value", "twin"],
        &says,
    );
    let of_records = ["twin-Solo", "twin"];
    check(&of_records, "", &[("TwinEvent", "twin")], &of_records, &says);
}

#[test]
fn what_is_locked_has_its_own_level_and_is_imported_by_its_name() {
    let solo = record("Solo", "");
    // Its level is that of its lock.
    let text = record("Solo", r#"{"name": "a", "type": "string"}"#);
    let v1 = ("solo/v1.avsc", solo.as_str());
    let folder = locked(&[v1, ("solo/v2.avsc", &text)], &[("solo", 1, 7, "NONE", &[])]);
    assert!(build(folder.path()).load().is_ok());

    // What others import may be called like anything.
    let of_parts = record("R", r#"{"name": "a", "type": "Solo"}"#);
    let reference = Reference {
        name: "Solo".to_owned(),
        subject: "my-Parts".to_owned(),
        version: 1,
    };
    let folder = locked(
        &[("my-Parts/v1.avsc", &solo), ("t-R/v1.avsc", &of_parts)],
        &[
            ("my-Parts", 1, 7, "FULL", &[]),
            ("t-R", 1, 8, "FULL", &[reference]),
        ],
    );
    let text = build(folder.path()).generate().unwrap();
    assert_eq!(subjects(&text), ["my-Parts", "t-R"]);

    // Two of a topic that are not told apart by their names.
    let both = "[[topic]]\nname = \"t\"\nsubjects = [\"one\", \"two\"]";
    let files = [
        ("one/v1.avsc", solo.as_str()),
        ("two/v1.avsc", &solo),
        ("annals.toml", both),
    ];
    let folder = locked(&files, &[("one", 1, 7, "FULL", &[]), ("two", 1, 7, "FULL", &[])]);
    let wrong = build(folder.path()).generate().unwrap_err().to_string();
    assert!(
        wrong.contains("subject `two` of topic `t` is not named as its others"),
        "{wrong}"
    );
}

#[cfg(feature = "asyncapi")]
#[test]
fn only_names_that_follow_a_strategy_have_one() {
    let solo = record("Solo", "");
    let check = |subject: &str, wanted: Option<&str>| {
        let path = format!("{subject}/v1.avsc");
        let folder = locked(&[(&path, &solo)], &[(subject, 1, 7, "FULL", &[])]);
        let document = build(folder.path()).load().unwrap().asyncapi("T", "1");
        let document = serde_json::to_value(document).unwrap();
        let bindings = &document["components"]["messages"][subject]["bindings"]["kafka"];
        assert_eq!(bindings["schemaIdLocation"], "payload", "{document}");
        let strategy = bindings
            .get("schemaLookupStrategy")
            .and_then(|name| name.as_str());
        assert_eq!(strategy, wanted, "{subject}");
    };
    check("solo", None);
    check("solo-value", Some("TopicNameStrategy"));
    check("solo-Solo", Some("TopicRecordNameStrategy"));
}

#[test]
fn what_the_registry_took_is_not_refused() {
    let int = record("R", r#"{"name": "a", "type": "int"}"#);
    let none = record("R", "");
    let text = record("R", r#"{"name": "a", "type": "string", "default": ""}"#);
    let needy = record("R", r#"{"name": "b", "type": "int"}"#);
    let check = |files: &[(&str, &str)], locked_versions: &[u32], wanted: &str| {
        let rows: Vec<_> = locked_versions
            .iter()
            .map(|version| ("t-R", *version, *version, "BACKWARD", &[][..]))
            .collect();
        let folder = locked(files, &rows);
        let said = build(folder.path())
            .generate()
            .err()
            .map(|wrong| wrong.to_string());
        let said = said.unwrap_or_default();
        assert!(
            said.contains(wanted) && said.is_empty() == wanted.is_empty(),
            "{locked_versions:?}: {said}"
        );
    };
    // What is between is not in the folder, and each step was taken.
    let gap = [("t-R/v1.avsc", int.as_str()), ("t-R/v3.avsc", &text)];
    check(&gap, &[1, 3], "");
    check(&gap, &[1], "not BACKWARD compatible with t-R v1");
    check(&gap, &[], "");
    // A version that is upcast gives its place to no other.
    let upcast = "[subject.t-R]\nupcast = [2]";
    let files = [
        gap[0],
        ("t-R/v2.avsc", none.as_str()),
        gap[1],
        ("annals.toml", upcast),
    ];
    check(&files, &[1, 2], "");
    // Each that is to be registered is asked about.
    let own = [gap[0], ("t-R/v2.avsc", needy.as_str()), ("t-R/v3.avsc", &none)];
    check(&own, &[1], "not BACKWARD compatible with t-R v1");
    check(&own, &[], "");
}

#[test]
fn what_is_locked_refers_to_versions() {
    let order = record("shop.Order", r#"{"name": "total", "type": "Money"}"#);
    let newer = MONEY.replace(
        "\"fields\": [",
        "\"fields\": [{\"name\": \"of\", \"type\": \"int\", \"default\": 1}, ",
    );
    let files = [
        ("orders-value/v1.avsc", order.as_str()),
        ("orders-value/v2.avsc", &order),
        ("money-value/v1.avsc", MONEY),
        ("money-value/v2.avsc", &newer),
    ];
    let to = |version: i32| {
        [Reference {
            name: "shop.Money".to_owned(),
            subject: "money-value".to_owned(),
            version,
        }]
    };
    let folder = locked(
        &files,
        &[
            ("orders-value", 1, 3, "BACKWARD", &to(1)),
            ("money-value", 1, 1, "BACKWARD", &[]),
            ("money-value", 2, 2, "BACKWARD", &[]),
        ],
    );
    let text = build(folder.path()).generate().unwrap();
    for row in [
        "(\"shop.Money\", \"money-value\", 1)",
        "(\"shop.Money\", \"money-value\", 2)",
    ] {
        assert!(text.contains(row), "{row}");
    }
    let gone = locked(&files, &[("orders-value", 1, 3, "BACKWARD", &to(7))]);
    let wrong = build(gone.path()).generate().unwrap_err().to_string();
    assert!(
        wrong.contains("annals.lock has it as money-value v7, of which there is no file"),
        "{wrong}"
    );
}

#[test]
fn what_is_locked_may_use_what_its_references_refer_to() {
    let to = |name: &str, subject: &str| {
        [Reference {
            name: name.to_owned(),
            subject: subject.to_owned(),
            version: 1,
        }]
    };
    let c = record("x.C", "");
    let b = record("x.B", r#"{"name": "c", "type": "C"}"#);
    let a = record("x.A", r#"{"name": "b", "type": "B"}, {"name": "c", "type": "C"}"#);
    let files = [
        ("a-value/v1.avsc", a.as_str()),
        ("b-value/v1.avsc", &b),
        ("c-value/v1.avsc", &c),
    ];
    let folder = locked(
        &files,
        &[
            ("a-value", 1, 3, "BACKWARD", &to("x.B", "b-value")),
            ("b-value", 1, 2, "BACKWARD", &to("x.C", "c-value")),
            ("c-value", 1, 1, "BACKWARD", &[]),
        ],
    );
    let text = build(folder.path()).generate().unwrap();
    // The registry knows it by the references that it was registered with.
    let references = text.matches("(\"x.B\", \"b-value\", 1)").count();
    assert_eq!(references, 1);
    assert_eq!(text.matches("(\"x.C\", \"c-value\", 1)").count(), 1);

    // References in a circle, as imports leave them, end.
    let circle = locked(
        &files[..1],
        &[("a-value", 1, 3, "BACKWARD", &to("x.Z", "a-value"))],
    );
    let wrong = build(circle.path()).generate().unwrap_err().to_string();
    assert!(wrong.contains("the type \"x.B\" is defined nowhere"), "{wrong}");
}

#[test]
fn a_lock_that_two_sides_wrote_is_said() {
    let folder = folder(&[
        ("t-R/v1.avsc", &record("R", "")),
        (lock::FILE, "<<<<<<< HEAD\n[[schema]]\n=======\n>>>>>>> other\n"),
    ]);
    let wrong = build(folder.path()).generate().unwrap_err();
    let said = format!("{wrong:?}");
    assert!(said.contains("two sides of a merge are both in it"), "{said}");
    assert!(said.contains("keep the stanzas of both"), "{said}");
}
