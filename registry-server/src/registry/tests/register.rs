//! Registering and looking up within one context.

use super::*;
use crate::registry::{Content, resolve};

#[test]
fn ids_are_dense_and_shared_by_equal_content() {
    let mut desk = Desk::default();
    let steps: [(&str, &[&str], (u32, u32)); 6] = [
        ("a", &["x"], (1, 1)),
        ("a", &["x", "y?"], (2, 2)),
        ("b", &["x"], (1, 1)),
        ("a", &["x"], (1, 1)),
        ("b", &["x", "y?"], (2, 2)),
        ("c", &["z"], (3, 1)),
    ];
    for (subject, fields, wanted) in steps {
        let got = desk.register(subject, &request(&record("R", fields))).unwrap();
        assert_eq!(got, wanted, "{subject} {fields:?}");
    }
    let uses: Vec<_> = desk
        .view
        .uses(".", schema_id(1))
        .iter()
        .map(|used| used.subject.as_ref())
        .collect();
    assert_eq!(uses, ["a", "b"]);
}

#[test]
fn text_is_stored_minified_and_found_as_sent() {
    let mut desk = Desk::default();
    let spaced = "{ \"type\" : \"string\" }";
    assert_eq!(desk.register("s", &request(spaced)).unwrap(), (1, 1));
    assert_eq!(
        desk.view.schema(schema_id(1)).unwrap().text().as_ref(),
        "\"string\""
    );
    assert_eq!(desk.register("s", &request("\"string\"")).unwrap(), (1, 1));
    assert_eq!(desk.look_up("s", &request(spaced)).unwrap(), 1);
}

#[test]
fn levels_decide_what_is_compatible() {
    // v1 {x}, v2 {x, y?}; the third schema drops or adds without default.
    let check = |level: &str, third: &[&str], wanted: bool| {
        let mut desk = Desk::default();
        desk.register("s", &request(&record("R", &["x"]))).unwrap();
        desk.register("s", &request(&record("R", &["x", "y?"]))).unwrap();
        desk.configure("s", json!({"compatibility": level}));
        let got = desk.register("s", &request(&record("R", third)));
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
    let mut desk = Desk::default();
    desk.register("s", &request(&record("R", &["x"]))).unwrap();
    let error = desk
        .register("s", &request(&record("R", &["x", "y"])))
        .unwrap_err();
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
            desk.view.schema(schema_id(1)).unwrap().text()
        )
    );
    assert_eq!(details[3], "{validateFields: 'false', compatibility: 'BACKWARD'}");
}

#[test]
fn refusals() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let check = |subject: &str, request: RegisterRequest, wanted: &str| {
        let (variant, words) = wanted.split_once('|').unwrap();
        let decision = decide(&desk.view, &Qualified::parse(subject), &request);
        assert_refused(decision, variant, words);
    };
    check("t", request("  "), "InvalidSchema|Empty schema");
    check("t", request("{"), "InvalidSchema|line 1");
    check("t", request("\"strin\""), "InvalidSchema|strin");
    check("a\nb", request("\"int\""), "InvalidSubject|control character");
    check(":.other:", request("\"int\""), "InvalidSubject|empty");
    check(":.__GLOBAL:s", request("\"int\""), "InvalidSubject|all contexts");
    let typed = |kind: &str| RegisterRequest {
        schema_type: Some(kind.to_owned()),
        ..request("\"int\"")
    };
    check("t", typed("XML"), "InvalidSchema|is not a schema type");
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
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let metadata = serde_json::from_value(json!({"properties": {"owner": "a"}})).unwrap();
    let only_metadata = RegisterRequest {
        metadata: Some(metadata),
        ..RegisterRequest::default()
    };
    assert_eq!(desk.register("s", &RegisterRequest::default()).unwrap(), (1, 1));
    assert_eq!(desk.register("s", &only_metadata).unwrap(), (2, 2));
    let stored = desk.view.schema(schema_id(2)).unwrap();
    assert_eq!(
        (stored.text().as_ref(), stored.metadata().is_some()),
        ("\"string\"", true)
    );
}

#[test]
fn metadata_is_part_of_the_content_and_is_taken_over() {
    let mut desk = Desk::default();
    let owner = |owner: &str| {
        let metadata = serde_json::from_value(json!({"properties": {"owner": owner}})).unwrap();
        RegisterRequest {
            metadata: Some(metadata),
            ..request(&record("R", &["x"]))
        }
    };
    assert_eq!(desk.register("s", &owner("a")).unwrap(), (1, 1));
    assert_eq!(desk.register("s", &owner("b")).unwrap(), (2, 2));
    assert_eq!(desk.register("s", &owner("a")).unwrap(), (1, 1));
    // Without metadata the newest version's is meant.
    assert_eq!(
        desk.register("s", &request(&record("R", &["x"]))).unwrap(),
        (2, 2)
    );
    assert_eq!(
        desk.register("s", &request(&record("R", &["x", "y?"]))).unwrap(),
        (3, 3)
    );
    let taken = desk.view.schema(schema_id(3)).unwrap().metadata().unwrap();
    assert_eq!(taken.properties["owner"], "b");
    assert_eq!(desk.look_up("s", &request(&record("R", &["x"]))).unwrap(), 2);
}

