//! What a schema is known by: layouts are one schema, and what was known before forms stays what it was.

use uuid::Uuid;

use super::*;
use crate::registry::{Content, format, forms};

const ONE_LINE: &str = r#"syntax="proto3"; message T { string x=1; int32 b = 3; int32 a = 2; }"#;
const LINES: &str = "// A comment.\nsyntax = \"proto3\";\n\nmessage T {\n  string x = 1; // x\n  int32 b = 3;\n  int32 a = 2;\n}\n";
const SORTED: &str = r#"syntax="proto3"; message T { string x=1; int32 a = 2; int32 b = 3; }"#;
const COMPACT: &str = r#"{"type":"object","title":"T"}"#;
const SPACED: &str = "{ \"type\" : \"object\",\n  \"title\" : \"T\" }\n";
const TURNED: &str = r#"{"title":"T","type":"object"}"#;

fn text(desk: &Desk, id: u32) -> String {
    desk.view.schema(schema_id(id)).unwrap().text().to_string()
}

fn guid(desk: &Desk, id: u32) -> String {
    desk.view.schema(schema_id(id)).unwrap().guid.to_string()
}

/// A Protobuf text compiled, in base64.
fn compiled(text: &str) -> String {
    let mut desk = Desk::default();
    desk.register("s", &typed("PROTOBUF", text)).unwrap();
    let stored = desk.view.schema(schema_id(1)).unwrap();
    format::text(&desk.view, stored, "serialized")
        .unwrap()
        .to_string()
}

#[test]
fn an_import_keeps_the_guid_it_had() {
    for (schema_type, layout) in [("PROTOBUF", LINES), ("JSON", SPACED)] {
        let mut old = Desk::default();
        old.register("s", &typed(schema_type, layout)).unwrap();
        let given = old.view.schema(schema_id(1)).unwrap().guid;
        let exact = old.view.schema(schema_id(1)).unwrap().content.exact();
        assert_ne!(given, exact);
        // One that is no hash of this schema is another's.
        for (brought, kept) in [(Some(given), given), (None, exact), (Some(Uuid::nil()), exact)] {
            let mut desk = Desk::default();
            desk.set_mode("s", Mode::Import, false).unwrap();
            let asked = RegisterRequest {
                guid: brought,
                ..imported(schema_type, layout, 7, None)
            };
            assert_eq!(desk.register("s", &asked).unwrap(), (7, 1));
            assert_eq!(guid(&desk, 7), kept.to_string(), "{brought:?}");
            assert_eq!(text(&desk, 7), layout);
        }
    }
}

#[test]
fn layouts_are_one_schema() {
    let check = |schema_type: &str, first: &str, same: &[&str], other: &str| {
        let mut desk = Desk::default();
        desk.configure("", json!({"compatibility": "NONE"}));
        assert_eq!(desk.register("s", &typed(schema_type, first)).unwrap(), (1, 1));
        let given = guid(&desk, 1);
        for layout in same {
            let layout = typed(schema_type, layout);
            assert_eq!(desk.register("s", &layout).unwrap(), (1, 1), "{layout:?}");
            assert_eq!(desk.look_up("s", &layout).unwrap(), 1, "{layout:?}");
            assert_eq!(desk.register("t", &layout).unwrap(), (1, 1), "{layout:?}");
        }
        assert_eq!(
            desk.register("s", &typed(schema_type, other)).unwrap(),
            (2, 2),
            "{other}"
        );
        // Whichever layout came first is served, under the one guid.
        for first in same {
            let mut desk = Desk::default();
            desk.register("s", &typed(schema_type, first)).unwrap();
            assert_eq!(guid(&desk, 1), given, "{first}");
        }
        desk
    };
    let descriptor = compiled(LINES);
    let desk = check("PROTOBUF", LINES, &[LINES, ONE_LINE, &descriptor], SORTED);
    assert_eq!(text(&desk, 1), LINES, "as it was first sent");
    check("PROTOBUF", &descriptor, &[ONE_LINE, LINES], SORTED);
    let desk = check("JSON", SPACED, &[SPACED, COMPACT], TURNED);
    assert_eq!(text(&desk, 1), SPACED);
    check("JSON", COMPACT, &[SPACED], TURNED);
}

