//! The registry's decisions, on views made by hand: nothing is stored.

use std::sync::Arc;

use annals_schema_model::{Reference, SchemaId};
use serde_json::json;

use super::{
    Config, RegisterRequest, RegistryError, Stored, VersionSpec, VersionView, View, lookup,
    register::{Decision, NewVersion, decide},
};

/// A record with int fields; a name ending in `?` has a default.
fn record(name: &str, fields: &[&str]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| match field.strip_suffix('?') {
            Some(name) => json!({"name": name, "type": "int", "default": 0}),
            None => json!({"name": field, "type": "int"}),
        })
        .collect();
    json!({"type": "record", "name": name, "fields": fields}).to_string()
}

fn request(schema: &str) -> RegisterRequest {
    RegisterRequest {
        schema: schema.to_owned(),
        ..RegisterRequest::default()
    }
}

fn reference(name: &str, subject: &str, version: i32) -> Reference {
    Reference {
        name: name.to_owned(),
        subject: subject.to_owned(),
        version,
    }
}

/// What the store would do with a decision to write.
fn apply(view: &mut View, new: NewVersion) -> (u32, u32) {
    let known = view.schema_by_guid(new.guid).cloned();
    let stored = known.unwrap_or_else(|| {
        let id = SchemaId::new(view.max_id().map_or(0, SchemaId::get) + 1).unwrap();
        Arc::new(Stored::new(
            id,
            new.guid,
            new.candidate.content,
            1,
            Some(new.candidate.parsed),
        ))
    });
    let version = VersionView {
        version: new.version,
        id: stored.id,
        registered_ms: 1,
    };
    view.insert_version(&new.subject, version, &stored);
    (stored.id.get(), version.version)
}

/// Registers; answers id and version.
fn register(view: &mut View, subject: &str, request: &RegisterRequest) -> Result<(u32, u32), RegistryError> {
    match decide(view, subject, request)? {
        Decision::Existing(version) => Ok((version.id.get(), version.version)),
        Decision::Write(new) => Ok(apply(view, *new)),
    }
}

fn set_config(view: &mut View, subject: Option<&str>, update: serde_json::Value) {
    let config = Config::default().merged(update.as_object().unwrap()).unwrap();
    view.set_config(subject, Some(config));
}

#[test]
fn ids_are_dense_and_shared_by_equal_content() {
    let mut view = View::default();
    let steps: [(&str, &[&str], (u32, u32)); 6] = [
        ("a", &["x"], (1, 1)),
        ("a", &["x", "y?"], (2, 2)),
        ("b", &["x"], (1, 1)),
        ("a", &["x"], (1, 1)),
        ("b", &["x", "y?"], (2, 2)),
        ("c", &["z"], (3, 1)),
    ];
    for (subject, fields, wanted) in steps {
        let got = register(&mut view, subject, &request(&record("R", fields))).unwrap();
        assert_eq!(got, wanted, "{subject} {fields:?}");
    }
    let uses: Vec<_> = view
        .uses(SchemaId::new(1).unwrap())
        .iter()
        .map(|used| used.subject.as_ref())
        .collect();
    assert_eq!(uses, ["a", "b"]);
}

#[test]
fn text_is_stored_minified_and_found_as_sent() {
    let mut view = View::default();
    let spaced = "{ \"type\" : \"string\" }";
    assert_eq!(register(&mut view, "s", &request(spaced)).unwrap(), (1, 1));
    assert_eq!(
        view.schema(SchemaId::new(1).unwrap()).unwrap().text().as_ref(),
        "\"string\""
    );
    assert_eq!(register(&mut view, "s", &request("\"string\"")).unwrap(), (1, 1));
    assert_eq!(
        lookup::by_content(&view, "s", &request(spaced))
            .unwrap()
            .version
            .version,
        1
    );
}

#[test]
fn levels_decide_what_is_compatible() {
    // v1 {x}, v2 {x, y?}; the third schema drops or adds without default.
    let check = |level: &str, third: &[&str], wanted: bool| {
        let mut view = View::default();
        register(&mut view, "s", &request(&record("R", &["x"]))).unwrap();
        register(&mut view, "s", &request(&record("R", &["x", "y?"]))).unwrap();
        set_config(&mut view, Some("s"), json!({"compatibility": level}));
        let got = register(&mut view, "s", &request(&record("R", third)));
        assert_eq!(got.is_ok(), wanted, "{level} {third:?}: {got:?}");
        if !wanted {
            assert!(
                matches!(got, Err(RegistryError::Incompatible { .. })),
                "{level} {third:?}"
            );
        }
    };
    check("BACKWARD", &["x", "y", "z?"], true);
    check("BACKWARD", &["x", "y", "z"], false);
    check("BACKWARD_TRANSITIVE", &["x", "y", "z?"], false);
    check("FORWARD", &["y", "z"], false);
    check("FORWARD", &["x", "z"], true);
    check("FULL", &["x", "z"], false);
    check("FULL", &["x", "z?"], true);
    check("FULL_TRANSITIVE", &["x", "z?"], true);
    check("NONE", &["q"], true);
}