#[test]
fn a_compatibility_group_is_compatible_within_itself() {
    let mut desk = Desk::default();
    desk.configure(":.__GLOBAL:", json!({"compatibilityGroup": "major"}));
    let major = |major: &str, fields: &[&str]| {
        let metadata = serde_json::from_value(json!({"properties": {"major": major}})).unwrap();
        RegisterRequest {
            metadata: Some(metadata),
            ..request(&record("R", fields))
        }
    };
    assert!(desk.register("s", &major("1", &["x"])).is_ok());
    assert!(desk.register("s", &major("1", &["x", "y"])).is_err());
    assert!(desk.register("s", &major("2", &["x", "y"])).is_ok());
    assert!(desk.register("s", &major("1", &["x", "z?"])).is_ok());
}

#[test]
fn references_are_followed_and_remembered() {
    let mut desk = Desk::default();
    desk.register("money", &request(&record("Money", &["cents"])))
        .unwrap();
    let line = json!({"type": "record", "name": "Line", "fields": [{"name": "price", "type": "Money"}]});
    let with = |schema: String, references| RegisterRequest {
        references,
        ..request(&schema)
    };
    let latest = with(line.to_string(), vec![reference("Money", "money", -1)]);
    assert_eq!(desk.register("line", &latest).unwrap(), (2, 1));
    let order = json!({"type": "record", "name": "Order", "fields": [{"name": "line", "type": "Line"}]});
    let order = with(order.to_string(), vec![reference("Line", "line", 1)]);
    assert_eq!(desk.register("order", &order).unwrap(), (3, 1));

    let stored = desk.view.schema(schema_id(2)).unwrap();
    assert_eq!(
        stored.references(),
        [reference("Money", "money", 1)],
        "latest becomes a number"
    );
    let ids = |subject: &str| {
        let name = Qualified::parse(subject);
        let referrers = desk.view.referrers(&name, 1);
        referrers.map(|(_, id)| id.get()).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("money"), ids("line"), ids("order")),
        (vec![2], vec![3], vec![])
    );
    let order = desk.view.schema(schema_id(3)).unwrap();
    let resolved = resolve(&desk.view, ".", order.references()).unwrap();
    let names: Vec<_> = resolved.into_iter().map(|resolved| resolved.name).collect();
    assert_eq!(names, ["Money", "Line"], "dependencies first");
}

#[test]
fn another_schema_type_is_incompatible() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let proto = RegisterRequest {
        schema_type: Some("PROTOBUF".to_owned()),
        ..request("syntax = \"proto3\"; message M { int32 a = 1; }")
    };
    let error = desk.register("s", &proto).unwrap_err().to_string();
    assert!(error.contains("different schema type"), "{error}");
    desk.configure("s", json!({"compatibility": "NONE"}));
    assert_eq!(desk.register("s", &proto).unwrap(), (2, 2));
}

#[test]
fn a_stored_text_that_no_longer_parses_is_named_and_served() {
    let mut desk = Desk::default();
    let content = Content {
        schema_type: annals_schema_model::SchemaType::Avro,
        text: "{\"type\":\"nonsense\"}".into(),
        references: Vec::new(),
        metadata: None,
        rule_set: None,
    };
    desk.set_mode("s", Mode::Import, false).unwrap();
    let imported = RegisterRequest {
        id: Some(1),
        ..request(&content.text)
    };
    assert_eq!(desk.register("s", &imported).unwrap(), (1, 1));
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    assert_eq!(desk.versions("s", Deleted::Without), [1]);
    let refused = desk.register("s", &request("\"string\""));
    assert_refused(
        refused,
        "Incompatible",
        "Version 1 (schema id 1) is stored but cannot be read",
    );
    desk.configure("s", json!({"compatibility": "NONE"}));
    assert_eq!(desk.register("s", &request("\"string\"")).unwrap(), (2, 2));
}

#[test]
fn a_decision_holds_until_its_subject_or_its_settings_change() {
    let mut desk = Desk::default();
    let decision = decide(&desk.view, &Qualified::parse("s"), &request("\"int\""));
    let Decision::Write(new) = decision.unwrap() else {
        panic!("it is new")
    };
    let holds = |view: &View| new.changes(view, 1).is_some();
    assert!(holds(&desk.view));
    desk.register("other", &request("\"long\"")).unwrap();
    assert!(holds(&desk.view), "another subject does not matter");
    let before = desk.view.clone();
    desk.configure("", json!({"compatibility": "FULL"}));
    assert!(!holds(&desk.view), "the level does");
    desk.view = before;
    desk.register("s", &request("\"long\"")).unwrap();
    assert!(!holds(&desk.view), "the subject does");
}
