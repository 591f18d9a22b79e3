//! What comes by import again, in another order, or at the same time.

use uuid::Uuid;

use super::*;
use crate::registry::{Content, NewVersion, forms};

const BASE: &str = r#"syntax="proto3"; message B { string x=1; }"#;
const USER: &str = r#"syntax="proto3"; import "b.proto"; message U { B b=1; }"#;
const USER_TOO: &str = "syntax = \"proto3\";\nimport \"b.proto\";\nmessage U { B b = 1; }\n";

fn proto(text: &str) -> RegisterRequest {
    RegisterRequest {
        schema_type: Some("PROTOBUF".to_owned()),
        ..request(text)
    }
}

fn user(text: &str) -> RegisterRequest {
    RegisterRequest {
        references: vec![reference("b.proto", "b", 1)],
        ..proto(text)
    }
}

fn with_id(id: i64, request: RegisterRequest) -> RegisterRequest {
    RegisterRequest {
        id: Some(id),
        ..request
    }
}

fn decided(desk: &Desk, subject: &str, request: &RegisterRequest) -> Box<NewVersion> {
    match decide(&desk.view, &Qualified::parse(subject), request).unwrap() {
        Decision::Write(new) => new,
        Decision::Existing(version) => panic!("{version:?}"),
    }
}

fn exact(text: &str, schema_type: &str) -> Uuid {
    let content = Content {
        schema_type: schema_type.parse().unwrap(),
        text: text.into(),
        references: Vec::new(),
        metadata: None,
        rule_set: None,
    };
    content.exact()
}

/// A registry that imports, and holds a schema whose reference is not there yet.
fn ahead_of_its_reference() -> Desk {
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    assert_eq!(desk.register("a", &with_id(9, user(USER))).unwrap(), (9, 1));
    assert!(forms::missing(&desk.view).is_empty(), "nobody can know it");
    assert_eq!(desk.register("b", &with_id(1, proto(BASE))).unwrap(), (1, 1));
    desk
}

#[test]
fn a_text_comes_again_after_its_reference() {
    let mut desk = ahead_of_its_reference();
    assert_eq!(desk.register("c", &with_id(9, user(USER))).unwrap(), (9, 1));
    assert!(forms::missing(&desk.view).is_empty());
    desk.set_mode(":.:", Mode::ReadWrite, false).unwrap();
    assert_eq!(
        desk.register("d", &user(USER_TOO)).unwrap(),
        (9, 1),
        "it is known by its form"
    );

    let mut desk = ahead_of_its_reference();
    let missing = forms::missing(&desk.view);
    assert_eq!(missing.len(), 1);
    desk.apply(&missing);
    desk.set_mode(":.:", Mode::ReadWrite, false).unwrap();
    assert_eq!(desk.register("d", &user(USER_TOO)).unwrap(), (9, 1));
}

#[test]
fn a_guid_is_given_out_once() {
    let bringing = |id, guid, text: &str| RegisterRequest {
        guid: Some(guid),
        ..with_id(id, proto(text))
    };
    let (second, third) = (
        r#"syntax = "proto3"; message B { string x=1; }"#,
        r#"syntax = "proto3";  message B { string x=1; }"#,
    );
    let guid = |desk: &Desk, id| desk.view.schema(schema_id(id)).unwrap().guid;
    let mut desk = Desk::default();
    desk.register("s", &proto(BASE)).unwrap();
    let form = guid(&desk, 1);
    desk.set_mode("t", Mode::Import, false).unwrap();
    assert_eq!(desk.register("t", &bringing(7, form, second)).unwrap(), (7, 1));
    assert_eq!(
        (guid(&desk, 1), guid(&desk, 7)),
        (form, exact(second, "PROTOBUF"))
    );

    // Two that bring it at the same time.
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    let one = decided(&desk, "a", &bringing(7, form, second));
    let other = decided(&desk, "b", &bringing(8, form, third));
    let (changes, _) = one.changes(&desk.view, 1).unwrap();
    desk.apply(&changes);
    assert!(other.changes(&desk.view, 1).is_none());
    assert_eq!(desk.register("b", &bringing(8, form, third)).unwrap(), (8, 1));
    assert_eq!(guid(&desk, 8), exact(third, "PROTOBUF"));
}

