//! Settings at work: scopes, aliases, defaults and overrides, policies.

use super::*;

fn properties(of: &[(&str, &str)]) -> Value {
    let properties: serde_json::Map<String, Value> = of
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    json!({ "properties": properties })
}

#[test]
fn the_nearest_setting_counts_field_by_field() {
    let mut desk = Desk::default();
    let level = |desk: &Desk, name: &str| {
        let scope = desk.view.config_in_scope(&Qualified::parse(name));
        (scope.standard().level.name(), scope.normalize)
    };
    assert_eq!(level(&desk, "s"), ("BACKWARD", None));
    desk.configure(":.__GLOBAL:", json!({"compatibility": "NONE", "normalize": true}));
    assert_eq!(level(&desk, "s"), ("NONE", Some(true)));
    desk.configure("", json!({"compatibility": "FULL"}));
    assert_eq!(level(&desk, "s"), ("FULL", Some(true)));
    assert_eq!(level(&desk, ":.eu:s"), ("NONE", Some(true)));
    desk.configure("s", json!({"normalize": false}));
    assert_eq!(level(&desk, "s"), ("FULL", Some(false)));
}

#[test]
fn an_alias_is_followed_once() {
    let mut desk = Desk::default();
    desk.configure("a", json!({"alias": "b"}));
    desk.configure("b", json!({"alias": "c"}));
    let follow = |name: &str| desk.view.without_alias(Qualified::parse(name)).to_string();
    assert_eq!(
        (follow("a"), follow("b"), follow("c")),
        ("b".into(), "c".into(), "c".into())
    );
}

#[test]
fn metadata_lies_between_defaults_and_overrides() {
    let mut desk = Desk::default();
    desk.configure(
        "s",
        json!({
            "defaultMetadata": properties(&[("owner", "nobody"), ("tier", "1")]),
            "overrideMetadata": properties(&[("checked", "yes")]),
            "overrideRuleSet": {"domainRules": [{"name": "r", "type": "CEL"}]},
        }),
    );
    let own = RegisterRequest {
        metadata: serde_json::from_value(properties(&[("owner", "me"), ("checked", "no")])).ok(),
        ..schema("A")
    };
    assert_eq!(desk.register("s", &own).unwrap(), (1, 1));
    let stored = desk.view.schema(schema_id(1)).unwrap();
    let properties: Vec<_> = stored.metadata().unwrap().properties.iter().collect();
    let wanted = [("checked", "yes"), ("owner", "me"), ("tier", "1")];
    assert!(
        properties
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .eq(wanted)
    );
    assert_eq!(stored.rule_set().unwrap().domain_rules.len(), 1);
    assert_eq!(desk.register("s", &own).unwrap(), (1, 1), "again");
}

#[test]
fn a_version_asked_for_as_the_next_is_noted() {
    let mut desk = Desk::default();
    let next = RegisterRequest {
        version: Some(-1),
        ..schema("A")
    };
    assert_eq!(desk.register("s", &next).unwrap(), (1, 1));
    let stored = desk.view.schema(schema_id(1)).unwrap();
    assert_eq!(stored.metadata().unwrap().properties["confluent:version"], "1");
    assert_eq!(
        desk.register("s", &next).unwrap(),
        (1, 1),
        "the note says nothing about the content"
    );
    assert_eq!(desk.register("s", &schema("A")).unwrap(), (1, 1));
}

#[test]
fn a_schema_may_be_forced() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let forced = RegisterRequest {
        force: true,
        ..request("\"int\"")
    };
    assert!(desk.register("s", &request("\"int\"")).is_err());
    assert_eq!(desk.register("s", &forced).unwrap(), (2, 2));
}

#[test]
fn verdicts_are_remembered_until_ids_may_change() {
    let mut desk = Desk::default();
    desk.configure("", json!({"compatibility": "BACKWARD_TRANSITIVE"}));
    for fields in [&["x"][..], &["x", "y?"]] {
        desk.register("s", &request(&record("R", fields))).unwrap();
    }
    let third = request(&record("R", &["x", "y?", "z?"]));
    let decide_again = |desk: &Desk| decide(&desk.view, &Qualified::parse("s"), &third).is_ok();
    assert!(decide_again(&desk));
    assert_eq!(
        desk.view.verdicts().remembered(),
        2 + 1,
        "two old versions for the third, one for the second"
    );
    assert!(decide_again(&desk));
    desk.register("other", &schema("A")).unwrap();
    desk.delete("other", false).unwrap();
    desk.delete("other", true).unwrap();
    assert_eq!(desk.view.verdicts().remembered(), 0);
    assert!(decide_again(&desk));
}

#[test]
fn versions_are_found_by_their_metadata() {
    let mut desk = Desk::default();
    desk.configure("", json!({"compatibility": "NONE"}));
    for (name, major) in [("A", "1"), ("B", "1"), ("C", "2")] {
        let request = RegisterRequest {
            metadata: serde_json::from_value(properties(&[("major", major)])).ok(),
            ..schema(name)
        };
        desk.register("s", &request).unwrap();
    }
    let find = |major: &str| {
        let asked = [("major".to_owned(), major.to_owned())];
        lookup::by_metadata(&desk.view, &Qualified::parse("s"), &asked, Deleted::Without)
            .map(|found| found.version.version)
    };
    assert_eq!((find("1").unwrap(), find("2").unwrap()), (2, 3));
    assert_refused(find("3"), "SchemaNotFound", "");
}

#[test]
fn reserved_names_stay_reserved_and_free() {
    let mut desk = Desk::default();
    desk.configure("s", json!({"validateFields": true, "compatibility": "NONE"}));
    let with = |reserved: &str, fields: &[&str]| RegisterRequest {
        metadata: serde_json::from_value(properties(&[("confluent:reserved", reserved)])).ok(),
        ..request(&record("R", fields))
    };
    assert_refused(
        desk.register("s", &with("a, b", &["b"])),
        "Incompatible",
        "conflicts with the reserved field b.",
    );
    assert!(desk.register("s", &with("a, b", &["c"])).is_ok());
    assert_refused(
        desk.register("s", &with("b", &["d"])),
        "Incompatible",
        "reserved field a removed",
    );
    assert!(desk.register("s", &with("a,b,c", &["d"])).is_ok());
}

#[test]
fn a_text_with_its_references_written_out_is_found() {
    let mut desk = Desk::default();
    desk.register("money", &request(&record("Money", &["cents"])))
        .unwrap();
    let referring = RegisterRequest {
        references: vec![reference("Money", "money", 1)],
        ..request(r#"{"type":"array","items":"Money"}"#)
    };
    desk.register("s", &referring).unwrap();
    let money: Value = serde_json::from_str(&record("Money", &["cents"])).unwrap();
    let written_out = request(&json!({"type": "array", "items": money}).to_string());
    assert_eq!(desk.look_up("s", &written_out).unwrap(), 1);
    assert_eq!(desk.register("s", &written_out).unwrap(), (2, 1));
}