#[test]
fn an_incompatible_schema_is_explained() {
    let mut view = View::default();
    register(&mut view, "s", &request(&record("R", &["x"]))).unwrap();
    let error = register(&mut view, "s", &request(&record("R", &["x", "y"]))).unwrap_err();
    let RegistryError::Incompatible { subject, details } = error else {
        panic!("{error}")
    };
    assert_eq!((subject.as_str(), details.len()), ("s", 4));
    assert!(
        details[0].starts_with("{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'"),
        "{details:?}"
    );
    assert_eq!(details[1], "{oldSchemaVersion: 1}");
    assert_eq!(
        details[2],
        format!(
            "{{oldSchema: '{}'}}",
            view.schema(SchemaId::new(1).unwrap()).unwrap().text()
        )
    );
    assert_eq!(details[3], "{validateFields: 'false', compatibility: 'BACKWARD'}");
}

#[test]
fn refusals() {
    let mut view = View::default();
    register(&mut view, "s", &request("\"string\"")).unwrap();
    let check = |subject: &str, request: RegisterRequest, wanted: &str| {
        let error = decide(&view, subject, &request).unwrap_err();
        let name = format!("{error:?}");
        let said = error.to_string();
        assert!(
            name.starts_with(wanted.split('|').next().unwrap()),
            "{subject}: {name}"
        );
        assert!(
            said.contains(wanted.split('|').nth(1).unwrap_or_default()),
            "{subject}: {said}"
        );
    };
    check("t", request("  "), "InvalidSchema|Empty schema");
    check("t", request("{"), "InvalidSchema|line 1");
    check("t", request("\"strin\""), "InvalidSchema|strin");
    check("a\nb", request("\"int\""), "InvalidSubject|control character");
    check(":.other:s", request("\"int\""), "InvalidSubject|contexts");
    let typed = |kind: &str| RegisterRequest {
        schema_type: Some(kind.to_owned()),
        ..request("\"int\"")
    };
    check("t", typed("XML"), "InvalidSchema|Invalid schema type");
    check("t", typed("JSON"), "InvalidSchema|not supported yet");
    check(
        "t",
        RegisterRequest {
            id: Some(7),
            ..request("\"int\"")
        },
        "NotPermitted|id 7",
    );
    check(
        "t",
        RegisterRequest {
            version: Some(3),
            ..request("\"int\"")
        },
        "InvalidSchema|next version is 1",
    );
    let referring = |reference| RegisterRequest {
        references: vec![reference],
        ..request("\"int\"")
    };
    check(
        "t",
        referring(reference("R", "none", 1)),
        "InvalidSchema|version 1 of subject \"none\"",
    );
    check(
        "t",
        referring(reference("R", "s", 2)),
        "InvalidSchema|version 2 of subject \"s\"",
    );
    check(
        "t",
        referring(reference("", "s", 1)),
        "InvalidSchema|needs a name",
    );
    let rules = serde_json::from_value(json!({"domainRules": [{"type": "CEL"}]})).unwrap();
    check(
        "t",
        RegisterRequest {
            rule_set: Some(rules),
            ..request("\"int\"")
        },
        "InvalidRuleSet|no name",
    );
}

#[test]
fn an_empty_schema_copies_the_newest_version() {
    let mut view = View::default();
    register(&mut view, "s", &request("\"string\"")).unwrap();
    let metadata = serde_json::from_value(json!({"properties": {"owner": "a"}})).unwrap();
    let only_metadata = RegisterRequest {
        metadata: Some(metadata),
        ..RegisterRequest::default()
    };
    assert_eq!(
        register(&mut view, "s", &RegisterRequest::default()).unwrap(),
        (1, 1)
    );
    assert_eq!(register(&mut view, "s", &only_metadata).unwrap(), (2, 2));
    let stored = view.schema(SchemaId::new(2).unwrap()).unwrap();
    assert_eq!(
        (stored.text().as_ref(), stored.metadata().is_some()),
        ("\"string\"", true)
    );
}

#[test]
fn metadata_is_part_of_the_content_and_is_taken_over() {
    let mut view = View::default();
    let owner = |owner: &str| {
        let metadata = serde_json::from_value(json!({"properties": {"owner": owner}})).unwrap();
        RegisterRequest {
            metadata: Some(metadata),
            ..request(&record("R", &["x"]))
        }
    };
    assert_eq!(register(&mut view, "s", &owner("a")).unwrap(), (1, 1));
    assert_eq!(register(&mut view, "s", &owner("b")).unwrap(), (2, 2));
    assert_eq!(register(&mut view, "s", &owner("a")).unwrap(), (1, 1));
    // Without metadata the newest version's is meant.
    assert_eq!(
        register(&mut view, "s", &request(&record("R", &["x"]))).unwrap(),
        (2, 2)
    );
    assert_eq!(
        register(&mut view, "s", &request(&record("R", &["x", "y?"]))).unwrap(),
        (3, 3)
    );
    let taken = view
        .schema(SchemaId::new(3).unwrap())
        .unwrap()
        .metadata()
        .unwrap();
    assert_eq!(taken.properties["owner"], "b");
    assert_eq!(
        lookup::by_content(&view, "s", &request(&record("R", &["x"])))
            .unwrap()
            .version
            .version,
        2
    );
}

