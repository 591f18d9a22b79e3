//! One text, two types: nothing that is known of it as Avro is taken for true of it as JSON Schema.

use uuid::Uuid;

use super::*;
use crate::registry::verdict;

/// A schema in Avro, stored as it is written here, and in JSON Schema.
const TEXT: &str = r#"{"type":"string","avro.java.string":"String"}"#;

fn typed(schema_type: &str, id: Option<i64>) -> RegisterRequest {
    RegisterRequest {
        schema_type: Some(schema_type.to_owned()),
        id,
        ..request(TEXT)
    }
}

fn guid(desk: &Desk, id: u32) -> Uuid {
    desk.view.schema(schema_id(id)).unwrap().guid
}

#[test]
fn a_verdict_is_remembered_with_its_type() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let subject = Qualified::parse("s");
    let judge = |view: &View, schema_type| {
        let asked = typed(schema_type, None);
        let (verdict, _) = verdict::asked(view, &subject, Some(VersionSpec::Latest), &asked, false).unwrap();
        verdict.is_compatible()
    };
    assert!(judge(&desk.view, "AVRO"));
    assert!(!judge(&desk.view, "JSON"));
    assert_refused(
        desk.register("s", &typed("JSON", None)),
        "Incompatible",
        "schema type",
    );
}

#[test]
fn each_type_of_a_text_has_an_id_and_a_guid_of_its_own() {
    for [first, second] in [["AVRO", "JSON"], ["JSON", "AVRO"]] {
        let mut desk = Desk::default();
        assert_eq!(desk.register("a", &typed(first, None)).unwrap(), (1, 1));
        let given = guid(&desk, 1);
        assert_eq!(desk.register("b", &typed(second, None)).unwrap(), (2, 1));
        assert_eq!(guid(&desk, 1), given, "what was given out stays");
        let other = guid(&desk, 2);
        for (id, guid) in [(1, given), (2, other)] {
            let found = desk.view.schema_by_guid(guid).unwrap();
            assert_eq!(found.id, schema_id(id), "{second}");
        }
        // They are found by their text, under whatever subject.
        for (schema_type, id) in [(first, 1), (second, 2)] {
            let mut spaced = typed(schema_type, None);
            spaced.schema = TEXT.replace(',', " , ");
            for asked in [typed(schema_type, None), spaced] {
                assert_eq!(desk.register("c", &asked).map(|(id, _)| id).ok(), Some(id));
                assert_eq!(desk.register("d", &asked).map(|(id, _)| id).ok(), Some(id));
                desk.delete("c", false).unwrap();
                desk.delete("d", false).unwrap();
            }
            assert_eq!(
                desk.look_up(["a", "b"][id as usize - 1], &typed(schema_type, None))
                    .unwrap(),
                1
            );
        }
        // In another context the second may come first.
        desk.register(":.eu:b", &typed(second, None)).unwrap();
        assert_eq!(desk.view.schema_in(".eu", schema_id(1)).unwrap().guid, given);
    }
}

#[test]
fn an_import_keeps_the_guid_of_the_type_that_came_second() {
    let mut old = Desk::default();
    old.register("a", &typed("AVRO", None)).unwrap();
    old.register("b", &typed("JSON", None)).unwrap();
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    // In whichever order they come.
    for (subject, schema_type, id) in [("b", "JSON", 2), ("a", "AVRO", 1)] {
        let asked = RegisterRequest {
            guid: Some(guid(&old, id)),
            ..typed(schema_type, Some(id.into()))
        };
        assert_eq!(desk.register(subject, &asked).unwrap(), (id, 1));
        assert_eq!(guid(&desk, id), guid(&old, id));
    }
    // A registry in which one guid stands for both types.
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    for (subject, schema_type, id) in [("a", "AVRO", 1), ("b", "JSON", 2)] {
        let asked = RegisterRequest {
            guid: Some(guid(&old, 1)),
            ..typed(schema_type, Some(id.into()))
        };
        assert_eq!(desk.register(subject, &asked).unwrap(), (id, 1));
        assert_eq!(guid(&desk, id), guid(&old, id));
    }
}

#[test]
fn a_retired_id_comes_back_for_its_own_type_alone() {
    let mut desk = Desk::default();
    let gone = |desk: &mut Desk, subject: &str| {
        desk.delete(subject, false).unwrap();
        desk.delete(subject, true).unwrap();
    };
    assert_eq!(desk.register("a", &typed("AVRO", None)).unwrap(), (1, 1));
    let given = guid(&desk, 1);
    gone(&mut desk, "a");
    assert_eq!(desk.register("b", &typed("JSON", None)).unwrap(), (2, 1));
    assert_ne!(guid(&desk, 2), given, "it was answered for the other type");
    assert_eq!(desk.register("a", &typed("AVRO", None)).unwrap(), (1, 1));
    assert_eq!(guid(&desk, 1), given);
    gone(&mut desk, "a");
    gone(&mut desk, "b");
    assert_eq!(desk.register("c", &typed("AVRO", None)).unwrap(), (1, 1));
    gone(&mut desk, "c");
    assert_eq!(desk.register("d", &typed("JSON", None)).unwrap(), (2, 1));
}

#[test]
fn of_two_types_that_race_for_one_text_one_gets_its_guid() {
    let race = |desk: &mut Desk, requests: [RegisterRequest; 2]| -> Vec<Uuid> {
        let decided: Vec<_> = ["a", "b"]
            .iter()
            .zip(&requests)
            .map(|(subject, request)| decide(&desk.view, &Qualified::parse(subject), request).unwrap())
            .collect();
        let mut won = Vec::new();
        for decision in decided {
            let Decision::Write(new) = decision else {
                panic!("nothing is there")
            };
            if let Some((changes, version)) = new.changes(&desk.view, 1) {
                desk.apply(&changes);
                won.push(guid(desk, version.id.get()));
            }
        }
        won
    };
    let mut desk = Desk::default();
    let both = race(&mut desk, [typed("AVRO", None), typed("JSON", None)]);
    assert_eq!(both.len(), 2);
    assert_ne!(both[0], both[1]);
    let mut importing = Desk::default();
    importing.set_mode(":.:", Mode::Import, true).unwrap();
    let one = race(&mut importing, [typed("AVRO", Some(7)), typed("JSON", Some(7))]);
    assert_eq!(one.len(), 1, "an id stands for one of them");
}