#[test]
fn metadata_and_references_count_beside_the_form() {
    let mut desk = Desk::default();
    let owner = |text: &str| RegisterRequest {
        metadata: serde_json::from_value(json!({"properties": {"owner": "a"}})).unwrap(),
        ..typed("JSON", text)
    };
    assert_eq!(desk.register("s", &typed("JSON", SPACED)).unwrap(), (1, 1));
    assert_eq!(desk.register("s", &owner(COMPACT)).unwrap(), (2, 2));
    assert_eq!(desk.register("s", &owner(SPACED)).unwrap(), (2, 2));
    assert_eq!(desk.look_up("s", &typed("JSON", SPACED)).unwrap(), 1);
    // Nothing is said of metadata: the newest version that means the same is.
    let third = "{\"type\":\"object\" , \"title\":\"T\"}";
    desk.delete_version("s", "1", false).unwrap();
    assert_eq!(desk.look_up("s", &typed("JSON", third)).unwrap(), 2);
}

#[test]
fn avro_is_known_by_what_is_served() {
    let mut desk = Desk::default();
    let spaced = r#"{ "namespace": "a", "name": "E", "type": "enum", "symbols": [ "A" ] }"#;
    desk.set_mode("s", Mode::Import, false).unwrap();
    assert_eq!(
        desk.register("s", &imported("AVRO", spaced, 7, None)).unwrap(),
        (7, 1)
    );
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    assert_eq!(text(&desk, 7), spaced, "as the importer has it");
    let plain = r#"{"type":"enum","name":"E","namespace":"a","symbols":["A"]}"#;
    assert_eq!(desk.register("t", &request(plain)).unwrap(), (7, 1));
    for normalize in [false, true] {
        let mut desk = Desk::default();
        let asked = RegisterRequest {
            normalize,
            ..request(spaced)
        };
        desk.register("s", &asked).unwrap();
        let stored = desk.view.schema(schema_id(1)).unwrap();
        assert_eq!(
            (stored.guid, stored.form()),
            (stored.content.exact(), stored.guid)
        );
    }
}

#[test]
fn a_retired_layout_comes_back_as_it_was_first_sent() {
    let mut desk = Desk::default();
    desk.register("s", &typed("PROTOBUF", LINES)).unwrap();
    desk.delete("s", false).unwrap();
    desk.delete("s", true).unwrap();
    assert_eq!(desk.register("t", &typed("PROTOBUF", ONE_LINE)).unwrap(), (1, 1));
    assert_eq!(text(&desk, 1), LINES);
    assert_eq!(desk.look_up("t", &typed("PROTOBUF", LINES)).unwrap(), 1);
}

/// As the version before forms knew it: found by its text to the letter.
fn known_before(id: u32, schema_type: &str, text: &str, retired: bool) -> Change {
    let content = Content {
        schema_type: schema_type.parse().unwrap(),
        text: text.into(),
        references: Vec::new(),
        metadata: None,
        rule_set: None,
    };
    Change::Schema {
        context: ".".into(),
        id: schema_id(id),
        guid: content.exact(),
        form: None,
        content: content.into(),
        printed: None,
        registered_ms: 1,
        retired,
    }
}

fn version_of(subject: &str, version: u32, id: u32) -> Change {
    Change::Version {
        of: Qualified::parse(subject),
        version: crate::registry::VersionView {
            version,
            id: schema_id(id),
            registered_ms: 1,
            state: crate::registry::VersionState::Live,
        },
    }
}

#[test]
fn two_ids_that_have_one_form_stay_two() {
    let third = r#"syntax = "proto3"; message T { string x = 1; int32 b = 3; int32 a = 2; }"#;
    let mut desk = Desk::default();
    desk.apply(&[
        known_before(1, "PROTOBUF", ONE_LINE, false),
        known_before(2, "PROTOBUF", LINES, false),
        known_before(3, "JSON", SPACED, true),
        known_before(4, "PROTOBUF", "no schema at all", false),
        version_of("one", 1, 1),
        version_of("both", 1, 1),
        version_of("both", 2, 2),
        version_of("two", 1, 2),
        version_of("odd", 1, 4),
    ]);
    let guids = [1, 2, 4].map(|id| guid(&desk, id));
    let missing = forms::missing(&desk.view);
    assert_eq!(missing.len(), 4);
    assert!(
        missing
            .iter()
            .all(|change| forms::is_still_missing(&desk.view, change))
    );
    desk.apply(&missing);
    assert!(forms::missing(&desk.view).is_empty());
    assert!(
        !missing
            .iter()
            .any(|change| forms::is_still_missing(&desk.view, change))
    );
    assert_eq!(
        [1, 2, 4].map(|id| guid(&desk, id)),
        guids,
        "what was given out stays"
    );
    assert_eq!(
        (text(&desk, 1).as_str(), text(&desk, 2).as_str()),
        (ONE_LINE, LINES)
    );
    let proto = |text: &str| typed("PROTOBUF", text);
    for (subject, layout, wanted) in [
        ("both", ONE_LINE, (1, 1)),
        ("both", LINES, (2, 2)),
        ("both", third, (1, 1)),
        ("one", LINES, (1, 1)),
        ("two", ONE_LINE, (2, 1)),
        ("two", third, (2, 1)),
        ("new", LINES, (2, 1)),
        ("newer", third, (1, 1)),
        ("odd", "no schema at all", (4, 1)),
    ] {
        assert_eq!(
            desk.register(subject, &proto(layout)).unwrap(),
            wanted,
            "{subject} {layout}"
        );
    }
    assert_eq!(
        desk.register("json", &typed("JSON", COMPACT)).unwrap(),
        (3, 1),
        "retired before"
    );
    assert_eq!(text(&desk, 3), SPACED);
    desk.delete("one", false).unwrap();
    desk.delete("one", true).unwrap();
    assert!(desk.is_served(".", 1), "others use it");
}