#[test]
fn a_compatibility_group_is_compatible_within_itself() {
    let mut view = View::default();
    set_config(&mut view, None, json!({"compatibilityGroup": "major"}));
    let major = |major: &str, fields: &[&str]| {
        let metadata = serde_json::from_value(json!({"properties": {"major": major}})).unwrap();
        RegisterRequest {
            metadata: Some(metadata),
            ..request(&record("R", fields))
        }
    };
    assert!(register(&mut view, "s", &major("1", &["x"])).is_ok());
    assert!(register(&mut view, "s", &major("1", &["x", "y"])).is_err());
    assert!(register(&mut view, "s", &major("2", &["x", "y"])).is_ok());
    assert!(register(&mut view, "s", &major("1", &["x", "z?"])).is_ok());
}

#[test]
fn references_are_followed_and_remembered() {
    let mut view = View::default();
    register(&mut view, "money", &request(&record("Money", &["cents"]))).unwrap();
    let line = json!({"type": "record", "name": "Line", "fields": [{"name": "price", "type": "Money"}]});
    let with = |schema: String, references| RegisterRequest {
        references,
        ..request(&schema)
    };
    let latest = with(line.to_string(), vec![reference("Money", "money", -1)]);
    assert_eq!(register(&mut view, "line", &latest).unwrap(), (2, 1));
    let order = json!({"type": "record", "name": "Order", "fields": [{"name": "line", "type": "Line"}]});
    let order = with(order.to_string(), vec![reference("Line", "line", 1)]);
    assert_eq!(register(&mut view, "order", &order).unwrap(), (3, 1));

    let stored = view.schema(SchemaId::new(2).unwrap()).unwrap();
    assert_eq!(
        stored.references(),
        [reference("Money", "money", 1)],
        "latest becomes a number"
    );
    let ids = |subject: &str| {
        view.referrers(subject, 1)
            .iter()
            .map(|id| id.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("money"), ids("line"), ids("order")),
        (vec![2], vec![3], vec![])
    );
    let names: Vec<_> = super::resolve(
        &view,
        view.schema(SchemaId::new(3).unwrap()).unwrap().references(),
    )
    .unwrap()
    .into_iter()
    .map(|resolved| resolved.name)
    .collect();
    assert_eq!(names, ["Money", "Line"], "dependencies first");
}

#[test]
fn another_schema_type_is_incompatible() {
    let mut view = View::default();
    register(&mut view, "s", &request("\"string\"")).unwrap();
    let proto = RegisterRequest {
        schema_type: Some("PROTOBUF".to_owned()),
        ..request("syntax = \"proto3\"; message M { int32 a = 1; }")
    };
    let error = register(&mut view, "s", &proto).unwrap_err().to_string();
    assert!(error.contains("different schema type"), "{error}");
    set_config(&mut view, Some("s"), json!({"compatibility": "NONE"}));
    assert_eq!(register(&mut view, "s", &proto).unwrap(), (2, 2));
}

#[test]
fn a_stored_text_that_no_longer_parses_is_named_and_served() {
    let mut view = View::default();
    let content = super::Content {
        schema_type: annals_schema_model::SchemaType::Avro,
        text: "{\"type\":\"nonsense\"}".into(),
        references: Vec::new(),
        metadata: None,
        rule_set: None,
    };
    let id = SchemaId::new(1).unwrap();
    let stored = Arc::new(Stored::new(id, content.guid(), content, 1, None));
    view.insert_version(
        "s",
        VersionView {
            version: 1,
            id,
            registered_ms: 1,
        },
        &stored,
    );
    assert!(lookup::version(&view, "s", VersionSpec::Latest).is_ok());
    let error = register(&mut view, "s", &request("\"string\""))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Version 1 (schema id 1) is stored but cannot be read"),
        "{error}"
    );
    set_config(&mut view, Some("s"), json!({"compatibility": "NONE"}));
    assert_eq!(register(&mut view, "s", &request("\"string\"")).unwrap(), (2, 2));
}

#[test]
fn a_decision_holds_until_its_subject_or_its_settings_change() {
    let mut view = View::default();
    let Decision::Write(new) = decide(&view, "s", &request("\"int\"")).unwrap() else {
        panic!("it is new")
    };
    assert!(new.still_holds(&view));
    register(&mut view, "other", &request("\"long\"")).unwrap();
    assert!(new.still_holds(&view), "another subject does not matter");
    let mut changed = view.clone();
    set_config(&mut changed, None, json!({"compatibility": "FULL"}));
    assert!(!new.still_holds(&changed), "the level does");
    register(&mut view, "s", &request("\"long\"")).unwrap();
    assert!(!new.still_holds(&view), "the subject does");
}