#[test]
fn a_guid_of_avro_is_of_the_text_that_is_served() {
    let mut desk = Desk::default();
    desk.set_mode("s", Mode::Import, false).unwrap();
    let sent = r#"{ "type" : "string" }"#;
    let asked = RegisterRequest {
        guid: Some(exact("\"string\"", "AVRO")),
        ..with_id(5, request(sent))
    };
    assert_eq!(desk.register("s", &asked).unwrap(), (5, 1));
    let stored = desk.view.schema(schema_id(5)).unwrap();
    assert_eq!((&**stored.text(), stored.guid), (sent, exact(sent, "AVRO")));
}

#[test]
fn every_id_that_was_given_out_keeps_its_text() {
    let text = || request("\"string\"");
    let mut desk = Desk::default();
    let gone = |desk: &mut Desk, subject: &str| {
        desk.delete(subject, false).unwrap();
        desk.delete(subject, true).unwrap();
    };
    let retired = |view: &View, id: u32| {
        let retired = view.default_context().retired_as(schema_id(id));
        retired.map(|stored| stored.id.get())
    };
    desk.register("s", &text()).unwrap();
    gone(&mut desk, "s");
    desk.set_mode("t", Mode::Import, false).unwrap();
    assert_eq!(desk.register("t", &with_id(7, text())).unwrap(), (7, 1));
    assert_eq!(retired(&desk.view, 1), Some(1));
    gone(&mut desk, "t");
    assert_eq!([1, 7].map(|id| retired(&desk.view, id)), [Some(1), Some(7)]);
    // A start reads them in the order of their ids.
    let mut again = Desk::default();
    for (stored, is_retired) in desk.view.default_context().contents() {
        again.view.apply(&stored.to_change(is_retired));
    }
    assert_eq!([1, 7].map(|id| retired(&again.view, id)), [Some(1), Some(7)]);
    assert_eq!(again.register("u", &text()).unwrap(), (1, 1));
    assert_eq!([1, 7].map(|id| retired(&again.view, id)), [None, Some(7)]);
    // While another id has its guid it is the importer's text that counts.
    again.set_mode("v", Mode::Import, false).unwrap();
    assert_refused(again.register("v", &with_id(7, text())), "IdDoesNotMatch", "");
}

#[test]
fn a_decision_rests_on_what_its_references_stood_for() {
    let mut desk = Desk::default();
    let user = RegisterRequest {
        references: vec![reference("m.E", "middle", 1)],
        ..request(r#"{"type":"array","items":"m.E"}"#)
    };
    let middle = RegisterRequest {
        references: vec![reference("m.B", "base", 1)],
        ..request(r#"{"type":"record","name":"m.E","fields":[{"name":"b","type":"m.B"}]}"#)
    };
    desk.register("base", &schema("m.B")).unwrap();
    desk.register("middle", &middle).unwrap();
    let new = decided(&desk, "user", &user);
    assert!(new.is_parsed_with(&desk.view) && new.changes(&desk.view, 1).is_some());
    desk.set_mode("base", Mode::Import, true).unwrap();
    let other = RegisterRequest {
        version: Some(1),
        ..with_id(9, request(r#"{"type":"enum","name":"m.B","symbols":["Z"]}"#))
    };
    assert_eq!(desk.register("base", &other).unwrap(), (9, 1));
    assert!(
        new.changes(&desk.view, 1).is_none(),
        "nobody judged it with the other base"
    );
    assert!(!new.is_parsed_with(&desk.view));
}