#[test]
fn an_import_takes_layouts_under_ids_of_their_own() {
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    let proto = |text, id| imported("PROTOBUF", text, id, None);
    assert_eq!(desk.register("s", &proto(LINES, 7)).unwrap(), (7, 1));
    assert_eq!(desk.register("s", &proto(ONE_LINE, 5)).unwrap(), (5, 2));
    assert_eq!(desk.register("t", &proto(ONE_LINE, 5)).unwrap(), (5, 1));
    assert_eq!(desk.register("t", &proto(SORTED, 6)).unwrap(), (6, 2));
    assert_refused(
        desk.register("u", &proto(LINES, 8)),
        "IdDoesNotMatch",
        "with id 7",
    );
    assert_refused(desk.register("u", &proto(SORTED, 5)), "NotPermitted", "Overwrite");
    assert_eq!(
        (text(&desk, 7).as_str(), text(&desk, 5).as_str()),
        (LINES, ONE_LINE)
    );
    desk.set_mode(":.:", Mode::ReadWrite, true).unwrap();
    assert_eq!(
        desk.register("v", &typed("PROTOBUF", LINES)).unwrap(),
        (7, 1),
        "its own text"
    );
    assert_eq!(
        desk.register("w", &typed("PROTOBUF", &compiled(LINES))).unwrap(),
        (5, 1),
        "any other"
    );
}

#[test]
fn an_import_replaces_a_version_and_takes_what_it_cannot_read() {
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    let avro = |text: &str, id, version| imported("AVRO", text, id, Some(version));
    let user = RegisterRequest {
        references: vec![reference("R", "s", 1)],
        ..imported("AVRO", r#"{"type":"array","items":"R"}"#, 9, Some(1))
    };
    desk.register("s", &avro(&record("R", &["x"]), 1, 1)).unwrap();
    desk.register("user", &user).unwrap();
    let resolved = |desk: &Desk| {
        let stored = desk.view.schema(schema_id(9)).unwrap();
        format::text(&desk.view, stored, "resolved").unwrap().to_string()
    };
    assert!(resolved(&desk).contains("\"x\""));
    assert_eq!(
        desk.register("s", &avro(&record("R", &["y"]), 2, 1)).unwrap(),
        (2, 1)
    );
    assert_eq!(desk.versions("s", Deleted::With), [1]);
    assert!(!desk.is_served(".", 1), "no version stands for it");
    assert!(
        resolved(&desk).contains("\"y\""),
        "what refers to the version is read anew"
    );
    assert_eq!(
        desk.register("t", &avro(&record("R", &["x"]), 1, 4)).unwrap(),
        (1, 4)
    );
    for (subject, odd) in [
        ("a", imported("AVRO", "no schema at all", 20, None)),
        ("b", imported("PROTOBUF", "message {", 21, None)),
        (
            "c",
            imported("AVRO", r#"{"type":"enum","name":"xé","symbols":["A"]}"#, 22, None),
        ),
        (
            "d",
            RegisterRequest {
                references: vec![reference("None", "nowhere", 1)],
                ..imported("AVRO", "\"None\"", 23, None)
            },
        ),
        (
            "e",
            RegisterRequest {
                rule_set: serde_json::from_value(json!({"domainRules": [{"type": "CEL"}]})).unwrap(),
                ..imported("AVRO", "\"int\"", 24, None)
            },
        ),
    ] {
        let id = u32::try_from(odd.id.unwrap()).unwrap();
        assert_eq!(desk.register(subject, &odd).unwrap(), (id, 1), "{odd:?}");
        assert_eq!(text(&desk, id), odd.schema);
    }
}
